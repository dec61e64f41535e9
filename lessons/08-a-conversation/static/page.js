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
  if (turns.at(-1)?.role === "assistant") turns.pop().node.remove();
  if (turns.length) answer();
});
form.fresh.addEventListener("click", () => {
  asking.abort();
  for (const { node } of turns.splice(0)) node.remove();
  messages.ariaBusy = false;
  status.textContent = "A new conversation begins.";
});

async function answer() {
  asking.abort();
  const { signal } = (asking = new AbortController());
  const pieces = ask([...turns], signal);
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
    end = error instanceof TypeError ? "The connection broke." : error.message;
  }
  if (lastLine.test(turn.content)) end = "The answer broke off.";
  if (signal.aborted) end = "You stopped the answer.";
  turn.content = turn.content.replace(lastLine, "");
  turn.node.dataset.end = end;
  if (turn !== turns.at(-1)) return; // the conversation has gone on
  messages.ariaBusy = false;
  status.textContent = end || "The answer is complete.";
}

function add(role, content) {
  const node = document.createElement("p");
  node.className = role;
  node.append(content);
  messages.append(node);
  turns.push({ role, content, node });
  return turns.at(-1);
}
