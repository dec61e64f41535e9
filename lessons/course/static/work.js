// Your work: a lesson's checks of mine/, on the server and then in this browser.

/**
 * Run the checks of the lesson at that address, or of its Your turn; report each as
 * {sentence, outcome, message, printed}, and return them all.
 */
export async function check(lesson, { isTurn = false, inBrowser }, report) {
  const all = [];
  const note = (found) => {
    all.push(found);
    report(found);
  };
  for await (const found of foundByServer(lesson, isTurn)) note(found);
  if (inBrowser && !redOf(all)) {
    const { runChecks } = await import("./checks.js");
    const file = isTurn ? "turn/check.js" : "check.js";
    await runChecks(`${lesson}mine/`, lesson + file, note);
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
async function* foundByServer(lesson, isTurn) {
  const request = {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ turn: isTurn }),
  };
  const response = await fetch(`${lesson}check`, request);
  if (!response.ok) throw new Error(`The checks could not run: the server answered ${response.status}.`);
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

/** Let buttons run work(button), one at a time; status says how it goes. */
export function onPress(buttons, status, work) {
  let isRunning = false;

  const begin = (begun) => {
    isRunning = begun;
    // disabled, a button would lose focus
    for (const button of buttons) button.setAttribute("aria-disabled", begun);
  };

  for (const button of buttons) {
    button.addEventListener("click", async () => {
      if (isRunning) return;
      begin(true);
      status.textContent = button.id === "start" ? "It is put there." : "The checks run.";
      try {
        status.textContent = await work(button);
      } catch (error) {
        status.textContent = error.message;
      }
      begin(false);
    });
  }
}
