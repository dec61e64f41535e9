import { lines } from "./lines.js";

const form = document.querySelector("form");
const button = document.querySelector("button");
const answer = document.querySelector("#answer");
const problem = document.querySelector("#problem");
const wire = document.querySelector("#wire");

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  answer.textContent = "";
  problem.textContent = "";
  wire.textContent = "";
  answer.ariaBusy = true;
  button.disabled = true;
  try {
    await ask(question());
  } catch (error) {
    problem.textContent = `The answer is not whole: ${error.message}`;
  } finally {
    answer.ariaBusy = false;
    button.disabled = false;
  }
});

/** Return what the form asks for. A field that is left empty is not sent. */
function question() {
  return {
    model: "practice",
    messages: [{ role: "user", content: form.prompt.value }],
    stream: true,
    stream_options: { include_usage: true },
    stop: form.stop.value || undefined,
    max_tokens: numberIn(form.most),
    n: numberIn(form.n),
  };
}

/** Return an input's number; if it has none, its text, which the server refuses. */
function numberIn(input) {
  if (!input.value) return undefined;
  const number = Number(input.value);
  return Number.isNaN(number) ? input.value : number;
}

async function ask(question) {
  const response = await fetch("v1/chat/completions", {
    method: "POST",
    headers: {
      Authorization: `Bearer ${form.key.value}`,
      "Content-Type": "application/json",
    },
    body: JSON.stringify(question),
  });
  if (!response.ok) throw new Error(await sentenceIn(response));

  const answers = []; // the element that shows each answer, by its index
  const reasons = [];
  for await (const line of lines(response.body.getReader())) {
    wire.append(line, "\n");
    if (line === "data: [DONE]" || !line.startsWith("data: ")) continue;
    const { error, choices, usage } = JSON.parse(line.slice("data: ".length));
    if (error) throw new Error(error.message);
    for (const { index, delta, finish_reason } of choices) {
      answers[index] ??= addElement("p");
      answers[index].append(delta.content ?? "");
      if (finish_reason) reasons[index] = finish_reason;
    }
    if (usage) addElement("small", `${usage.total_tokens} tokens, ended by: ${reasons.join(", ")}`);
  }
  const broken = answers.findIndex((_, index) => !reasons[index]);
  if (broken >= 0) throw new Error(`answer ${broken} broke off here.`);
}

/** Add an element to the answer, and return it. */
function addElement(tag, text = "") {
  const element = document.createElement(tag);
  element.textContent = text;
  answer.append(element);
  return element;
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
