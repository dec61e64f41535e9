// Ask the model, and get the messages of its answer while it is being written.

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
  let rest = "";
  try {
    while (true) {
      const { done, value } = await reader.read();
      if (done) break;
      const lines = (rest + decoder.decode(value, { stream: true })).split("\n");
      rest = lines.pop(); // a line that goes on in the next read
      for (const line of lines) yield JSON.parse(line);
    }
  } finally {
    await reader.cancel().catch(() => {}); // else the browser reads on, for nobody
  }
}

function thrown(reason) {
  return typeof reason === "string" ? new Error(reason) : reason;
}
