// A lesson: its program beside the notes, your work checked, and the wire below.

import { wireStrip } from "../../static/wire.js";
import { adviceOn } from "./advice.js";
import { choose, chosen } from "./choices.js";
import { endEndlessReads } from "./endless_reads.js";
import { FROZEN, begins, ends, hasFrozen } from "./frozen.js";
import { UNREACHED } from "./reached.js";
import { say } from "./say.js";
import { letPathsBeCopied, start } from "./start.js";
import { tapInto } from "./tap.js";
import { verdictIn } from "./verdict.js";
import { SLOW, aMoment, look, watch } from "./watch.js";
import { check, onPress, outcomeOf, remember } from "./work.js";

const ENDS = {
  green: "Everything is green.",
  red: "One check is red. Fix it, then check again.", // it is shown below, with its name
  "moved on": "Nothing was checked, because you have moved on to a later lesson.",
};
const TURN_DONE = "Your turn is done.";
const NEXT = {
  start: "The lesson is started next.",
  check: "Your work is checked next.",
  "check-turn": "Your turn is checked next.",
};
const ELSEWHERE =
  "The page went to another address, which is not part of the program. Look for a link, a form or a line that changes location.";
const COPIED = "The files are being copied.";
const CHECKED = "The checks are running.";
const IS_BACK = "The server is back. Try again.";
const CHOSEN = "program"; // under which the browser remembers which one runs
const TICKED = "check when I save"; // under which the browser remembers that tick

const pane = document.querySelector("#pane");
const frame = document.querySelector("iframe");
const problem = document.querySelector("#problem");
const work = document.querySelector("#work");
const wire = wireStrip(document.querySelector("#wire"));
const { tap, leave } = tapInto({ ...wire, read: beginAndRead }, problem);
const lesson = new URL(".", location).href;
let running = ""; // the version of mine/ in the frame, if that is what runs there

// The program

/** Load what is chosen, on the network that is chosen, in one of these versions. */
function run({ mine }) {
  if (parent !== window) return; // a program led back to its lesson: in that none runs
  const { program, network } = pane.elements;
  const path = program.value + (network.checked ? "/bad/" : "/");
  leave();
  problem.textContent = "";
  running = program.value === "mine" ? mine : "";
  if (running) begins(running);
  frame.contentWindow.location.replace(lesson + path); // adds no entry to the history
}

/** Load it unless this version of mine/ froze the tab. */
async function runUnlessFrozen(now) {
  const isMine = () => pane.elements.program.value === "mine";
  const isFrozen = isMine() && (await hasFrozen(now.mine));
  if (isFrozen && isMine()) {
    problem.textContent = FROZEN;
    running = "";
    frame.contentWindow.location.replace("about:blank");
  } else {
    run(now);
  }
}

/** Load it with this function if the server runs: otherwise, a browser would show an error. */
async function ifThere(load) {
  const now = await look(lesson);
  if (now.problem) problem.textContent = now.problem;
  else await load(now);
  return now;
}

/** Remember what is running, as it may freeze at a key, a click or a piece. */
function beginAndEnd() {
  if (!running) return;
  begins(running);
  ends();
}

function beginAndRead(piece) {
  beginAndEnd();
  wire.read(piece);
}

pane.addEventListener("change", () => {
  choose(CHOSEN, pane.elements.program.value); // for the next lesson
  ifThere(runUnlessFrozen);
});
pane.addEventListener("submit", (event) => {
  event.preventDefault();
  // Its answers end with a page, and only then can there be a look, and another page.
  if (problem.textContent === SLOW) frame.contentWindow.location.replace("about:blank");
  ifThere(run); // whatever it did
});
frame.addEventListener("load", () => {
  const page = frame.contentDocument; // null: not a page of ours
  if (page) {
    tap(frame.contentWindow);
    endEndlessReads(frame.contentWindow, tell);
    for (const name of ["keydown", "click", "submit"]) {
      frame.contentWindow.addEventListener(name, beginAndEnd, true); // before the page
    }
    // The program of the root draws a wire of its own, below the answer: one is enough,
    // and the end of the page is the end of the answer then.
    const second = page.querySelector("figure#wire.wire");
    if (second) second.hidden = true;
    showWhatItSays(page.querySelector("[role=alert]"));
  }
  if (!isProgram(page?.location.href)) tell(ELSEWHERE);
  if (running) ends();
  wire.begin(); // nothing of the previous page stays drawn
  wire.end("idle", 0);
});

/** Whether that is the address of a program, or of the page that is there before one. */
function isProgram(address) {
  const places = ["program/", "mine/"].map((path) => lesson + path);
  return ["about:blank", ...places].some((place) => address?.startsWith(place));
}

/** In a low frame, scroll to the sentence of a failure; the notes stay where they are. */
function showWhatItSays(alert) {
  if (!alert) return;
  const scroll = () => {
    const below = alert.getBoundingClientRect().bottom - frame.clientHeight;
    if (alert.textContent && below > 0) frame.contentWindow.scrollBy(0, below);
  };
  new MutationObserver(scroll).observe(alert, { childList: true });
}

addEventListener("message", ({ source, data }) => {
  if (source !== frame.contentWindow || typeof data?.problem !== "string") return;
  const sentence = data.problem.replace(/(?<![.?!])$/, ".");
  tell([sentence, ...adviceOn(data.problem)].join(" "));
});

/** Say what goes wrong in the program. The first of several is the cause. */
function tell(sentence) {
  problem.textContent ||= sentence;
}

// While mine/ holds another lesson's work, See it break needs this lesson's program.
// Otherwise what was chosen before runs; null, if nothing was, changes nothing.
if (!("elsewhere" in pane.dataset)) pane.elements.program.value = chosen(CHOSEN);
ifThere(runUnlessFrozen);

// Your work

const follow = work && followWork(); // a lesson without checks has no buttons

/** Let the buttons work; return what to call when files have changed, or are saved. */
function followWork() {
  const startButton = work.querySelector("#start");
  const files = work.querySelector("#files");
  const moment = work.querySelector("#moment"); // what is offered when all is green
  const onSave = work.querySelector("#on-save");
  const status = work.querySelector("#status");
  const verdict = verdictIn(work);
  let latest = work.querySelector("#check"); // the button that was pressed to check
  let checked = null; // the version of mine/ that the verdict is about
  let sentence = ""; // the verdict's
  let saved = null; // the version that waits to be checked
  let untouched = null; // the version that Start has put there: nobody has saved it
  let running = null; // the button that was pressed last, whose work may have ended
  let next = null; // the button that was pressed meanwhile
  let isWaiting = false; // what is saved, or next

  async function startLesson() {
    status.textContent = COPIED;
    const done = await start(lesson);
    checked = null;
    moment.hidden = true;
    verdict.begin();
    nameStart(true);
    files.open = true;
    pane.elements.program.value = "mine";
    choose(CHOSEN, "mine");
    untouched = (await ifThere(run)).mine;
    return done;
  }

  /** Let the button say whether mine/ holds this lesson already. */
  function nameStart(isStarted) {
    startButton.textContent = isStarted ? "Start again" : startButton.dataset.first;
    startButton.toggleAttribute("data-again", isStarted);
  }

  async function checkWork(button) {
    const isTurn = button.id === "check-turn";
    const isLoaded = saved !== null; // by the save
    latest = button;
    saved = null;
    checked = null;
    status.textContent = CHECKED;
    const focused = document.activeElement;
    files.open = false; // the verdict needs the room
    moment.hidden = true;
    verdict.begin();
    const isFolded = work.contains(focused) && !focused.checkVisibility();
    if (isFolded) button.focus(); // a keyboard goes on from there
    if (!isLoaded) ifThere(runUnlessFrozen);
    const inBrowser = "browser" in button.dataset;
    const found = await check(lesson, { isTurn, inBrowser, isOld }, verdict.add).catch(
      (error) => {
        verdict.begin(); // "3 of 3 green" would be said of 28 that were to come
        throw error;
      },
    );
    if (isOld(found.mine)) return "The checks run again.";
    const outcome = outcomeOf(found.all);
    const { done, first, warning } = await remember(lesson, isTurn, found);
    if (done && !isTurn) document.querySelector("#done").textContent = `done on ${done}`;
    const now = await look(lesson);
    sentence = isTurn && outcome === "green" ? TURN_DONE : ENDS[outcome];
    if (first && !isTurn) sentence += ` You now have ${moment.dataset.aim}.`;
    if (warning) sentence += ` ${warning}`;
    moment.hidden = outcome !== "green";
    checked = found.mine;
    return verdictOf(now);
  }

  /** Whether another version waits to be checked: this one need not be. */
  function isOld(version) {
    return saved !== null && saved !== version;
  }

  /** Return the sentence of the verdict, which may be about files of before. */
  function verdictOf(now) {
    const isOld = !now.problem && now.mine !== checked;
    verdict.age(isOld);
    return isOld ? `Before your latest save: ${sentence}` : sentence;
  }

  /** Say what is green already: the lesson, or its turn, of a version of mine/. */
  async function stillGreen(what, version) {
    checked = version;
    sentence = what === "turn" ? TURN_DONE : ENDS.green;
    status.textContent = sentence;
    moment.hidden = false;
    const now = await look(lesson); // the page may be an old copy
    if (checked === version) status.textContent = verdictOf(now);
  }

  const buttons = work.querySelectorAll(".row button");
  const press = onPress(buttons, status, (button) => {
    running = button;
    if (next === button) next = null;
    return button === startButton ? startLesson() : checkWork(button);
  });

  /** Hear a button that is pressed while another one's work runs: say that it comes next. */
  function hear(button) {
    if (button === running || button === next) return;
    next = button;
    if (button !== startButton) latest = button;
    const runs = running === startButton ? COPIED : CHECKED;
    say(status, `${runs} ${NEXT[button.id]}`);
    goOn();
  }

  /** Go on when what runs has ended. A save that this was about is not checked again. */
  async function goOn() {
    if (isWaiting) return;
    isWaiting = true;
    const isSaved = () => ![null, checked, untouched].includes(saved);
    while ((next || isSaved()) && !press(next ?? latest)) await aMoment(50);
    saved = null;
    isWaiting = false;
  }

  const turnButton = work.querySelector("#check-turn");
  const turnLink = work.querySelector("#moment [href='#your-turn']");

  for (const button of buttons) button.addEventListener("click", () => hear(button));
  turnLink?.addEventListener("click", () => (latest = turnButton)); // for the next save

  // On a phone it covers the foot of the notes. What has the focus scrolls to above it.
  const { style } = document.documentElement;
  const measure = () => style.setProperty("--work", `${work.offsetHeight}px`);
  new ResizeObserver(measure).observe(work);

  letPathsBeCopied(work.querySelectorAll(".copy-path"));
  const { green, mine } = work.dataset; // what is green was found before, of this version
  if (green) stillGreen(green, mine);
  onSave.checked = chosen(TICKED) === "true";
  onSave.addEventListener("change", () => choose(TICKED, onSave.checked));

  return {
    changes(names, now) {
      if (names.includes("started")) nameStart(now.started);
      if (names.includes("mine") && checked) say(status, verdictOf(now));
    },
    settles(now) {
      if (now.mine !== untouched) untouched = null;
      if (!onSave.checked) return;
      saved = now.mine;
      goOn();
    },
    finds() {
      if (status.textContent === UNREACHED) status.textContent = IS_BACK;
    },
  };
}

watch(lesson, {
  changes(names, now) {
    follow?.changes(names, now);
  },
  settles(names, now) {
    if (names.includes(pane.elements.program.value)) runUnlessFrozen(now);
    if (names.includes("mine")) follow?.settles(now);
  },
  loses(why) {
    problem.textContent = why;
  },
  finds() {
    ifThere(runUnlessFrozen);
    follow?.finds();
  },
});
