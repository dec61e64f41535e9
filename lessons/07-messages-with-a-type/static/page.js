import { ask } from "./ask.js";

const form = document.querySelector("form");
const stop = document.querySelector("#stop");
const answer = document.querySelector("#answer");
const usage = document.querySelector("#usage");
const problem = document.querySelector("#problem");
let asking = new AbortController();

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  asking.abort();
  const { signal } = (asking = new AbortController());
  answer.textContent = usage.textContent = problem.textContent = "";
  answer.ariaBusy = true;
  try {
    for await (const message of ask(form.prompt.value, signal)) {
      if (signal.aborted) break;
      show(message);
    }
  } catch (error) {
    if (!signal.aborted) complain(error?.message ?? JSON.stringify(error));
  }
  if (signal === asking.signal) answer.ariaBusy = false;
});

stop.addEventListener("click", () => asking.abort());

/** Show a message where its kind belongs. */
function show({ token, usage: used, end }) {
  if (token) answer.append(token);
  if (used) usage.textContent = `${used.input_tokens} tokens read, ${used.output_tokens} written.`;
  if (end && end !== "stop") complain(`It ended with ${end}.`);
}

function complain(sentence) {
  problem.textContent = `The answer is not whole. ${sentence}`;
}
