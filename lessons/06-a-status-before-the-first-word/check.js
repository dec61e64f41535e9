// A refusal is shown in the server's own words, if it has any.

import { failuresAreSaid, stopIsNoProblem } from "../static/page_checks.js";

const say = (text) => JSON.stringify(text);
const busy = (page) => page.answer.ariaBusy === "true";

/** Return what the page says of an answer: not how long it took, which always differs. */
function said(page) {
  const places = page.document.querySelectorAll("#problem, #status, [role=alert], [role=status]");
  return places.length ? [...places].map((place) => place.textContent.trim()).join(" ").trim() : page.words;
}

export const checks = [
  {
    sentence: "A refusal is shown in the server's own sentence",
    async run(page) {
      const error = "The model has too much to do: ask again in 4 s.";
      await page.ask("Hello?", { status: 429, text: JSON.stringify({ error }) });
      await page.soon(() => said(page).includes(error));
      const advice = /\[object Promise\]|is not defined|is not a function/.test(said(page))
        ? "Is an await missing, or is a name misspelt?"
        : "Read (await response.json()).error, throw new Error(...) with it, and show error.message in catch.";
      page.must(
        said(page).includes(error),
        `The server refused with {"error": ${say(error)}}, and the page says ${say(said(page))}. ${advice}`,
      );
      page.must(
        !/[{}]/.test(said(page) + page.text),
        `The server refused with {"error": ${say(error)}}, and the page also shows the braces. Show only the sentence.`,
      );
      page.must(
        !/broke|not whole|lost/i.test(said(page).replace(error, "")),
        `The server refused with {"error": ${say(error)}}, and the page says ${say(said(page))}. No answer had begun, so do not say that one broke off. Show only error.message.`,
      );
      await page.soon(() => !busy(page));
      page.must(!busy(page), "The server refused, but #answer is still marked as busy. Set ariaBusy to false in that case, too.");
    },
  },
  {
    sentence: "A refusal without a sentence is shown too",
    async run(page) {
      for (const text of ["<h1>Bad Gateway</h1>", '{"message": "no"}', '{"error": {"code": 1}}']) {
        const before = said(page);
        await page.ask("Hello?", { status: 502, text });
        await page.soon(() => /502/.test(said(page)) && !busy(page));
        page.must(
          /502/.test(said(page)),
          `A server between the browser and yours refused with status 502 and the body ${say(text)}, and the page says ${say(said(page))}. If the body has no {"error": "a text"}, show the status.`,
        );
        (await page.ask("Hello?")).send("one").end();
        await page.soon(() => !busy(page) && said(page) === before);
      }
    },
  },
  {
    sentence: "A refusal is gone when the next question is asked",
    async run(page) {
      const error = "The model has too much to do: ask again in 4 s.";
      await page.ask("Hello?", { status: 429, text: JSON.stringify({ error }) });
      await page.soon(() => said(page).includes(error) && !busy(page));
      const answer = (await page.ask("Hello?")).send("one");
      await page.soon(() => page.text === "one");
      page.must(
        page.text === "one" && !said(page).includes(error),
        `One question was refused, and the next is being answered with "one". The page shows ${say(page.text)} and says ${say(said(page))}. Remove the old sentence when a question is asked.`,
      );
      answer.end();
    },
  },
  {
    sentence: "The server's sentence is shown as text, not as markup",
    async run(page) {
      const error = "The model has <b>too</b> much to do: ask again in 4 s.";
      await page.ask("Hello?", { status: 429, text: JSON.stringify({ error }) });
      await page.soon(() => said(page).includes(error));
      page.must(
        said(page).includes(error),
        `The server refused with {"error": ${say(error)}}, and the page says ${say(said(page))}. Show it with textContent, which adds text. innerHTML would add markup.`,
      );
    },
  },
  stopIsNoProblem,
  failuresAreSaid,
];
