// The stream ended after a token, with no done event, and the page takes half an answer for a whole one: throw an Error when the loop has ended without done.

// Ask, and ask again while nothing of an answer has come; then read its events.

import { events } from "./events.js";

const AGAIN = [429, 502, 503, 504]; // refusals that may pass

/** Yield {type, detail} for each event: those of the answer, and "retry" before them. */
export async function* ask(config, messages, signal) {
  const { maxRetries = 3, initialDelay = 1000, maxDelay = 10000 } = config; // ms
  let response;
  for (let attempt = 1; !response; attempt++) {
    try {
      response = await reach(config, messages, signal);
    } catch (error) {
      if (signal.aborted || error.final || attempt > maxRetries) throw error;
      const times = config.backoff === "linear" ? attempt : 2 ** (attempt - 1);
      const delay = Math.max(Math.min(initialDelay * times, maxDelay), error.wait ?? 0);
      yield { type: "retry", detail: { attempt, delay } };
      await pause(delay, signal);
    }
  }
  for await (const { type, data } of events(response.body)) {
    yield { type, detail: JSON.parse(data) };
    if (type === "done") return;
  }
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
  const { error } = await response.json().catch(() => ({}));
  throw Object.assign(new Error(error ?? `the server said ${response.status}.`), {
    final: !AGAIN.includes(response.status),
    wait: 1000 * response.headers.get("Retry-After"),
  });
}

/** Wait so many ms, or until the signal is aborted. */
function pause(ms, signal) {
  return new Promise((go) => {
    setTimeout(go, ms);
    signal.addEventListener("abort", go);
  });
}
