import { lines } from "./lines.js";

const form = document.querySelector("form");
const button = document.querySelector("button");
const answer = document.querySelector("#answer");
const problem = document.querySelector("#problem");
const wire = document.querySelector("#wire");

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  answer.textContent = problem.textContent = wire.textContent = "";
  answer.ariaBusy = button.disabled = true;
  try {
    await ask(form.prompt.value);
  } catch (error) {
    problem.textContent = `The answer is not whole: ${error.message}`;
  } finally {
    answer.ariaBusy = button.disabled = false;
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
  if (!response.ok) throw new Error((await response.json()).error.message);
  let reason = null;
  for await (const line of lines(response.body.getReader())) {
    wire.append(line, "\n");
    if (line === "data: [DONE]" || !line.startsWith("data: ")) continue;
    const { error, choices } = JSON.parse(line.slice(6));
    if (error) throw new Error(error.message);
    answer.append(choices[0]?.delta.content ?? "");
    reason = choices[0]?.finish_reason ?? reason;
  }
  if (reason === "length") throw new Error("it reached the limit on its length.");
  if (reason !== "stop") throw new Error("it broke off here.");
}
