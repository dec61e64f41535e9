// Saves: ask again and again, in short requests, which version of the files there is.
// A browser has six connections to a server: a long request would take one for itself.

const PAUSE = 400; // ms between two looks
const AGAIN = 100; // ms until files that have changed are looked at once more
const PATIENCE = 10_000; // ms for an answer; a server that hangs is as good as stopped

/**
 * Return the versions of mine/ and of the lesson's program, and whether the lesson is
 * started; null without a server.
 */
export async function look(lesson) {
  try {
    const response = await fetch(`${lesson}look`, {
      cache: "no-store",
      signal: AbortSignal.timeout(PATIENCE),
    });
    return response.ok ? await response.json() : null;
  } catch {
    return null;
  }
}

/**
 * Look for as long as the page is open, and while its tab can be seen. Call
 * changes(names, versions) at once when files have changed, settles(names, versions) when
 * they are the same at two looks, and loses() and finds() when the server stops and is
 * back.
 */
export async function watch(lesson, { changes, settles, loses, finds }) {
  let settled = null; // the versions that were reported last
  let latest = null;
  let isThere = true;
  while (true) {
    await untilVisible();
    const seen = await look(lesson);
    if (isThere !== Boolean(seen)) {
      isThere = Boolean(seen);
      if (isThere) finds();
      else loses();
    }
    settled ??= seen;
    const changed = different(latest, seen);
    const unsettled = different(settled, seen);
    latest = seen ?? latest;
    if (changed.length) {
      changes(changed, seen); // they may be as they were before
    } else if (unsettled.length) {
      settled = seen;
      settles(unsettled, seen);
    }
    await aMoment(changed.length ? AGAIN : PAUSE);
  }
}

/** Return the names under which two looks saw different versions. */
function different(before, now) {
  if (!before || !now) return [];
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
