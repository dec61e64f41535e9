// The wire strip: what arrived when, drawn while it arrives. When time outgrows it, its
// columns merge in pairs: 100,000 pieces take as little room, and work, as a hundred.

const COLUMNS = 256;
const ROWS = 300; // the table leaves out the pieces after these
const NUMBERS = ["First text", "Longest gap", "Pieces per second", "Pieces", "Bytes"];
const SVG = "http://www.w3.org/2000/svg";

/**
 * Draw a wire strip into a figure. Call begin() when the question leaves, read(piece)
 * with {text, bytes} for each piece, and end(how) with a word. Pieces that were read
 * elsewhere bring `at`, in ms since the question left; their end is end(how, at).
 */
export function wireStrip(figure) {
  const strip = add(figure, "svg", { role: "img" });
  const wait = add(strip, "rect", { class: "wait" });
  const pause = add(strip, "rect", { class: "pause" });
  const lane = { viewBox: `0 0 ${COLUMNS} 1`, preserveAspectRatio: "none" };
  const bars = add(add(strip, "svg", lane), "path");
  const pen = add(strip, "rect", { class: "pen" });
  const label = add(strip, "text", { class: "label" });
  const ticks = [0, 25, 50, 75].map((x) => add(strip, "text", { x: `${x}%` }));
  const list = add(figure, "dl");
  const numbers = NUMBERS.map((name) => {
    const number = add(list, "div");
    add(number, "dt").append(name);
    return add(number, "dd");
  });
  const details = add(figure, "details");
  add(details, "summary").append("Every piece in a table");
  const scroller = { role: "region", "aria-label": "Pieces", tabindex: 0 };
  const table = add(add(details, "div", scroller), "table");
  const caption = add(table, "caption");
  addRow(add(table, "thead"), "th", ["Piece", "At, ms", "Bytes", "Text"]);
  const rows = add(table, "tbody");
  let seen, frame;
  const now = () => performance.now() - seen.began;

  function begin() {
    const columns = new Array(COLUMNS).fill(0); // bytes
    seen = { columns, span: 1000, pieces: 0, bytes: 0, last: 0, longest: [0, 0] };
    seen.began = performance.now();
    rows.replaceChildren();
    mark("waiting", 0);
    keepDrawing();
  }

  function read({ text, bytes, at = now() }) {
    reach(at);
    seen.columns[Math.floor((COLUMNS * at) / seen.span)] += bytes;
    seen.bytes += bytes;
    seen.pieces += 1;
    seen.last = at;
    if (text) seen.first ??= at;
    label.textContent = visible(text.slice(-24));
    const row = [seen.pieces, Math.round(at), bytes, visible(text)];
    if (seen.pieces <= ROWS) addRow(rows, "td", row);
  }

  function mark(how, at = now()) {
    cancelAnimationFrame(frame);
    figure.dataset.how = label.textContent = how;
    draw(at);
  }

  function keepDrawing() {
    draw(now());
    frame = requestAnimationFrame(keepDrawing);
  }

  /** Make room for the time `at`; a pause that lasts until then may be the longest. */
  function reach(at) {
    const { columns, pieces, last, longest } = seen;
    if (pieces && at - last > longest[1] - longest[0]) seen.longest = [last, at];
    for (; at >= seen.span; seen.span *= 2) {
      const bytes = (i) => columns[i] ?? 0;
      columns.forEach((_, i) => (columns[i] = bytes(2 * i) + bytes(2 * i + 1)));
    }
  }

  function draw(at) {
    reach(at);
    const { columns, span, pieces, bytes, first, last, longest: [from, to] } = seen;
    const x = (time) => `${(100 * time) / span}%`;
    const tallest = Math.max(...columns);
    const bar = (n, i) => (n ? `M${i} 1V${1 - Math.sqrt(n / tallest)}h.7V1` : "");
    bars.setAttribute("d", columns.map(bar).join(""));
    wait.setAttribute("width", x(first ?? at));
    pause.setAttribute("x", x(from));
    pause.setAttribute("width", x(to - from));
    pen.setAttribute("x", x(at));
    label.setAttribute("x", x(at));
    label.setAttribute("text-anchor", at > span / 2 ? "end" : "start");
    ticks.forEach((tick, i) => (tick.textContent = `${(span * i) / 4000} s`));
    const pace = Math.round((10000 * (pieces - 1)) / (last - first)) / 10;
    const values = [seconds(first), seconds(to - from), pace || "-", pieces, bytes];
    values.forEach((value, i) => (numbers[i].textContent = value));
    strip.setAttribute("aria-label", NUMBERS.map((name, i) => `${name} ${values[i]}`));
    caption.textContent = pieces > ROWS ? `The first ${ROWS} of ${pieces}` : "";
  }

  begin();
  mark("idle", 0);
  return { begin, read, end: mark };
}

const seconds = (ms) => (ms ? `${(ms / 1000).toFixed(2)} s` : "-");
const visible = (text) => JSON.stringify(text.slice(0, 60)).replaceAll(" ", "·");

function addRow(parent, cell, texts) {
  const row = add(parent, "tr");
  for (const text of texts) add(row, cell).append(text);
}

function add(parent, name, attributes = {}) {
  const space = name === "svg" ? SVG : parent.namespaceURI;
  const node = parent.appendChild(document.createElementNS(space, name));
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  return node;
}
