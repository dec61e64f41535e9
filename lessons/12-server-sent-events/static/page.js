import { ask } from "./ask.js";
import { listen } from "./source.js";

const form = document.querySelector("form");
const source = document.querySelector("#source");
const stop = document.querySelector("#stop");
const answer = document.querySelector("#answer");
const usage = document.querySelector("#usage");
const problem = document.querySelector("#problem");
const REASONS = {
  length: "it reached its length limit.",
  "content-filter": "the provider's filter stopped it.",
};
let asking = new AbortController();

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const signal = begin();
  try {
    for await (const message of ask(form.prompt.value, signal)) {
      if (signal.aborted) break; // one read can bring many events
      show(message);
    }
  } catch (error) {
    if (!signal.aborted) complain(error.message);
  }
  if (signal === asking.signal) answer.ariaBusy = false;
});

source.addEventListener("click", () => {
  if (form.reportValidity()) listen(form.prompt.value, begin(), show);
});

stop.addEventListener("click", () => {
  asking.abort();
  answer.ariaBusy = false;
});

/** Make room for a new answer; return the signal that stops it. */
function begin() {
  asking.abort();
  asking = new AbortController();
  answer.textContent = "";
  usage.textContent = "";
  problem.textContent = "";
  answer.ariaBusy = true;
  return asking.signal;
}

/** Show an event where its kind belongs. */
function show({ type, detail }) {
  if (type === "token") answer.append(detail.token);
  if (type === "usage") usage.textContent = `${detail.totalTokens} tokens`;
  if (type === "error") complain(detail.error);
  if (type === "done") {
    const { finishReason } = detail;
    if (finishReason in REASONS) complain(REASONS[finishReason]);
    answer.ariaBusy = false;
  }
}

function complain(sentence) {
  problem.textContent = `The answer is not whole: ${sentence}`;
  answer.ariaBusy = false;
}
