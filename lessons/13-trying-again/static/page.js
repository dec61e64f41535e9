import { Client } from "./client.js";

const form = document.querySelector("form");
const stop = document.querySelector("#stop");
const retry = document.querySelector("#retry");
const reset = document.querySelector("#reset");
const answer = document.querySelector("#answer");
const usage = document.querySelector("#usage");
const problem = document.querySelector("#problem");
const client = new Client({ address: "ask", budget: 2000 });
const REASONS = {
  length: "it reached its length limit.",
  "content-filter": "the provider's filter stopped it.",
};

form.addEventListener("submit", (event) => {
  event.preventDefault();
  client.send(form.prompt.value);
});
stop.addEventListener("click", () => client.stop());
retry.addEventListener("click", () => client.retry());
reset.addEventListener("click", () => client.reset());

on("reset", clear);
on("streaming-start", () => {
  clear();
  answer.ariaBusy = true;
});
on("token", ({ token }) => {
  answer.append(token);
  problem.textContent = "";
});
on("retry", ({ delay }) => {
  problem.textContent = `Trying again in ${(delay / 1000).toFixed(1)} s.`;
});
on("usage", ({ totalTokens }) => {
  usage.textContent = `${totalTokens} tokens, ${client.spent} in this conversation`;
});
on("error", ({ error }) => complain(error));
on("done", ({ finishReason }) => {
  if (finishReason in REASONS) complain(REASONS[finishReason]);
});
on("streaming-end", () => {
  answer.ariaBusy = false;
  if (problem.textContent.startsWith("Trying")) problem.textContent = "";
});

/** Listen to what happens in the conversation. */
function on(type, listener) {
  client.addEventListener(type, ({ detail }) => listener(detail));
}

function clear() {
  answer.textContent = "";
  usage.textContent = "";
  problem.textContent = "";
}

function complain(sentence) {
  problem.textContent = `The answer is not whole: ${sentence}`;
}
