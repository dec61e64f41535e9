// The text of one block: emphasis, bold, inline code and links, by CommonMark's rules.
//
// Each character is read once. What comes later only wraps what is on the page already:
// the second ** of **bold** moves the words since the first one into a <strong>.

import { linkTo } from "./markdown.js";

const MOST_OPEN = 50; // stars and underscores that wait for their partner
const MOST_LINK = 2000; // characters from the ] of a link to its last )

// Patterns for what is read in one step. With "y" a pattern looks at one place only.
const WORDS = /[^\\`*_![\]\s]+/y;
const SPACE = /\s{1,50}/y;
const SPACE_IN_HEADING = /\s{1,50}(?:#{1,50}\s{0,50}$)?/y; // also the end of "# Why? #"
const RUN = /\*{1,50}|_{1,50}|`{1,50}/y;
const BACKTICKS = /`{1,50}/g;
const CODE = /`{1,50}|[^`]+/y;
const ESCAPE = /\\[!-/:-@[-`{-~]/y; // a backslash takes away a mark's meaning: \*
const ADDRESS = String.raw`\]\((?:[^\s()<>\\]|\([^\s()<>\\]*\))*`; // "](https://a.org"
const LINK = new RegExp(`${ADDRESS}\\)`, "y");
const LINK_SO_FAR = new RegExp(`(?:\\]|${ADDRESS}(?:\\([^\\s()<>\\\\]*)?)$`, "y");

/** The text of a block, which is shown in an element while it arrives. */
export class Inline {
  constructor(element, { isHeading = false, isParagraph = false }) {
    this.element = element;
    this.isParagraph = isParagraph;
    this.space = isHeading ? SPACE_IN_HEADING : SPACE;
    this.source = ""; // the text that has not been read yet
    this.at = 0; // how far it has been read
    this.before = ""; // the character before; "" at the beginning
    this.isWhole = false; // whether all of the text has come
    this.words = null; // the text node that grows
    this.marks = []; // runs of * or _ that nobody has looked at yet
    this.open = []; // those that wait for a partner
    this.brackets = []; // each [ that waits for its ]
    this.code = null; // the inline code that waits for its end
    this.lastRuns = null; // of ` by their lengths, when all has come
  }

  /** Show more text. What may still change its meaning waits. */
  write(text) {
    this.source += text;
    this.read();
    this.source = this.source.slice(this.at);
    this.at = 0;
  }

  /** Show what waits: nothing more will come. */
  end() {
    this.isWhole = true;
    this.read();
    if (this.code) this.takeBackCode();
    this.brackets = [];
    this.pairMarks();
  }

  /** Read on, up to what has to wait. */
  read() {
    let isRead = true;
    while (isRead && this.at < this.source.length) {
      isRead = this.code ? this.readCode() : this.readText();
    }
  }

  /** Read one step further. Return whether that was possible. */
  readText() {
    const next = this.source[this.at];
    const words = this.find(WORDS);
    if (words) return this.show(words);
    const space = this.find(this.space);
    if (space) return this.readSpace(space);
    const run = this.find(RUN);
    if (run) return this.readRun(run);
    if (next === "[") return this.openBracket("[");
    if (next === "]" && this.brackets.length > 0) return this.closeBracket();
    if (this.isWaiting(next)) return false; // for what follows ! or a backslash
    if (next === "!" && this.source[this.at + 1] === "[") return this.openBracket("![");
    const escape = this.find(ESCAPE);
    if (escape) return this.show(escape[1], escape);
    return this.show(next);
  }

  /** Return what a pattern finds here, or "". */
  find(pattern) {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.source);
    return found ? found[0] : "";
  }

  /** Whether a text may go on in the next piece. */
  isWaiting(text) {
    return !this.isWhole && this.at + text.length === this.source.length;
  }

  /** Move past what has been read. */
  pass(source) {
    this.at += source.length;
    this.before = /.$/su.exec(source)[0];
  }

  /** Show a text, which the source may write in another way. */
  show(text, source = text) {
    this.pass(source);
    if (this.words) this.words.appendData(text);
    else this.words = this.newText(text);
    return true;
  }

  /** Return a new text node at the end. Words that follow get a node of their own. */
  newText(text) {
    const node = document.createTextNode(text);
    this.element.append(node);
    this.words = null;
    return node;
  }

  /** Read white space, which a block does not begin or end with. */
  readSpace(space) {
    if (this.isWaiting(space)) return false;
    const isEnd = this.at + space.length === this.source.length;
    const shown = this.before ? space : space.trimStart();
    if (shown && !isEnd) return this.show(shown, space);
    this.pass(space);
    return true;
  }

  // Emphasis

  /** Read a run of *, _ or `. */
  readRun(run) {
    if (this.isWaiting(run)) return false;
    if (run[0] === "`") return this.openCode(run);
    const { before } = this;
    this.pass(run);
    const next = this.source.codePointAt(this.at);
    const after = next === undefined ? "" : String.fromCodePoint(next);
    const isLeft = leans(after, before);
    const isRight = leans(before, after);
    const inWord = run[0] === "_" && isLeft && isRight; // as in a_name_like_this
    this.marks.push({
      node: this.newText(run),
      length: run.length,
      left: run.length, // how many have no partner
      opens: isLeft && (!inWord || isMark(before)),
      closes: isRight && (!inWord || isMark(after)),
    });
    if (this.brackets.length === 0) this.pairMarks(); // a link comes before emphasis
    return true;
  }

  /** Look for the partners of the runs that nobody has looked at yet. */
  pairMarks() {
    for (const mark of this.marks) this.pair(mark, this.open);
    this.marks = [];
  }

  /** Pair a run with those that are open, as long as it closes one. */
  pair(mark, open) {
    while (mark.closes && mark.left > 0) {
      const place = open.findLastIndex((opener) => fit(opener, mark));
      if (place < 0) break;
      const opener = open[place];
      this.wrap(opener, mark);
      open.length = opener.left > 0 ? place + 1 : place; // those between stay text
    }
    let waiting = mark.left;
    for (const opener of open) waiting += opener.left;
    if (mark.opens && mark.left > 0 && waiting <= MOST_OPEN) open.push(mark);
  }

  /** Move what is between two runs into a <strong> or an <em>. */
  wrap(opener, closer) {
    const isStrong = opener.left > 1 && closer.left > 1;
    const element = document.createElement(isStrong ? "strong" : "em");
    moveAll(opener.node.nextSibling, closer.node, element);
    opener.node.after(element);
    for (const mark of [opener, closer]) {
      mark.left -= isStrong ? 2 : 1;
      mark.node.data = mark.node.data.slice(isStrong ? 2 : 1);
      if (mark.left === 0) mark.node.remove();
    }
  }

  // Links

  openBracket(bracket) {
    this.pass(bracket);
    const node = this.newText(bracket);
    this.brackets.push({ node, isImage: bracket[0] === "!", marks: this.marks.length });
    return true;
  }

  /** Read a ], and the address after it. */
  closeBracket() {
    const link = this.find(LINK);
    const rest = this.source.length - this.at;
    const mayFollow = !this.isWhole && !link && rest <= MOST_LINK;
    if (mayFollow && this.find(LINK_SO_FAR)) return false;
    const { node, isImage, marks } = this.brackets.pop();
    const isShort = link && link.length <= MOST_LINK;
    const anchor = isShort && !isImage ? linkTo(link.slice(2, -1)) : null;
    if (anchor) {
      const open = [];
      for (const mark of this.marks.splice(marks)) this.pair(mark, open);
      moveAll(node.nextSibling, null, anchor);
      node.replaceWith(anchor);
      this.words = null;
      this.pass(link);
      this.brackets = []; // a link cannot contain a link
    } else {
      this.show("]");
    }
    if (this.brackets.length === 0) this.pairMarks();
    return true;
  }

  // Inline code

  /** Show inline code from here on, unless its end is known to be missing. */
  openCode(run) {
    if (this.lastRuns && !(this.lastRuns.get(run.length) > this.at)) return this.show(run);
    this.pass(run);
    this.code = { run, element: document.createElement("code") };
    this.element.append(this.code.element);
    this.words = null;
    return true;
  }

  readCode() {
    const { run, element } = this.code;
    const text = this.find(CODE);
    if (text[0] === "`" && this.isWaiting(text)) return false;
    this.pass(text);
    if (text === run) {
      element.textContent = withoutEdges(element.textContent.replaceAll("\n", " "));
      this.code = null;
    } else {
      element.append(text);
    }
    return true;
  }

  /** Read again, as text, what was shown as code: its end has not come. */
  takeBackCode() {
    const { run, element } = this.code;
    this.source = run + element.textContent;
    this.at = 0;
    element.remove();
    this.code = null;
    this.lastRuns = new Map();
    for (const { 0: found, index } of this.source.matchAll(BACKTICKS)) {
      this.lastRuns.set(found.length, index);
    }
    this.show(run);
    this.read();
  }
}

/** Move the nodes from first up to end, but not end itself, into an element. */
function moveAll(first, end, element) {
  let node = first;
  while (node !== end) {
    const next = node.nextSibling;
    element.append(node);
    node = next;
  }
}

/** Whether a run beside this character leans on it: in "a *b" the star leans on b. */
function leans(on, from) {
  if (isSpace(on)) return false;
  return !isMark(on) || isSpace(from) || isMark(from);
}

function isSpace(character) {
  return character.trim() === ""; // also where the block begins or ends
}

function isMark(character) {
  return /[\p{P}\p{S}]/u.test(character);
}

/** Whether a run may end what another has begun. */
function fit(opener, closer) {
  if (opener.node.data[0] !== closer.node.data[0]) return false;
  const isOdd = (opener.closes || closer.opens) && (opener.length + closer.length) % 3 === 0;
  return !isOdd || opener.length % 3 === 0;
}

/** Return code without one space at both ends, which is there for the ` in `` ` ``. */
function withoutEdges(code) {
  return /^ .*[^ ].* $/.test(code) ? code.slice(1, -1) : code;
}
