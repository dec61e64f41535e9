// Ask the server once.

import { events } from "./events.js";

/** Why no part of an answer came: a sentence, the status, and how long to wait. */
export class Refusal extends Error {
  constructor(sentence, status = 0, seconds = 0) {
    super(sentence);
    this.status = status; // 0: the server could not be reached, or it broke off
    this.wait = 1000 * seconds; // ms; 0: the server did not say
  }
}

/** Yield {type, detail} for each event; throw a Refusal if no token has come. */
export async function* askOnce(config, messages, signal) {
  const response = await reach(config, messages, signal);
  let hasToken = false;
  for await (const { type, detail } of whole(response.body, signal)) {
    if (type === "token") hasToken = true;
    if (type === "error" && !hasToken) {
      throw new Refusal(detail.error, detail.code, detail.retryAfter);
    }
    if (type === "broken" && !hasToken) throw new Refusal("it broke off.");
    if (type === "broken") throw new Error("it broke off.");
    yield { type, detail };
  }
}

/** Return the response, or throw a Refusal. */
async function reach({ address, headers }, messages, signal) {
  let response;
  try {
    response = await fetch(address, {
      method: "POST",
      headers: { "Content-Type": "application/json", ...headers },
      body: JSON.stringify({ messages }),
      signal,
    });
  } catch (error) {
    if (signal.aborted) throw error;
    throw new Refusal("the server cannot be reached.");
  }
  if (response.ok) return response;
  const seconds = Number(response.headers.get("Retry-After")) || 0; // it can be a date
  throw new Refusal(await sentenceIn(response), response.status, seconds);
}

/** Yield the events of a body up to "done". If that does not come, yield "broken". */
async function* whole(body, signal) {
  try {
    for await (const { type, data } of events(body)) {
      yield { type, detail: JSON.parse(data) };
      if (type === "done") return;
    }
  } catch (error) {
    if (signal.aborted || error instanceof SyntaxError) throw error;
  }
  yield { type: "broken" };
}

/** Return the sentence in the server's refusal: {"error": "..."}. */
async function sentenceIn(response) {
  try {
    const { error } = await response.json();
    if (error) return error;
  } catch {
    // not JSON: a proxy in between answered with HTML
  }
  return `the server said ${response.status}.`;
}
