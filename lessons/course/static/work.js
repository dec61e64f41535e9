// Your work: a lesson's checks of mine/, on the server and then in this browser.

import { FROZEN, during, hasFrozen } from "./frozen.js";
import { reached } from "./reached.js";
import { say, sentenceIn } from "./say.js";

/**
 * Run the checks of the lesson at that address, or of its Your turn; report each as
 * {sentence, outcome, message, printed}. Return {all, version, mine}: the checks, the
 * version of all that they are about, and the version of mine/ alone. The checks end early
 * when isOld(mine) says that this version is not wanted any more.
 */
export async function check(lesson, { isTurn = false, inBrowser, isOld }, report) {
  const all = [];
  const note = (found) => {
    all.push(found);
    report(found);
  };
  const response = await post(`${lesson}check`, { turn: isTurn });
  for await (const found of linesOf(response)) note(found);
  const version = response.headers.get("X-Version");
  const mine = response.headers.get("X-Version-Of-Mine");
  if (!inBrowser || redOf(all)) {
    // the page is not checked
  } else if (await hasFrozen(mine)) {
    note({ sentence: "The page runs", outcome: "red", message: FROZEN });
  } else {
    const { runChecks } = await import("./checks.js");
    const file = isTurn ? "turn/check.js" : "check.js";
    const task = decodeURIComponent(response.headers.get("X-Task") ?? "");
    const noteInTurn = (found) => {
      // before Your turn has begun, what to try would give its last hint away
      if (task && found.outcome === "red") found = { ...found, message: task };
      note(found);
    };
    await during(mine, () =>
      runChecks(`${lesson}mine/`, lesson + file, noteInTurn, () => isOld?.(mine)),
    );
  }
  return { all, version, mine };
}

/** Let the server remember a verdict; return what it knows of the lesson then. */
export async function remember(lesson, isTurn, { all, version }) {
  const outcome = outcomeOf(all);
  if (outcome === "moved on") return {}; // nothing was checked
  const response = await post(`${lesson}verdict`, { turn: isTurn, version, outcome });
  return response.json();
}

/** Return the red one, which is the last that was checked, or undefined. */
export function redOf(all) {
  return all.find(({ outcome }) => outcome === "red");
}

/** Return what all of them come to: "red", "green", or "moved on" for a later program. */
export function outcomeOf(all) {
  if (redOf(all)) return "red";
  if (all.every(({ outcome }) => outcome === "moved on")) return "moved on";
  return "green";
}

/** Send JSON; return the response, or throw a sentence that says why there is none. */
async function post(address, words) {
  const request = {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(words),
  };
  const response = await reached(fetch(address, request));
  if (!response.ok) throw new Error(`The checks could not run. ${await whyNot(response)}`);
  return response;
}

/** Return the sentence with which a server refuses, or its status if it sends none. */
export async function whyNot(response) {
  return (await sentenceIn(response)) || `The server answered ${response.status}.`;
}

/** Yield what the server's checks found, one by one: a line of JSON for each. */
async function* linesOf(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  while (true) {
    const { done, value } = await reached(reader.read());
    if (done) return;
    const lines = (rest + value).split("\n");
    rest = lines.pop(); // the line that is still being written
    for (const line of lines) yield JSON.parse(line);
  }
}

/**
 * Let buttons run work(button), one at a time; status says how it ended. Return a
 * function that presses one of them, and says whether it could.
 */
export function onPress(buttons, status, work) {
  let isRunning = false;

  const begin = (begun) => {
    isRunning = begun;
    // disabled, a button would lose focus
    for (const button of buttons) button.setAttribute("aria-disabled", begun);
  };

  async function run(button) {
    begin(true);
    try {
      say(status, await work(button));
    } catch (error) {
      say(status, error.message);
    }
    begin(false);
  }

  function press(button) {
    if (isRunning) return false;
    run(button);
    return true;
  }

  for (const button of buttons) {
    button.addEventListener("click", () => press(button));
  }
  return press;
}
