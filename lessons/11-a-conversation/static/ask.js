// Ask the model, and read its answer while it is being written.

/**
 * Send a question, an object that becomes JSON, and yield each piece of the answer.
 *
 * Throw an error with a sentence if it is refused or if the connection breaks.
 */
export async function* ask(question, signal) {
  const response = await send(question, signal);
  if (!response.ok) throw new Error(await sentenceIn(response));

  const reader = response.body.getReader();
  const decoder = new TextDecoder();
  while (true) {
    const { done, value } = await nextRead(reader);
    if (done) break;
    yield decoder.decode(value, { stream: true });
  }
  yield decoder.decode();
}

/** Send the question; return the response as soon as its headers arrive. */
async function send(question, signal) {
  try {
    return await fetch("ask", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(question),
      signal,
    });
  } catch {
    throw new Error("The connection broke.");
  }
}

/** Return what the next read brings, { done, value }. */
async function nextRead(reader) {
  try {
    return await reader.read();
  } catch {
    throw new Error("The connection broke.");
  }
}

/** Return the sentence in the server's refusal: {"error": "..."}. */
async function sentenceIn(response) {
  try {
    const { error } = await response.json();
    if (error) return error;
  } catch {
    // not JSON: a proxy in between answered with HTML
  }
  return `The server answered ${response.status}: ask again.`;
}
