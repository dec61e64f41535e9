// The page: it begins an answer, and reads it from wherever it was left.

const form = document.querySelector("form");
const stop = document.querySelector("#stop");
const answer = document.querySelector("#answer");
const place = document.querySelector("#place");
const problem = document.querySelector("#problem");
const REASONS = {
  stopped: "You stopped here.",
  length: "The answer is not whole: it reached its length limit.",
  content_filter: "The answer is not whole: the provider's filter stopped it.",
};
const ATTEMPTS = 20; // to reach a server again, a second apart

let source; // of the events that are being read
let failures = 0; // since the last event
let retry; // the timer of the next attempt
let name = new URLSearchParams(location.search).get("answer");

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  clear();
  try {
    name = await begin(form.prompt.value);
  } catch (error) {
    problem.textContent = error.message;
    return;
  }
  // The address of the page names the answer: a reload reads on, and so does a phone.
  history.replaceState(null, "", `?answer=${name}`);
  show();
});

stop.addEventListener("click", () => {
  if (name) fetch(`answers/${name}`, { method: "DELETE" });
});

if (name) show(); // the page was reloaded, or opened by its address

/** Ask the server to begin an answer; return its name. */
async function begin(prompt) {
  const response = await post("answers", { prompt });
  if (!response.ok) throw new Error(await sentenceIn(response));
  const { id } = await response.json();
  return id;
}

async function post(address, body) {
  try {
    return await fetch(address, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
    });
  } catch {
    throw new Error("The server cannot be reached: ask again in a moment.");
  }
}

/** Return the sentence in the server's refusal, or one about the status. */
async function sentenceIn(response) {
  try {
    const { error } = await response.json();
    if (typeof error === "string") return error;
  } catch {
    // not JSON: nginx answers with a page of its own when no machine is up
  }
  return `The server answered ${response.status}: ask again in a moment.`;
}

/** Show the answer from its first event. */
function show() {
  clear();
  answer.ariaBusy = true;
  place.textContent = "Reload the page, or open its address elsewhere: the answer continues.";
  read(0);
}

/** Show the events after that number. The browser reconnects after a break. */
function read(after) {
  let last = after;
  source = new EventSource(`answers/${name}?after=${after}`);
  source.addEventListener("token", ({ data, lastEventId }) => {
    answer.append(JSON.parse(data).token);
    problem.textContent = "";
    last = lastEventId;
    failures = 0;
  });
  source.addEventListener("done", ({ data }) => {
    finish(REASONS[JSON.parse(data).reason] ?? "");
  });
  source.addEventListener("error", ({ data }) => {
    // The server's event of that name has data; the browser's own has none.
    if (data) finish(`The answer is not whole: ${JSON.parse(data).error}`);
    else if (source.readyState === EventSource.CLOSED) tryAgain(last);
    else problem.textContent = "The connection broke. The page will reconnect in a moment.";
  });
}

/** Read on in a second: after any status but 200, the browser itself gives up. */
async function tryAgain(after) {
  failures += 1;
  if (await isGone()) return finish("The answer is gone: ask again.");
  if (failures === ATTEMPTS) return finish("No server has the answer: reload the page later.");
  problem.textContent = "No server has the answer just now. Trying again.";
  retry = setTimeout(() => read(after), 1000);
}

/** Ask for the headers alone, which say whether there is such an answer. */
async function isGone() {
  try {
    const response = await fetch(`answers/${name}`, { method: "HEAD" });
    return response.status === 404;
  } catch {
    return false; // nobody answers: perhaps in a second
  }
}

/** Say how the answer ended, and stop reading. */
function finish(sentence) {
  source.close();
  answer.ariaBusy = false;
  problem.textContent = sentence;
}

/** Forget the answer that was shown. */
function clear() {
  source?.close();
  clearTimeout(retry);
  failures = 0;
  answer.textContent = "";
  place.textContent = "";
  problem.textContent = "";
}
