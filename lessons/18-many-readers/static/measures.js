// Ask /metrics once a second, and draw what each number has been in the last minute.

const SECONDS = 60; // how much of the past is drawn
const SVG = "http://www.w3.org/2000/svg"; // for an element of a drawing
const DRAWN = [
  { title: "Answers running", value: (now) => now.get("answers_running") },
  { title: "Pieces that wait", value: (now) => now.get("pieces_held") },
  { title: "Bytes that wait", value: (now) => now.get("bytes_held") },
  {
    title: "Pieces in a second",
    value: (now, before) => grown("pieces_sent_total", now, before),
  },
  {
    title: "Bytes in a second",
    value: (now, before) => grown("bytes_sent_total", now, before),
  },
  { title: "First text, seconds", value: meanWait },
  { title: "Whole", value: (now) => now.get('answers_ended_total{how="whole"}') },
  { title: "Failed", value: (now) => now.get('answers_ended_total{how="failed"}') },
  {
    title: "Left by their reader",
    value: (now) => now.get('answers_ended_total{how="reader left"}'),
  },
  { title: "Refused", value: (now) => now.get("answers_refused_total") },
];

const problem = document.querySelector("#problem");
for (const drawing of DRAWN) {
  drawing.values = [];
  addTo(document.querySelector("#measures"), drawing);
}
let before = null; // what the last look found
while (true) {
  try {
    const now = await look();
    for (const drawing of DRAWN) draw(drawing, drawing.value(now, before ?? now));
    before = now;
    problem.textContent = "";
  } catch (error) {
    problem.textContent = `The numbers could not be read: ${error.message}`;
  }
  await new Promise((resolve) => setTimeout(resolve, 1000));
}

/** Return what /metrics says, a Map from names to numbers. */
async function look() {
  const response = await fetch("metrics", { cache: "no-store" });
  if (!response.ok) throw new Error(`the server answered ${response.status}.`);
  const numbers = new Map();
  for (const line of (await response.text()).split("\n")) {
    const space = line.lastIndexOf(" "); // a name may hold one: {how="reader left"}
    if (space > 0 && !line.startsWith("#")) {
      numbers.set(line.slice(0, space), Number(line.slice(space + 1)));
    }
  }
  return numbers;
}

/** Return by how much a counter has grown since the last look. */
function grown(name, now, before) {
  return now.get(name) - before.get(name);
}

/** Return how long readers have waited for a first text, on average. */
function meanWait(now) {
  const count = now.get("first_text_seconds_count");
  return count ? now.get("first_text_seconds_sum") / count : 0;
}

/** Put a drawing without values on the page: a title, a number and a line. */
function addTo(list, drawing) {
  const title = document.createElement("dt");
  title.textContent = drawing.title;
  drawing.number = document.createElement("b");
  drawing.line = document.createElementNS(SVG, "polyline");
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", `0 0 ${SECONDS} 1`);
  svg.setAttribute("preserveAspectRatio", "none"); // as wide and high as there is room
  svg.setAttribute("aria-hidden", "true"); // the number says it in words
  svg.append(drawing.line);
  const place = document.createElement("dd");
  place.append(drawing.number, svg);
  const pair = document.createElement("div");
  pair.append(title, place);
  list.append(pair);
}

/** Draw one more value, and forget what is older than a minute. */
function draw(drawing, value) {
  if (!Number.isFinite(value)) throw new Error(`${drawing.title} is missing.`);
  const values = drawing.values;
  values.push(value);
  if (values.length > SECONDS) values.shift(); // the oldest
  drawing.number.textContent = value < 10 ? +value.toFixed(2) : Math.round(value);
  const highest = Math.max(1, ...values);
  const points = values.map((each, at) => `${at},${1 - each / highest}`);
  drawing.line.setAttribute("points", points.join(" "));
}
