// A broken answer keeps what came, and says that it broke.

const say = (text) => JSON.stringify(text);
const busy = (page) => page.answer.ariaBusy === "true";
const LINE = "\n[error: The model's server failed: ask again.]\n";

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
        !/mistake|network error|TypeError/.test(broken),
        `The connection broke after "one two", and the page says ${say(broken)}: catch what reader.read() throws, and throw failure("broken", BROKE_OFF) instead.`,
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
      const quotes = await saidAfter(page, ["one two", `${LINE}is how it ends`], "end");
      page.must(
        quotes === whole,
        `A whole answer held the line ${say(LINE.trim())} in its middle, and the page says ${say(quotes)}: only at its very end does it mean a failure.`,
      );
    },
  },
  {
    sentence: "A server that cannot be reached gets a sentence",
    async run(page) {
      const before = said(page);
      await page.ask("Hello?", { unreachable: true });
      await page.soon(() => said(page) !== before && !busy(page));
      page.must(
        said(page) !== before && !/Failed to fetch|TypeError/.test(said(page)),
        `The server could not be reached, and the page says ${say(said(page))}: catch what fetch throws, and throw failure("unreached", UNREACHED).`,
      );
    },
  },
];
