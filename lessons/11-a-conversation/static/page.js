import { ask } from "./ask.js";

const form = document.querySelector("form");
const messages = document.querySelector("#messages");
const status = document.querySelector("#status");
const errorLine = /\n\[error: (.+)\]\n$/; // the last line of an answer that broke off
const turns = []; // the conversation, which nobody else keeps
let asking = new AbortController();

form.addEventListener("submit", (event) => {
  event.preventDefault();
  add("user", form.prompt.value);
  answer();
  form.reset();
});

form.stop.addEventListener("click", () => asking.abort());

form.again.addEventListener("click", () => {
  if (turns.length === 0) return; // there is nothing to ask again
  if (turns.at(-1).role === "assistant") {
    const last = turns.pop();
    last.node.remove();
  }
  answer();
});

form.fresh.addEventListener("click", () => {
  turns.length = 0; // now the list is empty
  messages.replaceChildren(); // now the page is empty, too
  asking.abort();
  say("A new conversation begins.");
});

/** Ask, and show the answer while it is written. */
async function answer() {
  asking.abort();
  asking = new AbortController();
  const { signal } = asking;
  const said = turns.map(({ role, content }) => ({ role, content }));
  const pieces = ask({ messages: said }, signal);
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
  turns.push(turn);
  return turn;
}

/** Say how far the answer has got, also for readers who cannot see it. */
function say(sentence, isBusy = false) {
  messages.ariaBusy = isBusy;
  status.textContent = sentence;
}
