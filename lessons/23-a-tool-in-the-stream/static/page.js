import { answerTo } from "./chat.js";

const form = document.querySelector("form");
const stop = document.querySelector("#stop");
const reset = document.querySelector("#reset");
const answer = document.querySelector("#answer");
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
  for (const place of [answer, problem]) place.textContent = "";
  answer.ariaBusy = true;
  return asking.signal;
}

/** Show each part of a message: its texts, and what was looked up. */
function show({ parts }) {
  for (const [index, part] of parts.entries()) {
    const place = answer.children[index] ?? newPlace(part);
    if (part.type === "text") place.append(part.text.slice(place.textContent.length));
    else showCall(place, part);
  }
}

/** Return a place for a part: a paragraph, or something to open for a call. */
function newPlace(part) {
  const place = document.createElement(part.type === "text" ? "p" : "details");
  if (part.type !== "text") {
    place.append(document.createElement("summary"), document.createElement("div"));
  }
  answer.append(place);
  return place;
}

function showCall(place, { type, text, input, output, errorText }) {
  const [summary, found] = place.children;
  const name = type.replace("tool-", "");
  let state = "…";
  if (output !== undefined) state = "✓";
  if (errorText !== undefined) state = "failed";
  summary.textContent = `${name}: ${input?.query ?? text} ${state}`;
  found.textContent = output ?? errorText ?? "";
}

function complain(sentence) {
  problem.textContent = `The answer is not whole: ${sentence}`;
}
