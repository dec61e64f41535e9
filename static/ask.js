// Ask the model, and read its answer while it is being written.

/**
 * Yield {text, bytes} for each read of the answer; text is "" when a letter was cut.
 * Throw the server's sentence if it refuses. Leaving the loop or aborting hangs up.
 */
export async function* ask(prompt, signal) {
  const headers = { "Content-Type": "application/json" };
  const body = JSON.stringify({ prompt });
  const response = await fetch("ask", { method: "POST", headers, body, signal });
  if (!response.ok) {
    const sentence = await response.json().then(({ error }) => error).catch(() => {});
    throw new Error(sentence || `The server answered ${response.status}: ask again.`);
  }
  const reader = response.body.getReader();
  const decoder = new TextDecoder();
  try {
    while (true) {
      const { done, value } = await reader.read();
      if (done) break;
      yield { text: decoder.decode(value, { stream: true }), bytes: value.length };
    }
    const rest = decoder.decode(); // the answer itself may end inside a letter
    if (rest) yield { text: rest, bytes: 0 };
  } catch (error) {
    throw new Error("The answer broke off.", { cause: error });
  } finally {
    await reader.cancel().catch(() => {}); // else the browser reads on, for nobody
  }
}
