// Checks of a page that several lessons share; their check.js import them.

const busy = (page) => page.answer.ariaBusy === "true";

const FAILURES = {
  "was refused with status 500": (page) =>
    page.ask("Hello?", { status: 500, text: "Internal Server Error" }),
  'got an answer that broke off after "one"': async (page) => {
    const answer = (await page.ask("Hello?")).send("one");
    await page.soon(() => page.text === "one");
    answer.breakOff();
  },
  "found no server": (page) => page.ask("Hello?", { unreachable: true }),
};

const COMPLAINS = /abort|broke|error|fail|not whole|undefined/i;

/** What lesson 05 has taught, in a page that the student has changed since. */
export const stopIsNoProblem = {
  sentence: "A stopped answer is not reported as a problem, as in lesson 05",
  async run(page) {
    const answer = (await page.ask("Hello?")).send("one");
    await page.soon(() => page.text === "one");
    page.document.querySelector("#stop")?.click();
    await page.soon(() => COMPLAINS.test(page.words) || !busy(page));
    page.must(
      answer.hungUp,
      "Someone pressed Stop, but the connection is still open. Keep the listener of #stop, and keep passing the signal to fetch.",
    );
    page.must(
      !COMPLAINS.test(page.words),
      `Someone pressed Stop, and the page complains: ${JSON.stringify(page.news)}. A stop is not a failure. In catch, show nothing when signal.aborted is true.`,
    );
  },
};

/** What lesson 03 has taught, in a page that the student has changed since. */
export const failuresAreSaid = {
  sentence: "A failure is reported, as in lesson 03",
  async run(page) {
    (await page.ask("Hello?")).send("one").end();
    await page.soon(() => page.text === "one" && !busy(page));
    const whole = page.words;
    for (const [what, fail] of Object.entries(FAILURES)) {
      await fail(page);
      await page.soon(() => page.words !== whole && !busy(page));
      page.must(
        page.words !== whole,
        `A question ${what}, but the page says the same as for a complete answer. In catch, write what happened into #problem, unless the answer was stopped.`,
      );
      page.must(
        !busy(page),
        `A question ${what}, but #answer is still marked as busy, with dots after it. Set ariaBusy to false in that case, too.`,
      );
      (await page.ask("Hello?")).send("one").end();
      await page.soon(() => page.words === whole);
      page.must(
        page.words === whole,
        `A question ${what} and the next one was answered, but the page still says ${JSON.stringify(page.words)}. Empty #problem when a question is asked.`,
      );
    }
  },
};
