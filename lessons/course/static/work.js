// Your work: a lesson's checks of mine/, on the server and then in this browser.

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
  for await (const found of foundByServer(lesson)) note(found);
  if (inBrowser && !redOf(all)) {
    const { runChecks } = await import("./checks.js");
    await runChecks(`${lesson}mine/`, `${lesson}check.js`, note);
  }
  return all;
}

/** Return the red one, which is the last that was checked, or undefined. */
export function redOf(all) {
  return all.find(({ outcome }) => outcome === "red");
}

/** Return what all of them come to: "red", "green", or "gone on" for a later program. */
export function outcomeOf(all) {
  if (redOf(all)) return "red";
  if (all.every(({ outcome }) => outcome === "gone on")) return "gone on";
  return "green";
}

/** Yield what the server's checks found, one by one: a line of JSON for each. */
async function* foundByServer(lesson) {
  const request = {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: "{}",
  };
  const response = await fetch(`${lesson}check`, request);
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
