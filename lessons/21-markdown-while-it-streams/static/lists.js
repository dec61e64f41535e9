// The lists that are open: where on the page the next block goes.

import { isBlank, itemAt } from "./lines.js";

const MOST_ITEMS = 10; // inside each other: deeper ones are shown as text

/** The open items of an answer's lists, each inside the one before. */
export class Lists {
  constructor(place) {
    this.place = place; // the element that the answer is shown in
    this.items = [];
  }

  /**
   * Return the number of open items that a line belongs to, the line without their
   * indents, and whether it is inside all of them.
   */
  enter(line) {
    let depth = 0;
    for (const item of this.items) {
      const { indent, element } = item;
      if (isBlank(line)) {
        item.isOver ||= !element.hasChildNodes(); // an empty item, then a blank line
        line = line.startsWith(indent) ? line.slice(indent.length) : "\n";
      } else {
        if (item.isOver || !line.startsWith(indent)) break;
        line = line.slice(indent.length);
      }
      depth += 1;
    }
    return { depth, line, isInside: depth === this.items.length };
  }

  /**
   * Open each item that begins in a line, the first one at a depth. Return the rest of
   * the line, and its depth. After a text, not every item may begin.
   */
  openItems(line, depth, isAfterText) {
    let item = itemAt(line);
    if (isAfterText && !item?.mayFollowText) item = null;
    while (item && depth < MOST_ITEMS) {
      this.open(item, depth);
      line = line.slice(item.length);
      depth += 1;
      item = itemAt(line);
    }
    return { depth, line };
  }

  /** Open an item at a depth, in the list that is there if it is of the same kind. */
  open(item, depth) {
    const before = this.items[depth];
    this.close(depth);
    let list = before?.list;
    if (before?.kind !== item.kind) {
      list = this.add(item.number ? "ol" : "ul");
      if (item.number) list.start = Number(item.number);
    }
    const element = document.createElement("li");
    list.append(element);
    this.items.push({ ...item, list, element });
  }

  /** Keep the outermost items open, as many as depth says; close the others. */
  close(depth) {
    this.items.length = depth;
  }

  /** Add an element to the innermost open item; return it. */
  add(name) {
    const element = document.createElement(name);
    const parent = this.items.at(-1)?.element ?? this.place;
    parent.append(element);
    return element;
  }
}
