// A terminal of one command: what it prints, while it prints it.

import { ask } from "../../static/ask.js";

const form = document.querySelector("form");
const prompt = document.querySelector("#prompt");
const screen = document.querySelector("#screen");
const status = document.querySelector("#status");
const { bar } = screen.dataset; // marks the end of a piece; "" for a command
let running = new AbortController(); // stops the command that runs

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  running.abort(); // one at a time
  running = new AbortController();
  const { signal } = running;
  screen.textContent = "";
  screen.ariaBusy = true;
  status.textContent = "It runs.";
  let end = "It has ended.";
  try {
    for await (const { text } of ask(prompt.value, signal)) screen.append(text, bar);
  } catch (error) {
    end = error.message;
  }
  if (signal.aborted) return; // another command runs
  screen.ariaBusy = false;
  status.textContent = end;
});
