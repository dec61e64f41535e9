import { answerTo } from "./chat.js";

const form = document.querySelector("form");
const stop = document.querySelector("#stop");
const reset = document.querySelector("#reset");
const answer = document.querySelector("#answer");
const about = document.querySelector("#about");
const problem = document.querySelector("#problem");
let asking = new AbortController();
let messages = []; // each has a role and parts, as useChat keeps them

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const signal = begin();
  messages.push({ role: "user", parts: [{ type: "text", text: form.prompt.value }] });
  let message;
  try {
    for await (message of answerTo(messages, signal)) {
      if (signal.aborted) break; // one read can bring many events
      show(message);
    }
    const isWhole = signal.aborted || message?.finishReason === "stop";
    if (!isWhole) complain(`it ended with ${message?.finishReason ?? "no reason"}.`);
  } catch (error) {
    if (!signal.aborted) complain(error.message);
  }
  if (signal !== asking.signal) return; // another question has been asked
  if (answer.textContent) messages.push(message);
  answer.ariaBusy = false;
});

stop.addEventListener("click", () => asking.abort());
reset.addEventListener("click", () => {
  begin();
  messages = [];
  answer.ariaBusy = false;
});

/** Make room for a new answer; return the signal that stops it. */
function begin() {
  asking.abort();
  asking = new AbortController();
  for (const place of [answer, about, problem]) place.textContent = "";
  answer.ariaBusy = true;
  return asking.signal;
}

/** Show the text of a message, and what is known about it. */
function show({ parts, metadata }) {
  const text = parts.map((part) => part.text).join("");
  answer.append(text.slice(answer.textContent.length));
  const { model, createdAt, usage, cost } = metadata;
  const facts = [];
  if (model) facts.push(model);
  if (createdAt) facts.push(new Date(createdAt).toLocaleTimeString());
  if (usage) facts.push(`${usage.totalTokens} tokens`);
  if (cost !== undefined) facts.push(`${cost} dollars`);
  about.textContent = facts.join(", ");
}

function complain(sentence) {
  problem.textContent = `The answer is not whole: ${sentence}`;
}
