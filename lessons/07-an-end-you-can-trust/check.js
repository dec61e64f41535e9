// A broken answer keeps what came, and says that it broke.

import { failuresAreSaid } from "../static/page_checks.js";

const say = (text) => JSON.stringify(text);
const busy = (page) => page.answer.ariaBusy === "true";
const LINE = "\n[error: The model's server failed: ask again.]\n";
const TEXT = "Tragödie"; // its ö has two bytes
const BYTES = new TextEncoder().encode(TEXT);
const MISTAKE = /mistake|network error|Failed to fetch|TypeError/; // no sentence of ask.js

/** Return what the page says of an answer: not how long it took, which always differs. */
function said(page) {
  const places = page.document.querySelectorAll("#problem, #status, [role=alert], [role=status]");
  return places.length ? [...places].map((place) => place.textContent.trim()).join(" ").trim() : page.words;
}

/** Ask, let these texts come, end the answer so, and return what the page says then. */
async function saidAfter(page, texts, end) {
  const answer = await page.ask("Hello?");
  for (const text of texts) answer.send(text);
  const whole = texts.join("");
  await page.soon(() => page.text === whole);
  page.must(page.text === whole, `The answer was ${say(whole)}, and the page shows ${say(page.text)}.`);
  answer[end]();
  await page.soon(() => !busy(page));
  page.must(!busy(page), "The answer has ended, and #answer is still marked as busy.");
  page.must(
    page.text.startsWith(texts[0]),
    `The answer began with ${say(texts[0])}, and now ${say(page.text)} is there: keep what came.`,
  );
  return said(page);
}

export const checks = [
  {
    sentence: "A broken answer does not look like a whole one",
    async run(page) {
      const whole = await saidAfter(page, ["one two"], "end");
      const broken = await saidAfter(page, ["one two"], "breakOff");
      page.must(
        broken !== whole,
        'One answer ended and another broke, both after "one two", and the page says the same of both: catch what read() throws, and throw failure("broken", ...).',
      );
      page.must(
        !MISTAKE.test(broken),
        `The connection broke after "one two", and the page says ${say(broken)}: catch what reader.read() throws, and throw failure("broken", BROKE_OFF) instead. To see it fail there, write return await.`,
      );
    },
  },
  {
    sentence: "An answer with a last line is broken, whatever the browser says",
    async run(page) {
      const whole = await saidAfter(page, ["one two"], "end");
      const broken = await saidAfter(page, ["one two", LINE], "end"); // as Safari has it
      page.must(
        broken !== whole,
        `The answer ended with the line ${say(LINE.trim())}, and the page says of it what it says of a whole one: some browsers take a broken body for a whole one, so look for the line.`,
      );
      const again = await saidAfter(page, ["one two", LINE], "end");
      page.must(
        again === broken,
        `Two answers ended with the line ${say(LINE.trim())}, and of the second the page says ${say(again)}: a pattern with the flag g goes on where it found something the last time, so leave the g out.`,
      );
      const cut = await saidAfter(page, ["one two", LINE.slice(0, 9), LINE.slice(9)], "end");
      page.must(
        cut !== whole,
        "The last line came in two reads, and the page takes the answer for a whole one: gather the text of all reads, and look for the line at its end.",
      );
    },
  },
  {
    sentence: "An answer that only mentions such a line is whole",
    async run(page) {
      const whole = await saidAfter(page, ["one two"], "end");
      const quoting = {
        "on a line of its own, and more after it": `${LINE}is how it ends`,
        "on a line of its own, and more after a blank line": `${LINE}\nis how it ends`,
        "in its last line, after other words": ` ends with ${LINE.slice(1)}`,
      };
      for (const [where, text] of Object.entries(quoting)) {
        const quotes = await saidAfter(page, ["one two", text], "end");
        page.must(
          quotes === whole,
          `A whole answer held ${say(LINE.trim())} ${where}, and the page says ${say(quotes)}: only as a line of its own, at the very end, does it mean a failure. The pattern begins with \\n and ends with $, and has no flag m.`,
        );
      }
    },
  },
  {
    sentence: "A server that cannot be reached gets a sentence",
    async run(page) {
      const broken = await saidAfter(page, ["one two"], "breakOff");
      await page.ask("Hello?", { unreachable: true });
      await page.soon(() => said(page) !== broken && said(page) && !busy(page));
      page.must(
        said(page) && !MISTAKE.test(said(page)),
        `The server could not be reached, and the page says ${say(said(page))}: catch what fetch throws, and throw failure("unreached", UNREACHED).`,
      );
      page.must(
        said(page) !== broken,
        `The server could not be reached, and the page says what it says of an answer that broke off, ${say(broken)}: no answer had begun. Throw "broken" for what read() throws, and failure("unreached", UNREACHED) for what fetch throws.`,
      );
    },
  },
  {
    sentence: "A refusal is shown in the server's own sentence",
    async run(page) {
      const error = "The model has too much to do: ask again in 4 s.";
      await page.ask("Hello?", { status: 429, text: JSON.stringify({ error }) });
      await page.soon(() => said(page).includes(error));
      page.must(
        said(page).includes(error) && !page.text.includes(error),
        `The server refused with {"error": ${say(error)}}, and the page says ${say(said(page))}: if not response.ok, throw failure("refused", await sentenceIn(response)).`,
      );
    },
  },
  {
    sentence: "Letters stay whole, as in lesson 04",
    async run(page) {
      (await page.ask("Hello?")).send(BYTES.slice(0, 5)).send(BYTES.slice(5)).end();
      await page.soon(() => page.text === TEXT);
      page.must(
        page.text === TEXT,
        `The server sent ${say(TEXT)}, cut inside the ö, and the page shows ${say(page.text)}: one decoder for the whole answer, and decode(value, { stream: true }).`,
      );
      (await page.ask("Hello?")).send(BYTES.slice(0, 5)).end();
      await page.soon(() => page.text.startsWith("Trag\ufffd"));
      page.must(
        page.text.startsWith("Trag\ufffd"),
        `An answer ended in the middle of an ö, and the page shows ${say(page.text)}: after the loop, decode() without bytes brings what is left.`,
      );
    },
  },
  {
    sentence: "A stopped answer is not reported as a problem",
    async run(page) {
      const stopped = (await page.ask("Hello?")).send("one");
      await page.soon(() => page.text === "one");
      page.document.querySelector("#stop")?.click();
      await page.soon(() => stopped.hungUp && !busy(page));
      await page.settle();
      page.must(stopped.hungUp, "Stop was pressed, and the connection is still open: give fetch the signal.");
      page.must(
        !page.complaint,
        "Stop was pressed, and the page complains. Nothing has failed: if signal.aborted, say nothing.",
      );
    },
  },
  failuresAreSaid,
];
