// Ask the server, so far only once.

import { askOnce } from "./once.js";

/** Yield {type, detail} for each event of the answer. */
export async function* ask(config, messages, signal) {
  yield* askOnce(config, messages, signal);
}
