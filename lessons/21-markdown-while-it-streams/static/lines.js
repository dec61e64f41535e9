// What the beginning of a line says about its block, by CommonMark's rules.

const MOST_LOOKED_AT = 200; // characters, so that no line takes long, whatever is in it
const MOST_WAITING = 400; // the same, and the indents of all items that the line is in
const ITEM = /^ {0,3}([-+*]|(\d{1,9})[.)])( {1,4}(?=\S)| (?= )|(?=\s*\n))/;
const HEADING = /^ {0,3}(#{1,6})(?=\s)/;
const FENCE = /^( {0,3})(`{3,}(?=[^`\n]*\n)|~{3,}(?=[^\n]*\n))/;
const END_OF_CODE = /^ {0,3}(`{3,}|~{3,})\s*\n/;
const UNDECIDED =
  /^ *(([-+*]|\d+[.)]) +)*([-+*]|\d+[.)]?|#{1,6}|``?|~~?|(```|~~~)[^\n]*)?[^\S\n]*$/;

/** Return what a pattern finds in the first characters of a line. */
function lookAt(line, pattern) {
  return pattern.exec(line.slice(0, MOST_LOOKED_AT));
}

/** Whether more of a line has to come before its block is known: "-" may begin an item. */
export function isUndecided(line) {
  return line.length < MOST_WAITING && UNDECIDED.test(line);
}

/** Whether a line is blank, and whole. */
export function isBlank(line) {
  return lookAt(line, /^\s*\n/) !== null;
}

/**
 * Return what begins an item of a list, or null: its length in characters, its kind (the
 * last character of its marker), its number (undefined where it has a bullet), the indent
 * of the lines that belong to it, and whether it may follow a paragraph at once.
 */
export function itemAt(line) {
  const found = lookAt(line, ITEM);
  if (!found) return null;
  const [start, marker, number, gap] = found;
  const isEmpty = isBlank(line.slice(start.length));
  return {
    length: start.length,
    kind: marker.at(-1),
    number,
    indent: " ".repeat(start.length + (gap ? 0 : 1)),
    mayFollowText: !isEmpty && (number === undefined || Number(number) === 1),
  };
}

/** Return what begins a heading, or null: its length, and its level from 1 to 6. */
export function headingAt(line) {
  const found = lookAt(line, HEADING);
  return found && { length: found[0].length, level: found[1].length };
}

/** Return what begins fenced code, or null: the indent of its fence, and its marks. */
export function fenceAt(line) {
  const found = lookAt(line, FENCE);
  return found && { indent: found[1].length, marks: found[2] };
}

/** Whether a line ends the code that a fence has begun. */
export function endsCode(line, { marks }) {
  const found = lookAt(line, END_OF_CODE);
  return found !== null && found[1].startsWith(marks);
}

/** Return a line of code without the indent of its fence. */
export function withoutIndent(line, { indent }) {
  const spaces = lookAt(line, /^ */)[0].length;
  return line.slice(Math.min(spaces, indent));
}
