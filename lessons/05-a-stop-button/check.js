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
    `The answer began with ${say(text)}, and the page shows ${say(page.text)}. Empty #answer when a question is asked, then append each piece.`,
  );
  return answer;
}

/** Press the stop button. */
function press(page) {
  const stop = page.document.querySelector("#stop");
  page.must(stop, 'The page has no <button type="button" id="stop">Stop</button>.');
  page.must(!stop.disabled, "The stop button is disabled while an answer is being written. Enable it.");
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
      const open = `Someone pressed Stop. The page ${quiet}, but the connection is still open, so the model keeps writing although nobody is reading.`;
      page.must(
        answer.hungUp || answer.hasSignal,
        `${open} fetch got no signal. Pass the signal to ask(form.prompt.value, signal), and give it to fetch, next to body.`,
      );
      page.must(
        answer.hungUp,
        `${open} fetch has a signal, but the click on #stop did not abort it. Make the click call () => asking.abort(), where asking is the controller of this signal. Make a new controller for each question.`,
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
        "Someone pressed Stop before the server had answered, but the page keeps waiting. There is no reader yet to cancel, so fetch itself needs the signal. Add the line `signal,` next to body.",
      );
    },
  },
  {
    sentence: "The text from before the stop stays, and no more text comes",
    async run(page) {
      const answer = await begun(page, "one");
      press(page);
      answer.send(" two");
      await page.soon(() => !busy(page));
      page.must(
        page.text.startsWith("one"),
        `"one" had arrived when someone pressed Stop, and now the page shows ${say(page.text)}. Keep the text that has arrived.`,
      );
      page.must(
        !page.text.includes("two"),
        `Someone pressed Stop after "one", and the page shows ${say(page.text)}. End the loop when the answer is stopped.`,
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
        `Someone pressed Stop, and the page complains: ${say(page.news)}. A stop is not a failure. Catch the error, and report no failure when signal.aborted is true.`,
      );
      page.must(
        !busy(page),
        "Someone pressed Stop, but #answer is still marked as busy, with dots after it. Set ariaBusy to false in that case, too.",
      );
    },
  },
  {
    sentence: "A new question stops the old answer",
    async run(page) {
      const old = await begun(page, "old");
      page.must(
        !page.button.disabled,
        "The Ask button is disabled while an answer is being written. Leave it enabled: a new question may come, and it aborts the old answer.",
      );
      const fresh = await page.ask("Another?");
      await page.soon(() => old.hungUp);
      page.must(
        old.hungUp,
        "A new question was asked, but the old answer's connection is still open, so both write into the page. Abort the old answer first.",
      );
      page.must(!fresh.hungUp, "The new question was aborted together with the old one. Give each question its own controller.");
      fresh.send("new");
      await page.soon(() => page.text === "new");
      page.must(
        page.text === "new",
        `A new question was asked and its answer is "new". The page shows ${say(page.text)}. Empty #answer and abort the old answer before you ask.`,
      );
      page.must(
        busy(page),
        "A new question was asked. When the old answer ended, the new one was no longer marked as busy. An answer that was replaced must not change the page. Compare its controller with the one in asking.",
      );
      page.must(
        !COMPLAINS.test(page.news),
        `A new question replaced an answer, and the page complains: ${say(page.news)}. That is not a failure. Check signal.aborted of the old answer's own signal: asking already holds the new controller.`,
      );
      fresh.end();
      await page.soon(() => !busy(page));
      page.must(!busy(page), "The answer has ended, but #answer is still marked as busy. Set ariaBusy to false at the end.");
    },
  },
  {
    sentence: "After a stop the next question can be asked",
    async run(page) {
      await begun(page, "one");
      press(page);
      await page.soon(() => !busy(page));
      const next = await begun(page, "two");
      page.must(!next.hungUp, "After a stop, the next question was aborted, too. A controller that has aborted stays aborted. Make a new one for each question.");
      next.end();
      await page.soon(() => !busy(page));
      page.document.querySelector("#stop").click(); // when there is nothing to stop
      await begun(page, "three");
    },
  },
  failuresAreSaid,
];
