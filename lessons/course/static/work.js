// Your work: a lesson's checks of mine/, on the server and then in this browser.

const headers = { "Content-Type": "application/json" };

/**
 * Run the checks of the lesson at that address; report each as {sentence, outcome,
 * message, printed}, and return them all.
 */
export async function check(lesson, inBrowser, report) {
  const all = [];
  const note = (found) => {
    all.push(found);
    report(found);
  };
  for await (const found of onServer(lesson)) note(found);
  if (inBrowser && !redOf(all)) {
    const { runChecks } = await import("./checks.js");
    await runChecks(`${lesson}mine/`, `${lesson}check.js`, note);
  }
  return all;
}

/** Return the red one, which is the last that was checked, or undefined. */
export const redOf = (all) => all.find(({ outcome }) => outcome === "red");

/** Return whether there was nothing to check, as mine/ holds a later program. */
export const goneOn = (all) => all.every(({ outcome }) => outcome === "gone on");

/** Yield what the server's checks found, one by one. */
async function* onServer(lesson) {
  const response = await fetch(`${lesson}check`, { method: "POST", headers, body: "{}" });
  if (!response.ok) throw new Error(`The server answered ${response.status}.`);
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  while (true) {
    const { done, value } = await reader.read();
    if (done) return;
    const lines = (rest + value).split("\n");
    rest = lines.pop(); // the line that is still being written
    for (const line of lines) yield JSON.parse(line);
  }
}

/** Let a button run something once at a time; status says how it goes. */
export function onPress(button, status, work) {
  button.addEventListener("click", async () => {
    if (button.getAttribute("aria-disabled") === "true") return;
    button.setAttribute("aria-disabled", "true"); // disabled, it would lose focus
    status.textContent = "The checks run.";
    try {
      status.textContent = await work();
    } catch (error) {
      status.textContent = `The checks could not run: ${error.message}`;
    }
    button.setAttribute("aria-disabled", "false");
  });
}

/** Add an element with a class and a text. */
export function add(parent, name, className, text = "") {
  const node = parent.appendChild(document.createElement(name));
  node.className = className;
  node.textContent = text;
  return node;
}
