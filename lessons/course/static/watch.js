// Saves: ask again and again, in short requests, which version of the files there is.
// A browser has six connections to a server: a long request would take one for itself.

import { UNREACHED } from "./reached.js";

const PAUSE = 400; // ms between two looks
const AGAIN = 100; // ms until files that have changed are looked at once more
const REFUSED = 5000; // ms after an answer that is no look: each has a line in some log
const PATIENCE = 10_000; // ms for an answer

// A browser has six connections to a server. A program can keep them all.
export const SLOW = `The server has not answered this page for ${PATIENCE / 1000} s. If a program in the frame or in another tab reads six answers at once, it uses all the connections that a browser has to a server: press Reload.`;

/**
 * Return the versions of mine/ and of the lesson's program, and whether the lesson is
 * started; or {problem}, a sentence, if the course does not answer.
 */
export async function look(lesson) {
  let response;
  let seen;
  try {
    response = await fetch(`${lesson}look`, {
      cache: "no-store",
      signal: AbortSignal.timeout(PATIENCE),
    });
    seen = await response.text();
  } catch ({ name }) {
    return { problem: name === "TimeoutError" ? SLOW : UNREACHED };
  }
  if (response.ok && seen.startsWith("{")) return JSON.parse(seen);
  const problem = `The server answered ${response.status} when this page asked for changes. Check that flask run of the course is what runs at this address, then reload the page.`;
  return { problem };
}

/**
 * Look for as long as the page is open, and while its tab can be seen. Call
 * changes(names, versions) at once when files have changed, settles(names, versions) when
 * they are the same at two looks, loses(problem) when the server stops, or another one
 * answers, and finds() when it is back.
 */
export async function watch(lesson, { changes, settles, loses, finds }) {
  let settled = null; // the versions that were reported last
  let latest = null;
  let problem; // undefined while there is none
  while (true) {
    await untilVisible();
    const seen = await look(lesson);
    if (problem !== seen.problem) {
      problem = seen.problem;
      if (problem) loses(problem);
      else finds();
    }
    if (problem) {
      await aMoment([SLOW, UNREACHED].includes(problem) ? PAUSE : REFUSED);
      continue;
    }
    settled ??= seen;
    const changed = different(latest, seen);
    const unsettled = different(settled, seen);
    latest = seen;
    if (changed.length) {
      changes(changed, seen); // they may be as they were before
    } else if (unsettled.length) {
      settled = seen;
      settles(unsettled, seen);
    }
    await aMoment(changed.length ? AGAIN : PAUSE);
  }
}

/** Return the names under which two looks saw different versions; before can be null. */
function different(before, now) {
  if (!before) return [];
  return Object.keys(now).filter((name) => now[name] !== before[name]);
}

function untilVisible() {
  return new Promise((go) => {
    const see = () => {
      if (document.hidden) return;
      document.removeEventListener("visibilitychange", see);
      go();
    };
    document.addEventListener("visibilitychange", see);
    see();
  });
}

export function aMoment(ms) {
  return new Promise((go) => setTimeout(go, ms));
}
