// Your turn: "You stopped here." is shown below an answer that was stopped.

const say = (text) => JSON.stringify(text);
const SAID = /you stopped here/i;
const saysIt = (page) => SAID.test(page.words);
const saysSo = (node) => SAID.test(node.textContent);
const isAbove = (node, other) =>
  Boolean(node.compareDocumentPosition(other) & Node.DOCUMENT_POSITION_FOLLOWING);
const busy = (page) => page.answer.ariaBusy === "true";

/** Ask, and return the answer when its first text is on the page. */
async function begun(page, text) {
  const answer = (await page.ask("Hello?")).send(text);
  await page.soon(() => page.text === text);
  return answer;
}

/** Ask, press Stop after the first text, and wait until the page is ready again. */
async function stopped(page, text) {
  const answer = await begun(page, text);
  press(page);
  await page.soon(() => answer.hungUp && !busy(page));
}

function press(page) {
  const stop = page.document.querySelector("#stop");
  page.must(stop, 'The page has no <button type="button" id="stop">Stop</button>.');
  stop.click(); // which does nothing where the button is disabled
}

export const checks = [
  {
    sentence: "A stopped answer says that you stopped it",
    async run(page) {
      await stopped(page, "one");
      await page.soon(() => saysIt(page) || page.text !== "one");
      page.must(
        page.text === "one",
        `"one" had arrived when someone pressed Stop, and now the page shows ${say(page.text)}. Write the sentence into its own element, below #answer.`,
      );
      page.must(
        saysIt(page),
        `Someone pressed Stop, and the page says ${say(page.news)}. Write "You stopped here." below #answer when the answer has ended and its signal.aborted is true.`,
      );
      page.must(
        !page.elsewhere().some((node) => saysSo(node) && isAbove(node, page.answer)),
        'The page says "You stopped here." above the answer. Put the element below #answer.',
      );
    },
  },
  {
    sentence: "The next question removes the sentence",
    async run(page) {
      await stopped(page, "one");
      await page.soon(() => saysIt(page));
      const next = await begun(page, "two");
      page.must(
        !saysIt(page),
        'A new question followed a stopped answer, but the page still says "You stopped here." below the new answer. Empty the element before you ask.',
      );
      next.end();
    },
  },
  {
    sentence: "An answer that a new question replaced is not reported as stopped",
    async run(page) {
      const old = await begun(page, "old");
      const fresh = await page.ask("Another?");
      await page.soon(() => old.hungUp);
      fresh.send("new");
      await page.soon(() => page.text === "new");
      page.must(
        !saysIt(page),
        'A new question replaced an answer and nobody pressed Stop, but the page says "You stopped here.". signal.aborted is true in both cases, but after a new question, asking holds another controller.',
      );
      fresh.end();
      await page.soon(() => !busy(page));
      page.must(
        !saysIt(page),
        'The answer was complete, but the page says "You stopped here." below it. Write that only when the answer\'s own signal.aborted is true.',
      );
    },
  },
  {
    sentence: "If there is nothing to stop, nothing is reported as stopped",
    async run(page) {
      const answer = await begun(page, "one");
      answer.end();
      await page.soon(() => !busy(page));
      press(page);
      page.must(
        !saysIt(page),
        'The answer was complete when someone pressed Stop, but the page says "You stopped here.". Write it where an answer ends, not where the button is pressed.',
      );
    },
  },
];
