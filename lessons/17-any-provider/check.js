// The page shows reasoning apart from the answer, what it took, and how it ended.

const TYPE = "application/jsonl; charset=utf-8";
const USAGE = { input_tokens: 1234, output_tokens: 5678, total_tokens: 6912 };
const END = { end: "stop" };
const say = (text) => JSON.stringify(text);
const lines = (...messages) => messages.map((message) => `${say(message)}\n`).join("");
const THOUGHT = "Hm, <b>ö</b>\n 👋";
const TEXT = "<i>Tragödie</i>\n  👋";
const BYTES = new TextEncoder().encode(
  lines({ reasoning: THOUGHT }, { token: TEXT }, { usage: USAGE }, { cost: 0.0421 }, END),
);

/** Ask, and return the answer, whose lines the check sends. */
const ask = (page) => page.ask("Hello?", { type: TYPE });

/** Return the page's details, or say that it has none. */
function details(page) {
  const found = page.document.querySelector("details");
  page.must(found, "The page has no <details>: reasoning is there for those who open it.");
  return found;
}

/** Return what a person reads in the details once they are open. */
function thoughts(page) {
  const { ownerDocument, textContent } = details(page);
  const summary = ownerDocument.querySelector("details summary")?.textContent ?? "";
  return textContent.trim().replace(summary, "").trim();
}

export const checks = [
  {
    sentence: "Reasoning is shown apart, as soon as it comes",
    async run(page) {
      details(page);
      const answer = await ask(page);
      answer.send(lines({ reasoning: "Hm." }));
      await page.soon(() => thoughts(page) && details(page).checkVisibility());
      page.must(
        !page.text.includes("Hm."),
        `The line {"reasoning":"Hm."} came, and #answer shows ${say(page.text)}: what the model thinks is no answer. Append message.reasoning inside <details>.`,
      );
      page.must(
        thoughts(page) === "Hm." && details(page).checkVisibility(),
        `The line {"reasoning":"Hm."} came, the server was still writing, and <details> holds ${say(thoughts(page))}: append message.reasoning there, and take hidden away.`,
      );
      answer.send(lines({ reasoning: " Yes." }, { token: "one" }, END)).end();
      await page.soon(() => page.text);
      page.must(
        thoughts(page) === "Hm. Yes." && page.text === "one",
        `The reasoning was "Hm. Yes." and the token "one"; <details> holds ${say(thoughts(page))} and #answer ${say(page.text)}: append each where it belongs.`,
      );
    },
  },
  {
    sentence: "An answer without reasoning shows no empty place for it",
    async run(page) {
      (await ask(page)).send(lines({ reasoning: "Hm." }, { token: "one" }, END)).end();
      await page.soon(() => page.text === "one");
      (await ask(page)).send(lines({ token: "two" }, END)).end();
      await page.soon(() => page.text === "two");
      page.must(
        !thoughts(page) && !details(page).checkVisibility(),
        `The second answer had no reasoning, and the page still shows <details> with ${say(thoughts(page))}: empty it and hide it when a question is asked.`,
      );
    },
  },
  {
    sentence: "All of it is whole, each byte by itself",
    async run(page) {
      const answer = await ask(page);
      for (const byte of BYTES) answer.send([byte]);
      answer.end();
      await page.soon(() => page.words.includes("5678"));
      page.must(
        page.text === TEXT && thoughts(page) === THOUGHT,
        `The reasoning was ${say(THOUGHT)} and the token ${say(TEXT)}; sent byte by byte, <details> holds ${say(thoughts(page))} and #answer ${say(page.text)}: text is appended as text, from whole lines.`,
      );
      page.must(
        page.words.includes("1234") && page.words.includes("5678"),
        `The usage was 1234 tokens read and 5678 written, and below the answer the page says ${say(page.news)}: show message.usage there.`,
      );
      page.must(
        page.words.includes("0.0421"),
        `The cost was 0.0421 dollars, and below the answer the page says ${say(page.words)}: show message.cost there.`,
      );
    },
  },
  {
    sentence: "The page says how the answer ended",
    async run(page) {
      const ends = {};
      for (const end of ["stop", "length", "content_filter"]) {
        (await ask(page)).send(lines({ token: end }, { end })).end();
        await page.soon(() => page.text === end && page.answer.ariaBusy === "false");
        ends[end] = page.document.querySelector('[role="alert"]')?.textContent ?? "";
      }
      const silent = Object.keys(ends).find((end) => end !== "stop" && !ends[end]);
      page.must(!silent, `The last line was {"end":"${silent}"}, and the page says nothing: only "stop" is the end of a whole answer.`);
      page.must(!ends.stop, `The last line was {"end":"stop"}, and the page says ${say(ends.stop)}: that is the end of a whole answer.`);
    },
  },
  {
    sentence: "An event of a kind that the page does not know is ignored",
    async run(page) {
      const unknown = { citation: { url: "https://example.org" } };
      (await ask(page)).send(lines({ token: "one" }, unknown, { token: " two" }, END)).end();
      await page.soon(() => page.text === "one two" && page.answer.ariaBusy === "false");
      const problem = page.document.querySelector('[role="alert"]')?.textContent ?? "";
      page.must(
        page.text === "one two" && !problem,
        `Between two tokens came an event of a kind that is new, ${say(unknown)}, and #answer shows ${say(page.text)}, the problem ${say(problem)}: ignore what the page does not know.`,
      );
    },
  },
  {
    sentence: "Stop works while the model thinks",
    async run(page) {
      const answer = await ask(page);
      answer.send(lines({ reasoning: "Hm." }));
      await page.soon(() => thoughts(page));
      page.document.querySelector("#stop")?.click();
      await page.soon(() => answer.hungUp);
      page.must(answer.hungUp, "Stop was pressed while the model thought, and the connection is still open: give fetch the signal, and let Stop abort it.");
      await page.soon(() => page.answer.ariaBusy === "false");
      page.must(page.answer.ariaBusy === "false", "Stop was pressed, and #answer is still marked as busy.");
      page.must(thoughts(page) === "Hm.", `"Hm." was there when Stop was pressed, and now <details> holds ${say(thoughts(page))}: keep what came.`);
    },
  },
];
