// The page shows the reasoning apart from the answer, its usage and cost, and how it ended.

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
  page.must(found, "The page has no <details>. Put the reasoning there, for readers who want to open it.");
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
    sentence: "Reasoning is shown apart from the answer, as soon as it arrives",
    async run(page) {
      details(page);
      const answer = await ask(page);
      answer.send(lines({ reasoning: "Hm." }));
      await page.soon(() => thoughts(page) && details(page).checkVisibility());
      page.must(
        !page.text.includes("Hm."),
        `The line {"reasoning":"Hm."} arrived, and #answer shows ${say(page.text)}. Reasoning is not part of the answer. Append message.reasoning inside <details>.`,
      );
      page.must(
        thoughts(page) === "Hm." && details(page).checkVisibility(),
        `The line {"reasoning":"Hm."} arrived while the server was still writing, and <details> contains ${say(thoughts(page))}. Append message.reasoning there, and remove hidden.`,
      );
      answer.send(lines({ reasoning: " Yes." }, { token: "one" }, END)).end();
      await page.soon(() => page.text);
      page.must(
        thoughts(page) === "Hm. Yes." && page.text === "one",
        `The reasoning was "Hm. Yes." and the token "one". <details> contains ${say(thoughts(page))} and #answer ${say(page.text)}. Append the reasoning to <details> and the token to #answer.`,
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
        `The second answer had no reasoning, but the page still shows <details> with ${say(thoughts(page))}. Empty and hide it when a question is asked.`,
      );
    },
  },
  {
    sentence: "Everything is shown whole, even if it arrives byte by byte",
    async run(page) {
      const answer = await ask(page);
      for (const byte of BYTES) answer.send([byte]);
      answer.end();
      await page.soon(() => page.words.includes("5678"));
      page.must(
        page.text === TEXT && thoughts(page) === THOUGHT,
        `The reasoning was ${say(THOUGHT)} and the token ${say(TEXT)}, sent byte by byte. <details> contains ${say(thoughts(page))} and #answer ${say(page.text)}. Parse only whole lines, and append their text as text.`,
      );
      page.must(
        page.words.includes("1234") && page.words.includes("5678"),
        `The usage was 1234 tokens read and 5678 written, and below the answer the page says ${say(page.news)}. Show message.usage there.`,
      );
      page.must(
        page.words.includes("0.0421"),
        `The cost was 0.0421 dollars, and below the answer the page says ${say(page.news)}. Show message.cost there.`,
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
      page.must(!silent, `The last line was {"end":"${silent}"}, but the page says nothing about it. Only "stop" ends a complete answer.`);
      page.must(!ends.stop, `The last line was {"end":"stop"}, but the page says ${say(ends.stop)}. "stop" ends a complete answer: say nothing about it.`);
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
        `An event of an unknown kind, ${say(unknown)}, came between two tokens. #answer shows ${say(page.text)}, and the problem is ${say(problem)}. Ignore events that the page does not know.`,
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
      page.must(answer.hungUp, "Someone pressed Stop while the model was thinking, but the connection is still open. Pass fetch the signal, and let Stop abort it.");
      await page.soon(() => page.answer.ariaBusy === "false");
      page.must(page.answer.ariaBusy === "false", "Someone pressed Stop, but #answer is still marked as busy. Set answer.ariaBusy to false when the answer has ended, however it ended.");
      page.must(thoughts(page) === "Hm.", `"Hm." was there when someone pressed Stop, and now <details> contains ${say(thoughts(page))}. Keep the text that has arrived.`);
    },
  },
];
