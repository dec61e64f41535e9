import { ask } from "./ask.js";

const form = document.querySelector("form");
const messages = document.querySelector("#messages");
const status = document.querySelector("#status");
const errorLine = /\n\[error: (.+)\]\n$/; // the last line of an answer that broke off
let asking = new AbortController();

form.addEventListener("submit", (event) => {
  event.preventDefault();
  add("user", form.prompt.value);
  answer(form.prompt.value);
  form.reset();
});

form.stop.addEventListener("click", () => asking.abort());

/** Ask, and show the answer while it is written. */
async function answer(prompt) {
  asking.abort();
  asking = new AbortController();
  const { signal } = asking;
  const pieces = ask({ prompt }, signal);
  const turn = add("assistant", "");
  say("The answer is being written.", true);
  let end = "";
  try {
    for await (const text of pieces) {
      turn.content += text;
      turn.node.append(text);
    }
  } catch (error) {
    end = error.message;
  }
  const why = errorLine.exec(turn.content)?.[1]; // the part in its brackets ( )
  if (why) end = `The answer broke off. ${why}`;
  if (signal.aborted) end = "You stopped the answer.";
  turn.content = turn.content.replace(errorLine, ""); // the model did not say that
  turn.node.textContent = turn.content;
  turn.node.dataset.end = end; // data-end, which style.css shows below the answer
  if (turn.node !== messages.lastElementChild) return; // the conversation has gone on
  say(end || "The answer is complete.");
}

/** Add what somebody says, and return it. */
function add(role, content) {
  const node = document.createElement("p");
  node.className = role;
  node.append(content);
  messages.append(node);
  const turn = { role, content, node };
  return turn;
}

/** Say how far the answer has got, also for readers who cannot see it. */
function say(sentence, isBusy = false) {
  messages.ariaBusy = isBusy;
  status.textContent = sentence;
}
