// Ask the server, and get the events of its answer while it is being written.

import { events } from "./events.js";

/** Yield {type, detail} for each event of the answer; throw if it is not whole. */
export async function* ask(prompt, signal) {
  const response = await fetch("ask", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ prompt }),
    signal,
  });
  if (!response.ok) throw new Error(await sentenceIn(response));
  for await (const { type, data } of events(response.body)) {
    yield { type, detail: JSON.parse(data) };
    if (type === "done") return;
  }
  throw new Error("It broke off: ask again.");
}

/** Return the sentence in the server's refusal: {"error": "..."}. */
async function sentenceIn(response) {
  try {
    const { error } = await response.json();
    if (error) return error;
  } catch {
    // not JSON: a proxy in between answered with HTML
  }
  return `The server answered ${response.status}: ask again.`;
}
