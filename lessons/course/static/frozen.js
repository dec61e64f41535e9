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
let note = ""; // as this page wrote it last: another tab may have written one since
let notedAt = 0;
let livesOn = false; // after it had stopped for a while
let isHeld = false; // until some work has ended
let beats; // the interval that renews the note
let end; // the time-out that forgets it

/** Remember that this version of mine/ is running from now on. */
export function begins(running) {
  clearTimeout(end);
  if (running === version && Date.now() - notedAt < BEAT) return; // one of many pieces
  version = running;
  clearInterval(beats);
  beats = setInterval(renew, BEAT);
  write();
}

/** Forget it in a moment, if this page is still alive then. */
export function ends() {
  clearTimeout(end);
  if (!isHeld) end = setTimeout(forget, BEAT);
}

/** Remember it while this work is done, whatever else begins and ends meanwhile. */
export async function during(running, work) {
  begins(running);
  isHeld = true;
  try {
    await work();
  } finally {
    isHeld = false;
    ends();
  }
}

function write() {
  notedAt = Date.now();
  livesOn = false;
  note = `${version} ${notedAt}`;
  choose(NOTE, note);
}

/**
 * Whether this page has stopped for a while: in an endless loop, which Firefox ends when
 * the page is left, but also in an alert(), at a breakpoint, or while the computer slept.
 */
function hasStopped() {
  return Date.now() - notedAt > LATE;
}

/** Renew the note; after a stop only at the second beat, which a page that is left misses. */
function renew() {
  if (!hasStopped() || livesOn) write();
  else livesOn = true;
}

function forget() {
  if (hasStopped()) ends(); // once the note is renewed
  else leave();
}

/** Leave no note, unless this page has just stopped. */
function leave() {
  clearTimeout(end);
  clearInterval(beats);
  if (version && !hasStopped() && chosen(NOTE) === note) choose(NOTE, "");
  version = "";
}

addEventListener("pagehide", leave);

/** Whether this version froze a page: one that is alive would renew the note. */
export async function hasFrozen(running) {
  const found = chosen(NOTE) ?? "";
  const [noted, time] = found.split(" ");
  if (noted !== running || noted === version) return false; // or it is this page's own
  const end = Math.min(time, Date.now()) + LATE; // a clock can be set back
  while (chosen(NOTE) === found && Date.now() < end) await aMoment(100);
  return chosen(NOTE) === found;
}
