// A program that froze the browser's tab. An endless loop in a page freezes the page of
// the lesson around it too: both run in one thread. So the browser remembers which version
// of mine/ is running, and forgets it when this page is still alive after that. What it
// still remembers when the next page asks has frozen.

import { choose, chosen } from "./choices.js";
import { aMoment } from "./watch.js";

const NOTE = "running"; // under which the browser remembers it: "<version> <time>"
const BEAT = 1000; // ms after which a page that is alive writes the note again
const LATE = 3 * BEAT; // of a page that is not

export const FROZEN =
  "This version of your program froze the browser's tab when it last ran, so it was not started again. Look for a loop that never ends: while (true) needs a line such as if (done) return. Then save. Or choose mine and press Reload to run this version once more.";

let version = "";
let notedAt = 0;
let beats; // the interval that renews the note
let end; // the time-out that forgets it

/** Remember that this version of mine/ is running from now on. */
export function begins(running) {
  version = running;
  clearTimeout(end);
  clearInterval(beats);
  beats = setInterval(renew, BEAT);
  note();
}

/** Forget it in a moment, if this page is still alive then. */
export function ends() {
  clearTimeout(end);
  end = setTimeout(forget, BEAT);
}

function note() {
  notedAt = Date.now();
  choose(NOTE, `${version} ${notedAt}`);
}

/**
 * Whether this page has stopped for a while. Firefox ends an endless loop when its page is
 * left, or when somebody asks for it: the page goes on then, but its note stays.
 */
function wasFrozen() {
  return Date.now() - notedAt > LATE;
}

function renew() {
  if (!wasFrozen()) note();
}

function forget() {
  clearInterval(beats);
  if (version && !wasFrozen()) choose(NOTE, "");
  version = "";
}

addEventListener("pagehide", forget);

/** Whether this version froze a page: one that is alive would renew the note. */
export async function hasFrozen(running) {
  const found = chosen(NOTE) ?? "";
  const [noted, time] = found.split(" ");
  if (noted !== running || noted === version) return false; // or it is this page's own
  await aMoment(Number(time) + LATE - Date.now());
  return chosen(NOTE) === found;
}
