import { lines } from "./lines.js";

const form = document.querySelector("form");
const button = document.querySelector("button");
const answer = document.querySelector("#answer");
const problem = document.querySelector("#problem");
const wire = document.querySelector("#wire");
const REASONS = {
  length: "it reached its length limit.",
  content_filter: "the provider's filter stopped it.",
};

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  answer.textContent = "";
  problem.textContent = "";
  wire.textContent = "";
  answer.ariaBusy = true;
  button.disabled = true;
  try {
    await ask(form.prompt.value);
  } catch (error) {
    problem.textContent = `The answer is not whole: ${error.message}`;
  } finally {
    answer.ariaBusy = false;
    button.disabled = false;
  }
});

async function ask(prompt) {
  const response = await fetch("v1/chat/completions", {
    method: "POST",
    headers: {
      Authorization: `Bearer ${form.key.value}`,
      "Content-Type": "application/json",
    },
    body: JSON.stringify({
      model: "practice",
      messages: [{ role: "user", content: prompt }],
      stream: true,
    }),
  });
  if (!response.ok) throw new Error(await sentenceIn(response));

  let reason = null;
  for await (const line of lines(response.body.getReader())) {
    wire.append(line, "\n");
    if (line === "data: [DONE]" || !line.startsWith("data: ")) continue;
    const { error, choices } = JSON.parse(line.slice("data: ".length));
    if (error) throw new Error(error.message);
    const choice = choices[0];
    if (!choice) continue; // a chunk with the usage has none
    answer.append(choice.delta.content ?? "");
    if (choice.finish_reason) reason = choice.finish_reason;
  }
  if (reason !== "stop") throw new Error(REASONS[reason] ?? "it broke off here.");
}

/** Return the sentence in the server's refusal: {"error": {"message": "..."}}. */
async function sentenceIn(response) {
  try {
    const { error } = await response.json();
    return error.message;
  } catch {
    return `the server said ${response.status}.`; // from a proxy's HTML
  }
}
