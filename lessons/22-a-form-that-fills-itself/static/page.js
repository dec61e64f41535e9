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
  problem.textContent = "";
  answer.ariaBusy = true;
}

/** Show what is new in a field. */
function show({ at, add, set }) {
  const place = at && placeOf(at); // the end of the answer has no place
  if (!place) return;
  if (add !== undefined) place.append(add);
  else if (set === null) place.textContent = "none";
  else if (typeof set !== "object") place.textContent = set;
}

/** Return the element for a path such as ["related", 0], or undefined. */
function placeOf([name, index]) {
  const field = fields.get(name);
  if (field?.localName !== "ul" || typeof index !== "number") return field;
  while (field.children.length <= index) field.append(document.createElement("li"));
  return field.children[index];
}

function complain(sentence) {
  problem.textContent = `The card is not whole. ${sentence}`;
}
