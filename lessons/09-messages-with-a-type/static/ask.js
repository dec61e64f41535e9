// Ask the model, and get the messages of its answer while it is being written.

/** Yield each message; throw what the server throws. Leaving the loop hangs up. */
export async function* ask(prompt, signal, read = readLines) {
  const response = await fetch("ask", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ prompt }),
    signal,
  });
  if (!response.ok) throw new Error(await sentenceIn(response));

  let ended = false;
  for await (const message of read(response.body)) {
    if (message?.isError) throw thrown(message.reason); // ?.: a message can be null
    if (message?.end) ended = true;
    yield message;
  }
  if (!ended) throw new Error("It broke off: ask again.");
}

/** Return the sentence in the server's refusal: {"message": "..."}. */
async function sentenceIn(response) {
  try {
    const { message } = await response.json();
    if (message) return message;
  } catch {
    // not JSON: a proxy in between answered with HTML
  }
  return `The server answered ${response.status}: ask again.`;
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
      rest += decoder.decode(value, { stream: true });
      const lines = rest.split("\n");
      rest = lines.pop(); // a line that goes on in the next read
      for (const line of lines) yield JSON.parse(line);
    }
  } finally {
    await hangUp(reader); // whatever ended the loop
  }
}

/** Hang up, or the browser keeps reading for nobody. */
async function hangUp(reader) {
  try {
    await reader.cancel();
  } catch {
    // the body is broken: nobody is there any more
  }
}

/** Return what to throw: an Error for a string, otherwise the value itself. */
function thrown(reason) {
  return typeof reason === "string" ? new Error(reason) : reason;
}
