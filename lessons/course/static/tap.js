// A tap on the wire: what the page in the frame reads is drawn on the strip as well.

import { UNREACHED } from "./reached.js";
import { sentenceIn } from "./say.js";

// What a wire ends with. A page may hang up once it has read one of these.
const LAST_EVENT = /(^|\n)(data: \[DONE\]|event: done\ndata: .*)\n\n$/;
const LONGEST = 200; // characters of a last event
const MOST = 1_000_000; // bytes of an answer: with more, a browser is slow, and then stuck
const ENDLESS =
  "The answer was stopped, because it is longer than 1 MB. Look for a loop that never ends.";

/**
 * Return a function that taps the page in a window, and one that leaves it. While it is
 * tapped, the wire strip draws what the page fetches, and the element `problem` says why
 * it was refused.
 */
export function tapInto(wire, problem) {
  let latest; // the question that is drawn: an older one may still be read

  /** Begin to draw a question; return what draws it for as long as it is the latest. */
  function begin() {
    const question = {}; // an object is equal to itself and to no other
    latest = question;
    wire.begin();
    return {
      isLatest: () => question === latest,
      read(piece) {
        if (question === latest) wire.read(piece);
      },
      end(how) {
        if (question !== latest) return;
        wire.end(how);
        latest = undefined;
      },
    };
  }

  /** Draw nothing more of a page that is left, and let it say nothing more. */
  function leave() {
    if (latest) wire.end("stopped");
    latest = undefined;
  }

  function tap(page) {
    leave();
    const fetchUntapped = page.fetch;

    page.fetch = async (...request) => {
      // the sentence about a stopped server stays until it is back
      if (problem.textContent !== UNREACHED) problem.textContent = "";
      const drawing = begin();
      let response;
      try {
        response = await fetchUntapped.apply(page, request);
      } catch (error) {
        drawing.end(howItEnded(error, "unreached"));
        throw error;
      }
      if (!response.ok) {
        const sentence = await sentenceIn(response.clone()); // the page reads too
        if (drawing.isLatest()) problem.textContent = sentence;
        drawing.end("refused");
        return response;
      }
      if (!response.body) {
        drawing.end("complete");
        return response;
      }
      const tooMuch = () => {
        problem.textContent = ENDLESS;
        return new page.Error(ENDLESS);
      };
      const copy = new page.Response(tapped(page, response.body, drawing, tooMuch), response);
      // a Response that a script makes has no address
      Object.defineProperty(copy, "url", { value: response.url });
      return copy;
    };
  }

  return { tap, leave };
}

/** Return a body that is read when the page reads it: no sooner, and not too much. */
function tapped(page, body, drawing, tooMuch) {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let bytes = 0;
  let tail = ""; // the end of what has arrived: some wires say there that this is all
  reader.closed.catch((error) => drawing.end(howItEnded(error, "broken")));
  const source = {
    async pull(piece) {
      const { done, value } = await reader.read();
      if (done) {
        drawing.end("complete");
        piece.close();
        return;
      }
      const text = decoder.decode(value, { stream: true });
      tail = (tail + text).slice(-LONGEST);
      drawing.read({ text, bytes: value.length });
      piece.enqueue(value);
      bytes += value.length;
      if (bytes <= MOST) return;
      drawing.end("broken");
      piece.error(tooMuch());
      reader.cancel(); // the server stops, too
    },
    cancel(reason) {
      drawing.end(LAST_EVENT.test(tail) ? "complete" : "stopped");
      return reader.cancel(reason);
    },
  };
  return new page.ReadableStream(source, { highWaterMark: 0 }); // keep nothing in store
}

/** Return "stopped" if the page itself hung up, else the word for what went wrong. */
function howItEnded(error, otherwise) {
  return error.name === "AbortError" ? "stopped" : otherwise;
}
