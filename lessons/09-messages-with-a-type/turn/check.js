// The page shows how long an answer took.

const say = (text) => JSON.stringify(text);
const lines = (...messages) => messages.map((message) => `${say(message)}\n`).join("");
const USAGE = { input_tokens: 1234, output_tokens: 5678, total_tokens: 6912 };
const END = { end: "stop" };

export const checks = [
  {
    sentence: "The page shows how many seconds it took",
    async run(page) {
      const answer = await page.ask("Hello?", { type: "application/jsonl; charset=utf-8" });
      answer.send(lines({ token: "one" }, { usage: USAGE }, { seconds: 3.21 }, END)).end();
      await page.soon(() => page.words.includes("3.21"));
      page.must(
        page.words.includes("3.21"),
        `The message was {"seconds":3.21}, and below the answer the page says ${say(page.news)}. Write it there in show().`,
      );
      page.must(page.text === "one", `The answer is "one", and #answer shows ${say(page.text)}. Show the seconds below it.`);
      page.must(
        page.words.includes("5678"),
        `There was a usage as well, and the page says ${say(page.news)}. Append the seconds to it, or give them an element of their own.`,
      );
      page.must(!page.complaint, `The answer was complete, but the page complains: ${say(page.complaint)}. The seconds are not a problem.`);
    },
  },
  {
    sentence: "Zero seconds are shown, too",
    async run(page) {
      const answer = await page.ask("Hello?", { type: "application/jsonl; charset=utf-8" });
      answer.send(lines({ token: "one" }, { seconds: 0 }, END)).end();
      await page.soon(() => /\b0\b/.test(page.words));
      page.must(
        /\b0\b/.test(page.words),
        `The message was {"seconds":0}, and below the answer the page says ${say(page.news)}. 0 counts as false in an if. Check whether message.seconds is undefined.`,
      );
    },
  },
  {
    sentence: "Without that message, the page shows no seconds",
    async run(page) {
      const type = "application/jsonl; charset=utf-8";
      const markup = { seconds: "<b>3.21</b>" };
      (await page.ask("Hello?", { type })).send(lines({ token: "one" }, markup, END)).end();
      await page.soon(() => page.answer.ariaBusy === "false");
      page.must(
        !page.document.querySelector("main b"),
        `The message was ${say(markup)}, and the page turned it into markup. Write what a server sends with append or textContent, not with innerHTML.`,
      );
      (await page.ask("Hello?", { type })).send(lines({ token: "one" }, END)).end();
      await page.soon(() => page.answer.ariaBusy === "false");
      page.must(
        !page.words.includes("3.21"),
        `The answer before this one took 3.21 s, and the page still says ${say(page.words)}. Empty the element when an answer begins, in begin().`,
      );
      (await page.ask("Hello?", { type })).send(lines({ token: "one" }, { usage: USAGE }, END)).end();
      await page.soon(() => page.answer.ariaBusy === "false");
      page.must(
        !/undefined|NaN|took/.test(page.words),
        `No message had seconds, but the page says ${say(page.news)}. Write the sentence only if message.seconds is not undefined.`,
      );
    },
  },
];
