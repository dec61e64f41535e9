const form = document.querySelector("form");
const stop = document.querySelector("#stop");
const answer = document.querySelector("#answer");
const problem = document.querySelector("#problem");
let asking = new AbortController();

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  asking.abort();
  const controller = new AbortController();
  const signal = controller.signal;
  asking = controller;
  answer.textContent = "";
  problem.textContent = "";
  answer.ariaBusy = true;
  try {
    await ask(form.prompt.value, signal);
  } catch (error) {
    if (!signal.aborted) problem.textContent = error.message;
  }
  if (asking === controller) answer.ariaBusy = false;
});

stop.addEventListener("click", () => asking.abort());

async function ask(prompt, signal) {
  const response = await fetch("ask", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ prompt }),
    signal,
  });
  if (!response.ok) {
    const sentence = await sentenceIn(response);
    throw new Error(sentence);
  }
  const reader = response.body.getReader();
  const decoder = new TextDecoder();
  while (true) {
    const { done, value } = await reader.read();
    if (done) break;
    answer.append(decoder.decode(value, { stream: true }));
  }
  answer.append(decoder.decode());
}

/** Return the sentence in the server's refusal: {"error": "..."}. */
async function sentenceIn(response) {
  try {
    const { error } = await response.json();
    if (typeof error === "string") return error; // a proxy's JSON may hold no such text
  } catch {
    // not JSON: something between us and the server refused
  }
  return `The server answered ${response.status}: ask again.`;
}
