// From bytes to events: so far, each line of JSON is an event.

/** Yield {type, data} for each line, as soon as it is whole. */
export async function* events(body) {
  let rest = ""; // a line that goes on in the next read
  for await (const text of texts(body)) {
    rest += text;
    const lines = rest.split("\n");
    rest = lines.pop();
    for (const line of lines) yield { type: JSON.parse(line).event, data: line };
  }
}

/** Yield the body's text as it arrives; leaving the loop hangs up. */
async function* texts(body) {
  const reader = body.getReader();
  const decoder = new TextDecoder(); // removes a byte order mark
  try {
    while (true) {
      const { done, value } = await reader.read();
      if (done) return;
      yield decoder.decode(value, { stream: true });
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
