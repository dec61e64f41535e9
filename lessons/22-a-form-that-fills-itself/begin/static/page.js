import { ask } from "./ask.js";

const form = document.querySelector("form");
const stop = document.querySelector("#stop");
const answer = document.querySelector("#answer");
const problem = document.querySelector("#problem");
const fields = new Map(); // the element of each field, by its name
for (const field of document.querySelectorAll("[data-field]")) {
  fields.set(field.dataset.field, field);
}
let asking = new AbortController();
let text = ""; // of the JSON so far

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  asking.abort();
  asking = new AbortController();
  const { signal } = asking;
  begin();
  try {
    for await (const message of ask(form.prompt.value, signal)) {
      if (signal.aborted) break; // one read can bring many messages
      show(message);
    }
  } catch (error) {
    if (!signal.aborted) complain(error.message);
  }
  if (signal === asking.signal) answer.ariaBusy = false;
});

stop.addEventListener("click", () => asking.abort());

/** Make room for a new card. */
function begin() {
  for (const field of fields.values()) field.textContent = "";
  text = "";
  problem.textContent = "";
  answer.ariaBusy = true;
}

/** Show the card, if the message brings one, or if its JSON can be read. */
function show(message) {
  if (message.token) text += message.token;
  const card = message.card ?? cardIn(text);
  if (!card) return;
  for (const [name, field] of fields) fill(field, card[name] ?? "");
}

/** Return the card in a text, or undefined as long as it is not whole. */
function cardIn(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function fill(field, value) {
  field.textContent = "";
  if (!Array.isArray(value)) field.append(value);
  else for (const word of value) field.append(item(word));
}

function item(word) {
  const li = document.createElement("li");
  li.append(word);
  return li;
}

function complain(sentence) {
  problem.textContent = `The card is not whole. ${sentence}`;
}
