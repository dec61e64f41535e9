import { Client } from "./client.js";

const form = document.querySelector("form");
const answer = document.querySelector("#answer");
const usage = document.querySelector("#usage");
const problem = document.querySelector("#problem");
const client = new Client({ address: "ask" });
const on = (type, listener) => client.addEventListener(type, ({ detail }) => listener(detail));

form.addEventListener("submit", (event) => {
  event.preventDefault();
  client.send(form.prompt.value);
});
for (const does of ["stop", "retry", "reset"]) {
  document.querySelector(`#${does}`).addEventListener("click", () => client[does]());
}

function clear() {
  answer.textContent = usage.textContent = problem.textContent = "";
}

on("reset", clear);
on("streaming-start", () => {
  clear();
  answer.ariaBusy = true;
});
on("token", ({ token }) => {
  answer.append(token);
  problem.textContent = "";
});
on("retry", ({ delay }) => (problem.textContent = `Trying again in ${delay / 1000} s.`));
on("usage", ({ totalTokens }) => (usage.textContent = `${totalTokens} tokens`));
on("error", ({ error }) => (problem.textContent = `The answer is not whole: ${error}`));
on("done", ({ finishReason }) => {
  if (finishReason !== "stop") problem.textContent ||= `The answer is not whole: ${finishReason}.`;
});
on("streaming-end", () => {
  answer.ariaBusy = false;
  if (problem.textContent.startsWith("Trying")) problem.textContent = "";
});
