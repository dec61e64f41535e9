// The wire strip: what arrived when, drawn while it arrives. Each column is a part of
// the time. When that no longer fits, every two columns become one. So 100,000 pieces
// take no more room or work than a hundred.

const COLUMNS = 256;
const ROWS = 300; // the table leaves out the pieces after these
const NUMBERS = ["First text", "Longest gap", "Pieces per second", "Pieces", "Bytes"];
const SVG = "http://www.w3.org/2000/svg"; // tells the browser: a shape, and not HTML

/**
 * Draw a wire strip into a figure. Call begin() when the question leaves, read(piece)
 * with {text, bytes} for each piece, and end(how) with a word. Pieces that were read
 * elsewhere have `at`, in ms since the question left; their end is end(how, at).
 */
export function wireStrip(figure) {
  const strip = add(figure, "svg", { role: "img" }); // draw() says what it shows
  const wait = add(strip, "rect", { class: "wait" });
  const pause = add(strip, "rect", { class: "pause" });
  const lane = add(strip, "svg", {
    viewBox: `0 0 ${COLUMNS} 1`, // x counts columns, y goes from 0 at the top to 1
    preserveAspectRatio: "none", // it is stretched to the size of the strip
  });
  const bars = add(lane, "path");
  const pen = add(strip, "rect", { class: "pen" }); // the line that marks the time
  const label = add(strip, "text", { class: "label" });
  // map returns an array, JavaScript's list: what the function returns for each x.
  const ticks = [0, 25, 50, 75].map((x) => add(strip, "text", { x: `${x}%` }));

  const list = add(figure, "dl");
  const numbers = NUMBERS.map((name) => {
    const pair = add(list, "div");
    add(pair, "dt").append(name);
    return add(pair, "dd"); // for the number: style.css puts it above the name
  });

  const details = add(figure, "details");
  add(details, "summary").append("Every piece in a table");
  const scroller = add(details, "div", {
    role: "region",
    "aria-label": "Pieces",
    tabindex: 0, // so that the keyboard can scroll it
  });
  const table = add(scroller, "table");
  const caption = add(table, "caption");
  addRow(add(table, "thead"), "th", ["Piece", "At, ms", "Bytes", "Text"]);
  const rows = add(table, "tbody");

  let seen; // what has arrived: see nothingYet
  let frame; // the next drawing's number, for cancelAnimationFrame

  /** Return the time since the question left, in ms. */
  function now() {
    return performance.now() - seen.began;
  }

  function begin() {
    cancelAnimationFrame(frame);
    seen = nothingYet();
    rows.textContent = ""; // no rows
    show("waiting");
    keepDrawing();
  }

  /** Count a piece. Without `at` it has just arrived. */
  function read({ text, bytes, at = now() }) {
    reach(at);
    const column = Math.floor((COLUMNS * at) / seen.span);
    seen.columns[column] += bytes;
    seen.bytes += bytes;
    seen.pieces += 1;
    seen.last = at;
    if (text && seen.first === null) seen.first = at;
    label.textContent = visible(text.slice(-24));
    if (seen.pieces <= ROWS) {
      addRow(rows, "td", [seen.pieces, Math.round(at), bytes, visible(text)]);
    }
  }

  function end(how, at = now()) {
    cancelAnimationFrame(frame);
    show(how);
    draw(at);
  }

  function show(how) {
    figure.dataset.how = how; // style.css gives a failure its colour
    label.textContent = how;
  }

  /** Draw now, and each time the browser is about to paint: the pen moves on. */
  function keepDrawing() {
    draw(now());
    frame = requestAnimationFrame(keepDrawing);
  }

  /** Make room for the time `at`; a pause that lasts until then may be the longest. */
  function reach(at) {
    const longest = seen.pauseEnds - seen.pauseBegins;
    // The wait for the first piece does not count as a pause.
    if (seen.pieces > 0 && at - seen.last > longest) {
      seen.pauseBegins = seen.last;
      seen.pauseEnds = at;
    }
    while (at >= seen.span) mergeColumns();
  }

  function mergeColumns() {
    const merged = new Array(COLUMNS).fill(0);
    seen.columns.forEach((bytes, i) => {
      merged[Math.floor(i / 2)] += bytes; // i: the index, which forEach passes second
    });
    seen.columns = merged;
    seen.span *= 2;
  }

  function draw(at) {
    reach(at);
    const x = (time) => `${(100 * time) / seen.span}%`;
    set(bars, { d: shapeOf(seen.columns) });
    set(wait, { width: x(seen.first ?? at) }); // at: while there is no first text
    set(pause, { x: x(seen.pauseBegins), width: x(seen.pauseEnds - seen.pauseBegins) });
    set(pen, { x: x(at) });
    // In the right half the label is to the left of the pen, and ends there.
    // (a ? b : c is Python's b if a else c.)
    set(label, { x: x(at), "text-anchor": at > seen.span / 2 ? "end" : "start" });
    ticks.forEach((tick, i) => {
      const time = (seen.span * i) / ticks.length; // ms: the ticks are evenly spaced
      tick.textContent = `${time / 1000} s`;
    });

    const values = valuesOf(seen);
    numbers.forEach((number, i) => {
      number.textContent = values[i];
    });
    const spoken = NUMBERS.map((name, i) => `${name} ${values[i]}`);
    set(strip, { "aria-label": spoken.join(", ") });
    caption.textContent =
      seen.pieces > ROWS ? `The first ${ROWS} of ${seen.pieces}` : "";
  }

  // Before the first question: an empty strip, with all its numbers.
  begin();
  end("idle", 0);
  return { begin, read, end };
}

/** Return what is known when a question leaves. Times are in ms since then. */
function nothingYet() {
  return {
    began: performance.now(),
    columns: new Array(COLUMNS).fill(0), // the bytes that arrived in each one's time
    span: 1000, // the time of all columns
    pieces: 0,
    bytes: 0,
    first: null, // when the first text arrived
    last: 0, // when the latest piece arrived
    pauseBegins: 0, // the longest time without a piece, after the first
    pauseEnds: 0,
  };
}

/**
 * Return the path that draws the columns. Each is as high as the square root of its
 * bytes, so that small ones can be seen beside a large one.
 */
function shapeOf(columns) {
  const tallest = Math.max(...columns); // ... is Python's * in a call
  let path = "";
  columns.forEach((bytes, i) => {
    if (bytes === 0) return;
    const top = 1 - Math.sqrt(bytes / tallest); // y of its top: 0 for the tallest
    path += `M${i} 1V${top}h.7V1`; // from (i, 1) up to the top, 0.7 right, down to 1
  });
  return path;
}

/** Return what to write for each of NUMBERS. */
function valuesOf({ first, last, pauseBegins, pauseEnds, pieces, bytes }) {
  const longest = seconds(pauseEnds - pauseBegins);
  return [seconds(first), longest, pace(first, last, pieces), pieces, bytes];
}

function seconds(ms) {
  return ms ? `${(ms / 1000).toFixed(2)} s` : "-"; // "-" for null and 0: nothing yet
}

/** Return the pieces per second after the first; "-" until a second one has arrived. */
function pace(first, last, pieces) {
  if (first === null || last === first) return "-";
  const perSecond = (1000 * (pieces - 1)) / (last - first);
  return Math.round(10 * perSecond) / 10; // one digit after the point
}

/** Return the beginning of a text with its white space made visible. */
function visible(text) {
  const quoted = JSON.stringify(text.slice(0, 60)); // a line break becomes \n
  return quoted.replaceAll(" ", "·");
}

function addRow(parent, cell, texts) {
  const row = add(parent, "tr");
  for (const text of texts) add(row, cell).append(text);
}

/** Add an element, or a shape inside an svg, with these attributes; return it. */
function add(parent, name, attributes = {}) {
  // An svg begins a drawing. An element inside it is a shape too, as its parent is.
  const kind = name === "svg" ? SVG : parent.namespaceURI;
  const node = document.createElementNS(kind, name); // NS: of this kind
  set(node, attributes);
  parent.append(node);
  return node;
}

function set(node, attributes) {
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
}
