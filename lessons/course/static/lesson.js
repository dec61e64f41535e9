// A lesson: its program beside the notes, your work checked, and the wire below.

import { wireStrip } from "../../static/wire.js";
import { letPathsBeCopied, start } from "./start.js";
import { tapInto } from "./tap.js";
import { check, onPress, outcomeOf } from "./work.js";

const ENDS = {
  red: "Mend the red one, then check again.",
  green: "All is green.",
  "gone on": "Nothing was checked: you have gone on.",
};

const pane = document.querySelector("#pane");
const frame = document.querySelector("iframe");
const problem = document.querySelector("#problem");
const buttons = document.querySelectorAll("#work .row button"); // some have none
const startButton = document.querySelector("#start");
const status = document.querySelector("#status");
const list = document.querySelector("#found");
const wire = wireStrip(document.querySelector("#wire"));
const tap = tapInto(wire, problem);
const lesson = new URL(".", location).href;
let isChecking = false;

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
  ageVerdict();
});
frame.addEventListener("load", () => {
  if (frame.contentDocument) tap(frame.contentWindow); // null: not a page of ours
  wire.begin(); // nothing of the page before stays drawn
  wire.end("idle", 0);
});
run();

/** Say of a verdict that it is of before: the files may have changed since. */
function ageVerdict() {
  const isThere = list.hasChildNodes() && !list.classList.contains("old");
  if (!isThere || isChecking) return;
  list.classList.add("old");
  status.textContent = `Before you pressed Reload: ${status.textContent}`;
}

/** Show what a check found. */
function show({ sentence, outcome, message, printed }) {
  list.tabIndex = 0; // who scrolls by keyboard needs a place to stand
  const row = add(list, "li", "");
  row.dataset.outcome = outcome;
  add(row, "b", outcome);
  row.append(` ${sentence}`);
  if (message) add(row, "p", message);
  if (printed) add(row, "pre", printed);
  if (outcome === "red") row.scrollIntoView({ block: "nearest" });
}

/** Add an element with a text, and return it. */
function add(parent, name, text) {
  const node = document.createElement(name);
  node.textContent = text;
  parent.append(node);
  return node;
}

/** Show the program of mine/ in the frame. */
function showMine() {
  pane.elements.program.value = "mine";
  run();
}

letPathsBeCopied(document.querySelectorAll(".copy-path"));

onPress(buttons, status, async ({ id, dataset }) => {
  list.replaceChildren();
  if (id === "start") {
    const sentence = await start(lesson);
    startButton.textContent = "Start again";
    startButton.dataset.again = "";
    document.querySelector("#files").open = true;
    showMine();
    return sentence;
  }
  list.classList.remove("old");
  const isTurn = id === "check-turn";
  isChecking = true;
  const checked = check(lesson, { isTurn, inBrowser: "browser" in dataset }, show);
  const all = await checked.finally(() => (isChecking = false));
  const outcome = outcomeOf(all);
  return isTurn && outcome === "green" ? "Your turn is done." : ENDS[outcome];
});
