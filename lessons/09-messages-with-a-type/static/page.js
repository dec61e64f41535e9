import { ask } from "./ask.js";
import { readLetters } from "./letters.js";

const form = document.querySelector("form");
const letters = document.querySelector("#letters");
const stop = document.querySelector("#stop");
const answer = document.querySelector("#answer");
const usage = document.querySelector("#usage");
const problem = document.querySelector("#problem");
let asking = new AbortController();

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  asking.abort();
  asking = new AbortController();
  const { signal } = asking;
  begin();
  try {
    const read = letters.checked ? readLetters : undefined; // undefined: the usual one
    for await (const message of ask(form.prompt.value, signal, read)) {
      if (signal.aborted) break; // one read can bring many messages
      show(message);
    }
  } catch (thrown) {
    const error = named(thrown);
    const sentence = error?.message ?? JSON.stringify(error); // any value can be thrown
    if (!signal.aborted) complain(sentence);
  }
  if (signal === asking.signal) answer.ariaBusy = false;
});

stop.addEventListener("click", () => asking.abort());

/** Make room for a new answer. */
function begin() {
  answer.textContent = "";
  usage.textContent = "";
  problem.textContent = "";
  answer.ariaBusy = true;
}

/** Show a message where its kind belongs. */
function show(message) {
  if (message.token) answer.append(message.token);
  if (message.usage) {
    const { input_tokens, output_tokens } = message.usage;
    usage.textContent = `${input_tokens} tokens read, ${output_tokens} written.`;
  }
  const { end } = message;
  if (end && end !== "stop") complain(`It ended with ${end}.`);
}

/** Return an Error for a thrown object that we know, else what was thrown. */
function named(thrown) {
  if (!thrown?.limit) return thrown;
  return new Error(`An answer may have ${thrown.limit} tokens here.`);
}

function complain(sentence) {
  problem.textContent = `The answer is not whole. ${sentence}`;
}
