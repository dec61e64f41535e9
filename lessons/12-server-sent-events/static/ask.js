// Ask, and ask again while nothing of an answer has come; then read its events.

import { events } from "./events.js";

const MAY_PASS = [429, 502, 503, 504]; // the statuses after which to ask again

/** Yield {type, detail} for each event: those of the answer, and "retry" before them. */
export async function* ask(config, messages, signal) {
  const { maxRetries = 3 } = config;
  let response;
  for (let attempt = 1; !response; attempt++) {
    try {
      response = await reach(config, messages, signal);
    } catch (error) {
      if (signal.aborted || error.isFinal || attempt > maxRetries) throw error;
      const delay = delayAfter(attempt, error, config);
      yield { type: "retry", detail: { attempt, delay } };
      await pause(delay, signal);
    }
  }
  for await (const { type, data } of events(response.body)) {
    yield { type, detail: JSON.parse(data) };
    if (type === "done") return;
  }
  throw new Error("it broke off.");
}

/** Return the response, or throw the server's sentence. */
async function reach({ address, headers }, messages, signal) {
  const response = await fetch(address, {
    method: "POST",
    headers: { "Content-Type": "application/json", ...headers },
    body: JSON.stringify({ messages }),
    signal,
  });
  if (response.ok) return response;
  const refusal = new Error(await sentenceIn(response));
  refusal.isFinal = !MAY_PASS.includes(response.status);
  refusal.wait = 1000 * response.headers.get("Retry-After"); // ms; 0 without the header
  throw refusal;
}

/** Return the sentence with which the server refused: {"error": "..."}. */
async function sentenceIn(response) {
  try {
    const { error } = await response.json();
    if (error) return error;
  } catch {
    // no JSON: a proxy in between refuses in HTML
  }
  return `the server said ${response.status}.`;
}

/** Return how many ms to wait after an attempt: longer each time, or as the server says. */
function delayAfter(attempt, error, config) {
  const { initialDelay = 1000, maxDelay = 10000 } = config; // ms
  const times = config.backoff === "linear" ? attempt : 2 ** (attempt - 1);
  const delay = Math.min(initialDelay * times, maxDelay);
  return Math.max(delay, error.wait ?? 0); // an error of the network has no wait
}

/** Wait so many ms, or until the signal is aborted. */
function pause(ms, signal) {
  return new Promise((goOn) => {
    setTimeout(goOn, ms);
    signal.addEventListener("abort", goOn);
  });
}
