// The same question, asked by the reader that every browser has: EventSource.

/** Ask by GET; show each event, and hang up at the last one or when the signal says so. */
export function listen(prompt, signal, show) {
  const source = new EventSource(`ask?prompt=${encodeURIComponent(prompt)}`);
  signal.addEventListener("abort", () => source.close());
  for (const type of ["token", "usage", "error", "done"]) {
    source.addEventListener(type, (event) => {
      if (event.data) show({ type, detail: JSON.parse(event.data) });
    });
  }
  source.addEventListener("done", () => source.close());
  source.addEventListener("error", () => {
    const { readyState } = source; // an EventSource never learns the server's sentence
    if (readyState === EventSource.CLOSED) {
      show({ type: "error", detail: { error: "it was refused, or broke off." } });
    }
  });
  return source;
}
