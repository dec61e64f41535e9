import { ask } from "./ask.js";

const form = document.querySelector("form");
const stop = document.querySelector("#stop");
const thinking = document.querySelector("#thinking");
const reasoning = document.querySelector("#reasoning");
const answer = document.querySelector("#answer");
const usage = document.querySelector("#usage");
const problem = document.querySelector("#problem");
const ENDS = {
  length: "The model reached its length limit.",
  content_filter: "The provider's filter stopped the model.",
};
let asking = new AbortController();

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  asking.abort();
  asking = new AbortController();
  const { signal } = asking;
  begin();
  try {
    for await (const message of ask(form.prompt.value, signal)) {
      if (signal.aborted) break; // one read can bring many messages
      show(message);
    }
  } catch (error) {
    const sentence = error?.message ?? JSON.stringify(error); // any value can be thrown
    if (!signal.aborted) complain(sentence);
  }
  if (signal === asking.signal) answer.ariaBusy = false;
});

stop.addEventListener("click", () => asking.abort());

/** Make room for a new answer. */
function begin() {
  reasoning.textContent = "";
  thinking.hidden = true;
  answer.textContent = "";
  usage.textContent = "";
  problem.textContent = "";
  answer.ariaBusy = true;
}

/** Show a message where its kind belongs; ignore a kind that is new to us. */
function show(message) {
  if (message.reasoning) {
    thinking.hidden = false;
    reasoning.append(message.reasoning);
  }
  if (message.token) answer.append(message.token);
  if (message.usage) {
    const { input_tokens, output_tokens } = message.usage;
    usage.textContent = `${input_tokens} tokens read, ${output_tokens} written.`;
  }
  const { cost, end } = message;
  if (cost !== undefined) usage.append(` It cost ${cost.toFixed(6)} dollars.`);
  if (end) usage.append(` The model said: ${end}.`);
  if (ENDS[end]) complain(ENDS[end]);
}

function complain(sentence) {
  problem.textContent = `The answer is not whole. ${sentence}`;
}
