// Ask, and ask again as long as no part of an answer has come.

import { askOnce } from "./once.js";

const MAY_PASS = [0, 429, 502, 503, 504]; // the statuses after which to ask again

/** Yield {type, detail} for each event of the answer, and "retry" before each retry. */
export async function* ask(config, messages, signal) {
  const { maxRetries = 3 } = config;
  for (let attempt = 1; true; attempt++) {
    try {
      yield* askOnce(config, messages, signal);
      return;
    } catch (error) {
      // Half an answer, or a mistake of ours, is not a Refusal and has no status.
      const isWorthIt = MAY_PASS.includes(error.status) && attempt <= maxRetries;
      if (signal.aborted || !isWorthIt) throw error;
      const delay = delayAfter(attempt, error.wait, config);
      yield { type: "retry", detail: { attempt, delay } };
      await pause(delay, signal);
    }
  }
}

/** Return how many ms to wait: what the server says, plus a random time. */
function delayAfter(attempt, wait, config) {
  const { initialDelay = 1000, maxDelay = 10000, jitter = true } = config; // ms
  const times = config.backoff === "linear" ? attempt : 2 ** (attempt - 1);
  const longest = Math.min(initialDelay * times, maxDelay);
  const share = jitter ? Math.random() : 1;
  return wait + share * longest;
}

/** Wait that many ms, or until the signal is aborted. */
function pause(ms, signal) {
  return new Promise((goOn) => {
    if (signal.aborted) goOn(); // its event does not come again
    setTimeout(goOn, ms);
    signal.addEventListener("abort", goOn);
  });
}
