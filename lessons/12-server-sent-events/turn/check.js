// At a heartbeat the page says that the model still thinks, and no longer than that.

const type = "text/event-stream";
const token = 'event: token\ndata: {"token": "one"}\n\n';
const done = 'event: done\ndata: {"finishReason": "stop"}\n\n';
const USED = { promptTokens: 3, completionTokens: 5, totalTokens: 8 };
const WORDS = "Still thinking.";

export const checks = [
  {
    sentence: "A heartbeat before the first token is shown",
    async run(page) {
      const answer = await page.ask("Hello?", { type });
      page.must(
        !page.words.includes(WORDS),
        `No heartbeat has come yet, and the page says "${WORDS}" at once: a comment is a line that begins with a colon.`,
      );
      answer.send(": heartbeat\n");
      await page.soon(() => page.words.includes(WORDS));
      page.must(
        !page.text.includes(WORDS),
        `The server sent the line ": heartbeat", and "${WORDS}" is in the answer, as if the model had said it: say it where the tokens are counted.`,
      );
      page.must(
        !page.complaint.includes("JSON"),
        'The server sent the line ": heartbeat", and the page broke: ask.js parses the data of every event, so give the one for a comment some JSON, data: "{}".',
      );
      page.must(
        page.words.includes(WORDS),
        `The server sent the line ": heartbeat", and the page says ${JSON.stringify(page.words)}: expected "${WORDS}" as soon as that line is there. It ends no event, so yield something for it at once.`,
      );
    },
  },
  {
    sentence: "It is gone when the answer goes on",
    async run(page) {
      const answer = await page.ask("Hello?", { type });
      answer.send(": heartbeat\n");
      await page.soon(() => page.words.includes(WORDS));
      answer.send(token);
      await page.soon(() => page.text === "one" && !page.words.includes(WORDS));
      page.must(
        page.text === "one",
        `After the heartbeat came the token "one", and the page shows ${JSON.stringify(page.text)}: say it beside the answer, not in it.`,
      );
      page.must(
        !page.words.includes(WORDS),
        `A token came after the heartbeat, and the page still says "${WORDS}": take it away then.`,
      );
      answer.send("nonsense\n: heartbeat\n").send(done).end();
      await page.soon(() => page.answer.ariaBusy !== "true" && !page.words.includes(WORDS));
      page.must(
        !page.words.includes(WORDS),
        `The answer is over, and the page still says "${WORDS}": take it away at done.`,
      );
    },
  },
  {
    sentence: "A second heartbeat says nothing more",
    async run(page) {
      const answer = await page.ask("Hello?", { type });
      answer.send(": heartbeat\n: heartbeat\n");
      await page.soon(() => page.words.includes(WORDS));
      await new Promise((goOn) => setTimeout(goOn, 50));
      const times = page.words.split(WORDS).length - 1;
      page.must(
        times === 1,
        `Two heartbeats came, and the page says "${WORDS}" ${times} times: set the text of the place, and add nothing to it.`,
      );
    },
  },
  {
    sentence: "It is gone however the answer ends",
    async run(page) {
      const error = 'event: error\ndata: {"error": "The model failed."}\n\n';
      const ENDS = {
        "An error event came": (answer) => answer.send(error),
        "The line broke": (answer) => answer.breakOff(),
        "The stream ended without done": (answer) => answer.end(),
        "Stop was pressed": () => page.document.querySelector("#stop").click(),
      };
      for (const [what, end] of Object.entries(ENDS)) {
        const answer = await page.ask("Hello?", { type });
        answer.send(": heartbeat\n");
        await page.soon(() => page.words.includes(WORDS));
        end(answer);
        await page.soon(() => !page.words.includes(WORDS));
        page.must(
          !page.words.includes(WORDS),
          `${what} after a heartbeat, and the page still says "${WORDS}", though nobody thinks any more: take it away there, too.`,
        );
      }
    },
  },
  {
    sentence: "The count of tokens stays when the answer is over",
    async run(page) {
      const counted = { ...USED, usage: USED };
      const usage = `event: usage\ndata: ${JSON.stringify(counted)}\n\n`;
      await page.ask("Hello?", { type, text: token + usage + done });
      await page.soon(() => page.words.includes("8 tokens"));
      page.must(
        page.words.includes("8 tokens"),
        `The usage event said 8 tokens, then came done, and the page says ${JSON.stringify(page.words)}: take away "${WORDS}" only, for done comes after the count.`,
      );
    },
  },
  {
    sentence: "Nothing but a comment is taken for one",
    async run(page) {
      const answer = await page.ask("Hello?", { type });
      answer.send(`id: 1\nnonsense\n${token}`);
      await page.soon(() => page.text);
      page.must(
        page.text === "one" && !page.words.includes(WORDS),
        `No line began with a colon, and the page says ${JSON.stringify(page.words)}: look at the line's first letter.`,
      );
    },
  },
];
