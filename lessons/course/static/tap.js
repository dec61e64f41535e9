// A tap on the wire: what the page in the frame reads is drawn on the strip as well.

/** Return a function that taps the page in a window; problem says why one refused. */
export function tapInto(wire, problem) {
  let latest; // the question that is drawn; an older one may still be read

  return (page) => {
    if (latest) wire.end("stopped"); // with the page that asked it
    latest = undefined;
    const { fetch } = page;

    page.fetch = async (...request) => {
      const question = (latest = {});
      const draw = (step, ...words) => {
        if (question !== latest) return;
        wire[step](...words);
        if (step === "end") latest = undefined;
      };
      problem.textContent = "";
      draw("begin");
      try {
        const response = await fetch.apply(page, request);
        if (!response.ok || !response.body) {
          draw("end", response.ok ? "complete" : "refused");
          if (!response.ok) problem.textContent = await sentence(response.clone());
          return response;
        }
        const copy = new page.Response(tapped(response.body, draw), response);
        return Object.defineProperty(copy, "url", { value: response.url });
      } catch (error) {
        draw("end", error.name === "AbortError" ? "stopped" : "unreached");
        throw error;
      }
    };
  };
}

/** Return a body that is read when the page reads it: no sooner, and not more. */
function tapped(body, draw) {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  reader.closed.catch((error) => {
    draw("end", error.name === "AbortError" ? "stopped" : "broken");
  });
  const source = {
    async pull(piece) {
      const { done, value } = await reader.read();
      if (done) {
        draw("end", "complete");
        return piece.close();
      }
      const text = decoder.decode(value, { stream: true });
      draw("read", { text, bytes: value.length });
      piece.enqueue(value);
    },
    cancel(reason) {
      draw("end", "stopped");
      return reader.cancel(reason);
    },
  };
  return new ReadableStream(source, { highWaterMark: 0 });
}

/** Return the sentence in {"error": "..."}, which not every program sends. */
async function sentence(response) {
  const { error } = await response.json().catch(() => ({}));
  return typeof error === "string" ? error : "";
}
