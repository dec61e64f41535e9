// The server of the course, which may have stopped.

// The sentence of the page at the root: its ask.js says it too.
export const UNREACHED = "The server cannot be reached. Check that it is running, then ask again.";

/** Wait for what comes from the server; throw a sentence if it has stopped. */
export async function reached(coming) {
  try {
    return await coming;
  } catch {
    throw new Error(UNREACHED);
  }
}
