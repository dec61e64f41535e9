// Ask the model, and get its answer while it is being written.

/** Yield each piece of text. Leaving the loop hangs up. */
export async function* ask(prompt, signal) {
  const response = await fetch("ask", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ prompt }),
    signal,
  });
  if (!response.ok) throw new Error(await sentenceIn(response));

  const reader = response.body.getReader();
  const decoder = new TextDecoder();
  try {
    while (true) {
      const { done, value } = await reader.read();
      if (done) break;
      yield decoder.decode(value, { stream: true });
    }
    yield decoder.decode(); // the answer itself may end inside a letter
  } finally {
    await hangUp(reader); // whatever ended the loop
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

/** Hang up, or the browser keeps reading for nobody. */
async function hangUp(reader) {
  try {
    await reader.cancel();
  } catch {
    // the body is broken: nobody is there any more
  }
}
