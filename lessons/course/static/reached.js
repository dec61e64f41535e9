// The server of the course, which may have stopped.

// The sentence of the page at the root: its ask.js says it too.
export const UNREACHED = "The server cannot be reached. Check that it is running, then ask again.";

// A browser has six connections to a server. A program can keep them all.
export const SLOW =
  "The server has not answered this page for 10 s. If a program in the frame or in another tab reads six answers at once, it uses all the connections that a browser has to a server: press Reload.";

/** Wait for what comes from the server; throw a sentence if it has stopped. */
export async function reached(coming) {
  try {
    return await coming;
  } catch {
    throw new Error(UNREACHED);
  }
}
