// From bytes to server-sent events, by the rules of the HTML standard.

/** Yield {type, data, id, retry} for each event that an empty line has ended. */
export async function* events(body) {
  let type = "";
  let data = [];
  let id = ""; // applies to the events after it, too
  let retry; // ms
  for await (const line of lines(body)) {
    const { field, value } = split(line);
    if (field === "event") type = value;
    if (field === "data") data.push(value);
    if (field === "id" && !value.includes("\0")) id = value;
    if (field === "retry" && /^[0-9]+$/.test(value)) retry = Number(value);
    if (line !== "") continue;
    // An empty line ends the event, if there was any data.
    if (data.length > 0) {
      yield { type: type || "message", data: data.join("\n"), id, retry };
    }
    type = "";
    data = [];
  }
}

/** Split a line at its first colon. A comment begins with one, so it has no field. */
function split(line) {
  const colon = line.indexOf(":");
  if (colon === -1) return { field: line, value: "" };
  const field = line.slice(0, colon);
  const value = line.slice(colon + 1).replace(/^ /, ""); // without a leading space
  return { field, value };
}

/** Yield the lines of a body. A line ends with CR, LF or CR and LF. */
async function* lines(body) {
  let rest = ""; // a line that goes on in the next read
  let endedWithCR = false;
  for await (const text of texts(body)) {
    if (text === "") continue; // no text: what follows a "\r" is still to come
    const isItsLF = endedWithCR && text.startsWith("\n"); // one line end, not two
    rest += isItsLF ? text.slice(1) : text;
    endedWithCR = text.endsWith("\r");
    const whole = rest.split(/\r\n|\r|\n/);
    rest = whole.pop();
    yield* whole;
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
