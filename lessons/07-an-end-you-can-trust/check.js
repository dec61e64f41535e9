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
  page.must(page.text === whole, `The answer was ${say(whole)}, but the page shows ${say(page.text)}. Append each piece as it is.`);
  answer[end]();
  await page.soon(() => !busy(page));
  page.must(!busy(page), "The answer has ended, but #answer is still marked as busy. Set ariaBusy to false at the end.");
  page.must(
    page.text.startsWith(texts[0]),
    `The answer began with ${say(texts[0])}, but now the page shows ${say(page.text)}. Keep the text that has arrived.`,
  );
  return said(page);
}

export const checks = [
  {
    sentence: "A broken answer does not look like a complete one",
    async run(page) {
      const whole = await saidAfter(page, ["one two"], "end");
      const broken = await saidAfter(page, ["one two"], "breakOff");
      page.must(
        broken !== whole,
        'One answer ended and another broke, both after "one two", but the page says the same about both. Catch what read() throws, and throw failure("broken", ...).',
      );
      page.must(
        !MISTAKE.test(broken),
        `The connection broke after "one two", and the page says ${say(broken)}. Catch what reader.read() throws, and throw failure("broken", BROKE_OFF) instead. Write return await: otherwise catch does not see it fail.`,
      );
    },
  },
  {
    sentence: "An answer with a last line is broken, whatever the browser says",
    async run(page) {
      const whole = await saidAfter(page, ["one two"], "end");
      const broken = await saidAfter(page, ["one two", LINE], "end"); // as Safari has it
      page.must(
        !MISTAKE.test(broken),
        `The answer ended with the line ${say(LINE.trim())}, and the page says ${say(broken)}. Write the pattern between two slashes, and not in quotation marks.`,
      );
      page.must(
        broken !== whole,
        `The answer ended with the line ${say(LINE.trim())}, but the page treats it as a complete one. Some browsers report a broken body as complete, so look for the line.`,
      );
      const again = await saidAfter(page, ["one two", LINE], "end");
      page.must(
        again === broken,
        `Two answers ended with the line ${say(LINE.trim())}, and about the second the page says ${say(again)}. A pattern with the flag g continues where its last match ended, so leave the g out.`,
      );
      const cut = await saidAfter(page, ["one two", LINE.slice(0, 9), LINE.slice(9)], "end");
      page.must(
        cut !== whole,
        "The last line came in two reads, but the page treats the answer as complete. Collect the text of all reads, and look for the line at its end.",
      );
    },
  },
  {
    sentence: "An answer that only mentions such a line is complete",
    async run(page) {
      const whole = await saidAfter(page, ["one two"], "end");
      const quoting = {
        "on a line of its own, with more after it": `${LINE}is how it ends`,
        "on a line of its own, with more after a blank line": `${LINE}\nis how it ends`,
        "on its last line, after other words": ` ends with ${LINE.slice(1)}`,
      };
      for (const [where, text] of Object.entries(quoting)) {
        const quotes = await saidAfter(page, ["one two", text], "end");
        page.must(
          quotes === whole,
          `A complete answer held ${say(LINE.trim())} ${where}, and the page says ${say(quotes)}. It means a failure only as a line of its own, at the very end. The pattern begins with \\n, ends with $, and has no flag m.`,
        );
      }
    },
  },
  {
    sentence: "The page says in a sentence that the server cannot be reached",
    async run(page) {
      const broken = await saidAfter(page, ["one two"], "breakOff");
      await page.ask("Hello?", { unreachable: true });
      await page.soon(() => said(page) !== broken && said(page) && !busy(page));
      page.must(
        said(page) && !MISTAKE.test(said(page)),
        `The server could not be reached, and the page says ${say(said(page))}. Catch what fetch throws, and throw failure("unreached", UNREACHED).`,
      );
      page.must(
        said(page) !== broken,
        `The server could not be reached, but the page says the same as for an answer that broke off, ${say(broken)}. Here no answer had begun. Throw "broken" for what read() throws, and failure("unreached", UNREACHED) for what fetch throws.`,
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
        `The server refused with {"error": ${say(error)}}, and the page says ${say(said(page))}. If response.ok is false, throw failure("refused", await sentenceIn(response)).`,
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
        `The server sent ${say(TEXT)}, cut inside the ö, and the page shows ${say(page.text)}. Use one decoder for the whole answer, and decode(value, { stream: true }).`,
      );
      (await page.ask("Hello?")).send(BYTES.slice(0, 5)).end();
      await page.soon(() => page.text.startsWith("Trag\ufffd"));
      page.must(
        page.text.startsWith("Trag\ufffd"),
        `An answer ended in the middle of an ö, and the page shows ${say(page.text)}. After the loop, append what decode() without arguments returns: what is left.`,
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
      page.must(stopped.hungUp, "Someone pressed Stop, but the connection is still open. Give fetch the signal.");
      page.must(
        !page.complaint,
        "Someone pressed Stop, and the page complains. A stop is not a failure: if signal.aborted, say nothing.",
      );
    },
  },
  failuresAreSaid,
];
