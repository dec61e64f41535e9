// From bytes to server-sent events, by the rules of the HTML standard.

const FIELD = /^([^:]*)(?:: ?(.*))?$/s; // one space after the colon is not the value's

/** Yield {type, data, id, retry} for each event; what an empty line has not ended is none. */
export async function* events(body) {
  let [type, data, id, retry] = ["", [], ""];
  for await (const line of lines(body)) {
    const [, field, value = ""] = FIELD.exec(line); // of a comment the field is empty
    if (field === "event") type = value;
    if (field === "data") data.push(value);
    if (field === "id" && !value.includes("\0")) id = value;
    if (field === "retry" && /^[0-9]+$/.test(value)) retry = Number(value);
    if (line) continue;
    if (data.length) yield { type: type || "message", data: data.join("\n"), id, retry };
    [type, data] = ["", []];
  }
}

/** Yield the lines of a body. They end with CR, LF or both, and a read may end between. */
async function* lines(body) {
  let [rest, cut] = ["", false];
  for await (const text of texts(body)) {
    const ended = (rest + (cut ? text.replace(/^\n/, "") : text)).split(/\r\n|\r|\n/);
    cut = text.endsWith("\r"); // a LF that comes next belongs to it
    rest = ended.pop();
    yield* ended;
  }
}

/** Yield the body's text as it arrives; leaving the loop hangs up. */
async function* texts(body) {
  const reader = body.getReader();
  const decoder = new TextDecoder(); // takes a byte order mark away
  try {
    while (true) {
      const { done, value } = await reader.read();
      if (done) return;
      yield decoder.decode(value, { stream: true });
    }
  } finally {
    await reader.cancel().catch(() => {});
  }
}
