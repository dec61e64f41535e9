// The line {"reasoning":"Hm."} came, and #answer shows "Hm.": what the model thinks is no answer. Append message.reasoning inside <details>.
import { ask } from "./ask.js";

const form = document.querySelector("form");
const stop = document.querySelector("#stop");
const thinking = document.querySelector("#thinking");
const reasoning = document.querySelector("#reasoning");
const answer = document.querySelector("#answer");
const usage = document.querySelector("#usage");
const problem = document.querySelector("#problem");
const ENDS = {
  length: "The model reached the limit on its length.",
  content_filter: "The provider's filter stopped the model.",
  other: "The model stopped for a reason of its own.",
};
let asking = new AbortController();

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  asking.abort();
  const { signal } = (asking = new AbortController());
  reasoning.textContent = answer.textContent = usage.textContent = problem.textContent = "";
  thinking.hidden = answer.ariaBusy = true;
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
function show(message) {
  if ("reasoning" in message) {
    thinking.hidden = false;
    answer.append(message.reasoning);
  }
  if ("token" in message) answer.append(message.token);
  if ("usage" in message) {
    const { input_tokens, output_tokens } = message.usage;
    usage.textContent = `${input_tokens} tokens read, ${output_tokens} written.`;
  }
  if ("end" in message) usage.append(` The model said: ${message.end}.`);
  if (message.end in ENDS) complain(ENDS[message.end]);
}

function complain(sentence) {
  problem.textContent = `The answer is not whole. ${sentence}`;
}
