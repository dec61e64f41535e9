// Another reader: it brings the same messages, but the tokens letter by letter.

import { readLines } from "./ask.js";

/** Yield what readLines yields, but each token letter by letter, one every 15 ms. */
export async function* readLetters(body) {
  for await (const message of readLines(body)) {
    if (!message?.token) {
      yield message;
      continue;
    }
    for (const letter of message.token) {
      yield { token: letter };
      await new Promise((goOn) => setTimeout(goOn, 15));
    }
  }
}
