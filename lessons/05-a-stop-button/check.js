// The stop button hangs up, keeps what came, and leaves the page ready.

import { failuresAreSaid } from "../static/page_checks.js";

const say = (text) => JSON.stringify(text);
const COMPLAINS = /abort|broke|error|fail|not whole|undefined/i;
const busy = (page) => page.answer.ariaBusy === "true";

/** Ask, and return the answer when its first text is on the page. */
async function begun(page, text) {
  const answer = (await page.ask("Hello?")).send(text);
  await page.soon(() => page.text === text);
  page.must(
    page.text === text,
    `The answer began with ${say(text)}, and the page shows ${say(page.text)}: empty #answer when a question is asked, then append each piece.`,
  );
  return answer;
}

/** Press the stop button. */
function press(page) {
  const stop = page.document.querySelector("#stop");
  page.must(stop, 'The page has no <button type="button" id="stop">Stop</button>.');
  page.must(!stop.disabled, "An answer is being written, and the stop button is disabled.");
  stop.click();
}

export const checks = [
  {
    sentence: "The stop button closes the connection",
    async run(page) {
      const answer = await begun(page, "one");
      press(page);
      answer.send(" two"); // a loop that only looks at a flag sees it now
      await page.soon(() => answer.hungUp);
      const quiet = page.text === "one" ? "looks stopped" : "goes on";
      const open = `Stop was pressed, the page ${quiet}, and the connection is still open: the model writes on, for nobody.`;
      page.must(
        answer.hungUp || answer.hasSignal,
        `${open} fetch was given no signal: pass signal on in ask(form.prompt.value, signal), and give it to fetch beside body.`,
      );
      page.must(
        answer.hungUp,
        `${open} fetch has a signal, but the click on #stop did not abort it: let it call () => asking.abort(), and let asking be the controller of this signal, a new one for each question.`,
      );
    },
  },
  {
    sentence: "The stop button works before the first text",
    async run(page) {
      const question = await page.ask("Hello?", { silent: true });
      press(page);
      await page.soon(() => question.hungUp);
      page.must(
        question.hungUp,
        "The server had not answered yet when Stop was pressed, and the page waits on: there is no reader yet that could be cancelled. fetch itself has to know the signal, by the line signal, beside body.",
      );
    },
  },
  {
    sentence: "What came before the stop stays, and nothing comes after it",
    async run(page) {
      const answer = await begun(page, "one");
      press(page);
      answer.send(" two");
      await page.soon(() => !busy(page));
      page.must(
        page.text.startsWith("one"),
        `"one" was there when Stop was pressed, and now ${say(page.text)} does: keep what came.`,
      );
      page.must(
        !page.text.includes("two"),
        `Stop was pressed after "one", and the page shows ${say(page.text)}: the loop has to end there.`,
      );
    },
  },
  {
    sentence: "A stopped answer is not reported as a problem",
    async run(page) {
      await begun(page, "one");
      press(page);
      await page.soon(() => COMPLAINS.test(page.words) || !busy(page));
      page.must(
        !COMPLAINS.test(page.words),
        `Stop was pressed, and the page complains: ${say(page.news)}. Nothing has failed: when signal.aborted, catch the error and say nothing of a failure.`,
      );
      page.must(
        !busy(page),
        "Stop was pressed, and #answer is still marked as busy, with dots after it: set ariaBusy to false then too.",
      );
    },
  },
  {
    sentence: "A new question stops the old answer",
    async run(page) {
      const old = await begun(page, "old");
      page.must(
        !page.button.disabled,
        "While an answer is being written the Ask button is disabled: a new question may come, and aborts the old answer.",
      );
      const fresh = await page.ask("Another?");
      await page.soon(() => old.hungUp);
      page.must(
        old.hungUp,
        "A new question was asked, and the old answer's connection is still open: both write into the page. Abort the old one first.",
      );
      page.must(!fresh.hungUp, "The new question was aborted, together with the old one: make it a controller of its own.");
      fresh.send("new");
      await page.soon(() => page.text === "new");
      page.must(
        page.text === "new",
        `A new question was asked, its answer is "new", and the page shows ${say(page.text)}: empty #answer, and abort the old answer, before you ask.`,
      );
      page.must(
        busy(page),
        "A new question was asked, and when the old answer ended, the new one was no longer marked as busy: an answer that was replaced has to leave the page alone. Compare its controller with the one in asking.",
      );
      page.must(
        !COMPLAINS.test(page.news),
        `A new question replaced an answer, and the page complains: ${say(page.news)}. Nothing has failed: look at the signal of the old answer, signal.aborted, for asking is the controller of the new one.`,
      );
      fresh.end();
      await page.soon(() => !busy(page));
      page.must(!busy(page), "The answer has ended, and #answer is still marked as busy.");
    },
  },
  {
    sentence: "After a stop the next question can be asked",
    async run(page) {
      await begun(page, "one");
      press(page);
      await page.soon(() => !busy(page));
      const next = await begun(page, "two");
      page.must(!next.hungUp, "After a stop the next question was aborted too: a controller aborts for ever, so make a new one for each question.");
      next.end();
      await page.soon(() => !busy(page));
      page.document.querySelector("#stop").click(); // when there is nothing to stop
      await begun(page, "three");
    },
  },
  failuresAreSaid,
];
