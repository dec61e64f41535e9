import { ask } from "./ask.js";

const form = document.querySelector("form");
const messages = document.querySelector("#messages");
const status = document.querySelector("#status");
const turns = []; // the conversation: the page keeps it, the server does not
const lastLine = /\n\[error: .+\]\n$/; // of an answer that broke off
let asking = new AbortController();

form.addEventListener("submit", (event) => {
  event.preventDefault();
  add("user", form.prompt.value);
  form.reset();
  answer();
});

form.stop.addEventListener("click", () => asking.abort());

form.again.addEventListener("click", () => {
  if (turns.length === 0) return;
  if (turns.at(-1).role === "assistant") {
    const { node } = turns.pop();
    node.remove();
  }
  answer();
});

form.fresh.addEventListener("click", () => {
  asking.abort();
  turns.length = 0; // none is left
  messages.replaceChildren(); // by nothing
  messages.ariaBusy = false;
  status.textContent = "A new conversation begins.";
});

/** Ask for an answer to the conversation so far, and add it while it is written. */
async function answer() {
  asking.abort();
  asking = new AbortController();
  const { signal } = asking;
  const pieces = ask([...turns], signal); // of a copy, without the turn that begins now
  const turn = add("assistant", "");
  let end = "";
  messages.ariaBusy = true;
  status.textContent = "The answer is being written.";
  try {
    for await (const text of pieces) {
      turn.content += text;
      turn.node.append(text);
    }
  } catch (error) {
    end = error.message;
  }
  if (lastLine.test(turn.content)) end = "The answer broke off.";
  if (signal.aborted) end = "You stopped the answer.";
  turn.content = turn.content.replace(lastLine, "");
  turn.node.dataset.end = end;
  if (turn !== turns.at(-1)) return; // the conversation has gone on
  messages.ariaBusy = false;
  status.textContent = end || "The answer is complete.";
}

/** Add a turn to the conversation and to the page, and return it. */
function add(role, content) {
  const node = document.createElement("p");
  node.className = role;
  node.append(content);
  messages.append(node);
  const turn = { role, content, node };
  turns.push(turn);
  return turn;
}
