// A loop that never stops reading would freeze its page, and with it the page of the
// lesson around it: both run in one thread of the browser.

const MOST_READS = 99; // that a page may begin before one of them has ended
const MOST_ENDS = 9; // that a page may read after an answer
const FORGETS_TO_WAIT =
  "The page calls reader.read() again and again without waiting for its result. read() returns a promise: write await reader.read().";
const READS_ON =
  "The answer had ended, but the page kept reading. Leave the loop when read() says done.";

/**
 * End a loop of the page in this window that reads on after the end, or without waiting
 * for what it reads. Report it in a sentence.
 */
export function endEndlessReads(window, tell) {
  const { prototype } = window.ReadableStreamDefaultReader;
  const { read } = prototype;
  const counts = new WeakMap(); // of each reader
  let forgotToWait = false; // for a read that it had begun
  prototype.read = function () {
    if (!counts.has(this)) counts.set(this, { waiting: 0, ends: 0 });
    const count = counts.get(this);
    count.waiting += 1;
    if (count.waiting > MOST_READS) forgotToWait = true;
    if (forgotToWait) {
      tell(FORGETS_TO_WAIT);
      throw Object.assign(new Error(FORGETS_TO_WAIT), { ours: true });
    }
    return read.call(this).then((piece) => {
      count.waiting -= 1;
      if (piece.done) count.ends += 1;
      if (count.ends < MOST_ENDS) return piece;
      tell(READS_ON);
      return new Promise(() => {}); // which is never fulfilled
    });
  };
}
