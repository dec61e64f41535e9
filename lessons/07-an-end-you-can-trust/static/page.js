// The page: the form asks, the answer grows, and what went wrong stays below it.

import { ask } from "./ask.js";

const FAILURES = ["unreached", "refused", "broken"]; // the names of ask's errors
const form = document.querySelector("form");
const stop = document.querySelector("#stop");
const answer = document.querySelector("#answer");
const problem = document.querySelector("#problem");
let asking = new AbortController(); // belongs to the answer that is being written

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  asking.abort(); // one answer at a time
  const controller = new AbortController();
  const signal = controller.signal;
  asking = controller;
  answer.textContent = "";
  problem.textContent = "";
  answer.ariaBusy = true;
  try {
    // "for await" waits for each piece that ask yields
    for await (const piece of ask(form.prompt.value, signal)) {
      if (signal.aborted) break; // this piece was on its way when Stop was pressed
      answer.append(piece.text);
    }
  } catch (error) {
    if (!signal.aborted) complain(error);
  }
  if (asking === controller) answer.ariaBusy = false;
});

stop.addEventListener("click", () => asking.abort());

/** Show the sentence of one of ask's errors; any other is a mistake in this page. */
function complain(error) {
  if (FAILURES.includes(error.name)) {
    problem.textContent = error.message;
  } else {
    problem.textContent = "This page has a mistake in it: its console says where.";
    reportError(error); // writes it to the console
  }
}
