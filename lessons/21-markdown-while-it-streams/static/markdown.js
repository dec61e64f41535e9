// Markdown while it streams: a block that has ended is never touched again.

import { Inline } from "./inline.js";
import * as lines from "./lines.js";
import { Lists } from "./lists.js";

export class Markdown {
  constructor(place) {
    this.lists = new Lists(place);
    this.block = null; // the paragraph, heading or code that is open
    this.start = ""; // of a line whose block is not known yet
    this.isInLine = false; // whether a line has its block, but not yet its end
  }

  /** Show more of the answer. */
  write(text) {
    for (const part of text.match(/[^\n]*\n|[^\n]+/g) ?? []) {
      if (this.isInLine) {
        this.block.write(part);
      } else {
        this.start += part;
        if (lines.isUndecided(this.start)) continue;
        this.begin(this.start);
        this.start = "";
      }
      this.isInLine = !part.endsWith("\n");
    }
  }

  /** Show what is still waiting: the answer has ended. */
  end() {
    if (this.start) this.begin(`${this.start}\n`);
    this.endBlock();
  }

  /** Begin a line: go on with the block that is open, or open another. */
  begin(start) {
    const { depth, line, isInside } = this.lists.enter(start);
    const fence = this.block?.fence;
    if (fence && isInside) {
      if (lines.endsCode(line, fence)) this.endBlock();
      else this.block.write(lines.withoutIndent(line, fence));
      return;
    }
    if (lines.isBlank(line) || !this.block?.isParagraph) this.endBlock();
    const isAfterText = this.block && isInside;
    const rest = this.lists.openItems(line, depth, isAfterText);
    if (rest.depth > depth) this.endBlock();
    if (!lines.isBlank(rest.line)) this.show(rest.line, rest.depth);
  }

  /** Show a line: as a heading, as the beginning of code, or in a paragraph. */
  show(line, depth) {
    const heading = lines.headingAt(line);
    const fence = lines.fenceAt(line);
    if (heading || fence) this.endBlock();
    if (!this.block) this.lists.close(depth);
    if (heading) {
      this.block = new Inline(this.lists.add(`h${heading.level}`), { isHeading: true });
      this.block.write(line.slice(heading.length));
    } else if (fence) {
      const code = document.createElement("code");
      this.lists.add("pre").append(code);
      this.block = { fence, write: (text) => code.append(text), end() {} };
    } else {
      this.block ??= new Inline(this.lists.add("p"), { isParagraph: true });
      this.block.write(line.trimStart());
    }
  }

  endBlock() {
    this.block?.end();
    this.block = null;
  }
}

/** Return a link to an address, or null: javascript:... would run in this page. */
export function linkTo(address) {
  if (!/^https?:\/\//i.test(address)) return null;
  const link = document.createElement("a");
  link.href = address;
  return link;
}
