// Ask the model, and read its answer while it is being written.

const UNREACHED = "The server cannot be reached. Check that it is running, then ask again.";
const BROKE_OFF = "The answer broke off here. The text that arrived is kept.";
const ERROR_LINE = /\n\[error: .+\]\n$/; // a pattern; its $ is the end of the text

/**
 * Yield {text, bytes} for each read of the answer; text is "" when a letter was cut.
 *
 * Throw an error whose name is "unreached", "refused" or "broken", and whose message is
 * a sentence to show. Leaving the loop hangs up; an abort hangs up and throws.
 */
export async function* ask(prompt, signal) {
  const response = await send(prompt, signal);
  if (!response.ok) {
    const sentence = await sentenceIn(response);
    throw failure("refused", sentence);
  }

  const reader = response.body.getReader();
  const decoder = new TextDecoder();
  let answer = ""; // all of it, to check its last line
  try {
    while (true) {
      const { done, value } = await nextRead(reader);
      if (done) break;
      const text = decoder.decode(value, { stream: true });
      answer += text;
      yield { text, bytes: value.length };
    }
    const rest = decoder.decode(); // the answer itself may end inside a letter
    if (rest) yield { text: rest, bytes: 0 };
  } finally {
    await hangUp(reader); // whatever ended the loop
  }

  // When the server cannot finish, it writes that line and breaks the body. Safari
  // treats a broken body as a whole one: there, only the line shows it.
  if (ERROR_LINE.test(answer)) throw failure("broken", BROKE_OFF);
}

/** Send the prompt; return the response as soon as its headers arrive. */
async function send(prompt, signal) {
  const request = {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ prompt }),
    signal,
  };
  try {
    return await fetch("ask", request); // without await, catch would miss errors
  } catch {
    // Stop comes here too; the signal tells page.js that it was Stop.
    throw failure("unreached", UNREACHED);
  }
}

/** Return what the next read brings, { done, value }. */
async function nextRead(reader) {
  try {
    return await reader.read();
  } catch {
    throw failure("broken", BROKE_OFF);
  }
}

/** Return the sentence in the server's refusal: {"error": "..."}. */
async function sentenceIn(response) {
  try {
    const { error } = await response.json();
    if (typeof error === "string") return error; // a proxy's JSON may hold no such text
  } catch {
    // not JSON: something between us and the server refused
  }
  return `The server answered ${response.status}: ask again.`;
}

/** Hang up, or the browser keeps reading for nobody. */
async function hangUp(reader) {
  try {
    await reader.cancel();
  } catch {
    // the connection is broken: there is nobody to hang up on
  }
}

/** Return an error with a name that says what happened, and a sentence to show. */
function failure(name, sentence) {
  const error = new Error(sentence);
  error.name = name;
  return error;
}
