// The verdict: what is red is open, and what is green is folded into one line.

import { withCode } from "./say.js";

/** Return what shows the checks of a run in an element: begin(), add(found), age(isOld). */
export function verdictIn(section) {
  const red = section.querySelector("#found");
  const rest = section.querySelector("#rest");
  const line = rest.querySelector("summary");
  const list = rest.querySelector("ul");
  let all = [];

  /** Forget the run before. */
  function begin() {
    all = [];
    red.replaceChildren();
    list.replaceChildren();
    rest.hidden = true;
    section.classList.remove("old");
  }

  /** Show what one more check found. */
  function add(found) {
    all.push(found);
    const row = rowFor(found);
    if (found.outcome === "red") {
      red.append(row);
    } else {
      list.append(row);
      rest.hidden = false;
    }
    line.textContent = countOf(all);
  }

  /** Grey out what is about files of before, or take that back. */
  function age(isOld) {
    section.classList.toggle("old", isOld);
  }

  return { begin, add, age };
}

/** Return "22 of 22 green", and how many were not looked at. */
function countOf(all) {
  const count = (name) => all.filter(({ outcome }) => outcome === name).length;
  const sentence = `${count("green")} of ${all.length} green`;
  const rest = ["not checked", "moved on"].filter(count);
  return [sentence, ...rest.map((name) => `${count(name)} ${name}`)].join(", ");
}

/** Return a row for what a check found. */
function rowFor({ sentence, outcome, message, printed }) {
  const row = document.createElement("li");
  row.dataset.outcome = outcome;
  add(row, "b", outcome);
  row.append(" ", ...withCode(sentence));
  if (message) add(row, "p", ...withCode(message));
  if (printed) add(row, "pre", printed);
  return row;
}

/** Add an element with these parts to another. */
function add(parent, name, ...parts) {
  const node = document.createElement(name);
  node.append(...parts);
  parent.append(node);
}
