// The answer ended with the line "[error: The model's server failed: ask again.]", and the page says of it what it says of a whole one: some browsers take a broken body for a whole one, so look for the line.

// The page: the form asks, the answer grows, the wire strip draws.

import { ask } from "./ask.js";
import { wireStrip } from "./wire.js";

const form = document.querySelector("form");
const prompt = document.querySelector("#prompt");
const stop = document.querySelector("#stop");
const answer = document.querySelector("#answer");
const status = document.querySelector("#status"); // index.html has its sentences
const copy = document.querySelector("#copy");
const wire = wireStrip(document.querySelector("#wire"));
let asking = new AbortController(); // hangs up on the answer being written
let height = answer.offsetHeight;

/** Show the answer to a question while it arrives, and say how it ended. */
async function show(question) {
  asking.abort(); // one answer at a time
  const { signal } = (asking = new AbortController());
  let how = "complete";
  answer.replaceChildren(document.createElement("div"));
  copy.textContent = "Copy";
  say("begun");
  wire.begin();
  scrollTo(0, document.body.scrollHeight);
  try {
    for await (const piece of ask(question, signal)) {
      if (signal.aborted) break; // a last read can come late
      write(piece.text);
      wire.read(piece);
    }
  } catch (error) {
    how = error instanceof TypeError ? "unreached" : "refused";
    if (error.cause) how = "broken"; // it had begun
    status.dataset.refused = error.message;
  }
  if (signal !== asking.signal) return; // another question has been asked
  if (signal.aborted) how = "stopped";
  wire.end(how);
  say(how);
}

/** Say how far the answer is, also to those who do not see it. */
function say(how) {
  answer.setAttribute("aria-busy", how === "begun");
  stop.setAttribute("aria-disabled", how !== "begun"); // disabled, it would lose focus
  status.dataset.how = how;
  status.textContent = status.dataset[how];
}

/** Add text in blocks: then the browser lays out the last one again, not all of it. */
function write(text) {
  const block = answer.lastChild;
  const most = text.endsWith("\n") ? 100 : 3000; // pieces
  block.append(text);
  if (block.childNodes.length > most) answer.append(document.createElement("div"));
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  prompt.value = event.submitter?.value || prompt.value; // an example has a value
  show(prompt.value);
});
prompt.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  form.requestSubmit();
});
stop.addEventListener("click", () => asking.abort());
copy.addEventListener("click", async () => {
  getSelection().selectAllChildren(answer); // plain http has no clipboard
  await navigator.clipboard.writeText(answer.textContent);
  copy.textContent = "Copied";
});
new ResizeObserver(() => {
  const below = document.documentElement.scrollHeight - innerHeight - scrollY;
  if (below < answer.offsetHeight - height + 9) scrollBy(0, below); // else they read on
  height = answer.offsetHeight;
}).observe(answer);
