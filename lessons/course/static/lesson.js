// A lesson: its program beside the notes, your work checked, and the wire below.

import { wireStrip } from "../../static/wire.js";
import { tapInto } from "./tap.js";
import { add, check, goneOn, onPress, redOf } from "./work.js";

const pane = document.querySelector("#pane");
const frame = document.querySelector("iframe");
const problem = document.querySelector("#problem");
const button = document.querySelector("#check");
const status = document.querySelector("#status");
const found = document.querySelector("#found");
const tap = tapInto(wireStrip(document.querySelector("#wire")), problem);
const lesson = new URL(".", location).href;

/** Load the program that is chosen, on the network that is chosen. */
function run() {
  const { program, network } = pane.elements;
  const path = program.value + (network.checked ? "/bad/" : "/");
  problem.textContent = "";
  frame.contentWindow.location.replace(lesson + path); // no step to come back to
}

pane.addEventListener("change", run);
pane.addEventListener("submit", (event) => {
  event.preventDefault();
  run();
});
frame.addEventListener("load", () => {
  if (frame.contentDocument) tap(frame.contentWindow);
});
run();

/** Show what a check found. */
function show({ sentence, outcome, message, printed }) {
  const row = add(found, "li", "");
  row.dataset.outcome = outcome;
  add(row, "b", "", outcome);
  row.append(` ${sentence}`);
  if (message) add(row, "p", "", message);
  if (printed) add(row, "pre", "", printed);
  if (outcome === "red") row.scrollIntoView({ block: "nearest" });
}

if (button) {
  onPress(button, status, async () => {
    found.replaceChildren();
    const all = await check(lesson, "browser" in button.dataset, show);
    if (redOf(all)) return "Mend the red one, then check again.";
    return goneOn(all) ? "Nothing was checked: you have gone on." : "All is green.";
  });
}
