// The page: it asks for a response, and continues its stream after a broken connection.

import { lines } from "./lines.js";

const form = document.querySelector("form");
const ask = form.querySelector("button");
const cut = document.querySelector("#cut");
const resume = document.querySelector("#resume");
const cancel = document.querySelector("#cancel");
const answer = document.querySelector("#answer");
const problem = document.querySelector("#problem");
const wire = document.querySelector("#wire");
const REASONS = {
  max_output_tokens: "it reached its length limit.",
  content_filter: "the provider's filter stopped it.",
};

let id; // of the response, as its first event says
let last; // the number of the newest event
let line; // an AbortController: it cuts the connection that brings events
let cancelled; // somebody pressed Cancel: then the stream ends without an event
let over; // the last event has come, or nothing more will

form.addEventListener("submit", (event) => {
  event.preventDefault();
  answer.textContent = "";
  wire.textContent = "";
  id = undefined;
  last = undefined;
  cancelled = false;
  over = false;
  read("v1/responses", {
    method: "POST",
    body: JSON.stringify({
      model: "practice",
      input: form.prompt.value,
      stream: true,
      background: form.background.checked,
    }),
  });
});

cut.addEventListener("click", () => line.abort());

resume.addEventListener("click", () => {
  if (id === undefined || last === undefined) {
    const missing = id === undefined ? "The response has no name" : "Its events have no numbers";
    problem.textContent = `${missing}, so the page cannot ask for the rest.`;
    return;
  }
  read(`v1/responses/${id}?stream=true&starting_after=${last}`);
});

cancel.addEventListener("click", async () => {
  cancelled = true;
  const response = await send(`v1/responses/${id}/cancel`, { method: "POST" });
  if (!response.ok) problem.textContent = await sentenceIn(response);
});

/** Send a request with the key. */
function send(address, request = {}) {
  const headers = { Authorization: `Bearer ${form.key.value}` };
  if (request.body) headers["Content-Type"] = "application/json";
  return fetch(address, { ...request, headers });
}

/** Show what a request brings, and say how it ended. */
async function read(address, request) {
  line = new AbortController();
  problem.textContent = "";
  show(true);
  try {
    const response = await send(address, { ...request, signal: line.signal });
    if (!response.ok) throw new Error(await sentenceIn(response));
    await readEvents(response.body.getReader());
    if (cancelled) over = true;
    if (!over) throw new Error("it broke off here.");
    if (cancelled) problem.textContent = "You cancelled it here.";
  } catch (error) {
    const wasCut = line.signal.aborted;
    problem.textContent = wasCut ? "You cut the connection here." : `The answer is not whole: ${error.message}`;
  } finally {
    show(false);
  }
}

/** Read events until the body ends or breaks off. */
async function readEvents(reader) {
  let failure; // what the last event says, if the answer is not whole
  try {
    for await (const text of lines(reader)) {
      wire.append(text, "\n");
      if (text.startsWith("data: ")) failure = take(JSON.parse(text.slice("data: ".length)));
    }
  } catch (error) {
    if (!over) throw error; // after the last event nothing can be lost
  }
  if (failure) throw new Error(failure);
}

/** Handle an event; return why the answer is not whole, if the event says so. */
function take(event) {
  last = event.sequence_number;
  id ??= event.response?.id;
  cancel.disabled = id === undefined || !form.background.checked;
  switch (event.type) {
    case "response.output_text.delta":
    case "response.refusal.delta":
      answer.append(event.delta);
      break;
    case "response.completed":
      over = true;
      break;
    case "response.incomplete":
      over = true;
      return REASONS[event.response.incomplete_details.reason];
    case "response.failed":
      over = true;
      return event.response.error.message;
  }
}

/** Enable the buttons that can be pressed now. */
function show(reading) {
  answer.ariaBusy = reading;
  ask.disabled = reading;
  cut.disabled = !reading;
  cancel.disabled = true; // until a name has come
  resume.disabled = reading || over || !wire.textContent;
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
