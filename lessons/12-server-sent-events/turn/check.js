// At a heartbeat the page says that the model is still thinking, until the answer goes on.

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
        `The page says "${WORDS}" before any heartbeat has come. A comment is a line that begins with a colon.`,
      );
      answer.send(": heartbeat\n");
      await page.soon(() => page.words.includes(WORDS));
      page.must(
        !page.text.includes(WORDS),
        `The server sent the line ": heartbeat", and "${WORDS}" appears in the answer, as if the model had said it. Show it where the tokens are counted.`,
      );
      page.must(
        !page.complaint.includes("JSON"),
        `The server sent the line ": heartbeat", and the page broke. ask.js parses the data of every event, so give the comment's event some JSON: data: "{}".`,
      );
      page.must(
        page.words.includes(WORDS),
        `The server sent the line ": heartbeat", and the page says ${JSON.stringify(page.words)}. Expected "${WORDS}" as soon as that line arrives. It ends no event, so yield something for it at once.`,
      );
      page.must(
        page.answer.ariaBusy === "true",
        `The server sent a heartbeat, and #answer is no longer marked as busy. The answer is still to come: leave ariaBusy as it is.`,
      );
    },
  },
  {
    sentence: "The words are gone when the answer goes on",
    async run(page) {
      const answer = await page.ask("Hello?", { type });
      answer.send(": heartbeat\n");
      await page.soon(() => page.words.includes(WORDS));
      answer.send(token);
      await page.soon(() => page.text === "one" && !page.words.includes(WORDS));
      page.must(
        page.text === "one",
        `After the heartbeat came the token "one", and the page shows ${JSON.stringify(page.text)}. Show "${WORDS}" beside the answer, not in it.`,
      );
      page.must(
        !page.words.includes(WORDS),
        `A token came after the heartbeat, but the page still says "${WORDS}". Remove it when a token comes.`,
      );
      answer.send("nonsense\n:still there\n");
      await page.soon(() => page.words.includes(WORDS));
      page.must(
        page.words.includes(WORDS),
        `After a token came the line ":still there", and the page says ${JSON.stringify(page.words)}. Any line that begins with a colon is a comment, whatever follows, and a model can think in the middle of an answer, too.`,
      );
      answer.send(done).end();
      await page.soon(() => page.answer.ariaBusy !== "true" && !page.words.includes(WORDS));
      page.must(
        !page.words.includes(WORDS),
        `The answer is over, but the page still says "${WORDS}". Remove it when the done event comes.`,
      );
    },
  },
  {
    sentence: "A second heartbeat changes nothing",
    async run(page) {
      const answer = await page.ask("Hello?", { type });
      answer.send(": heartbeat\n: heartbeat\n");
      await page.soon(() => page.words.includes(WORDS));
      await new Promise((goOn) => setTimeout(goOn, 50));
      const times = page.words.split(WORDS).length - 1;
      page.must(
        times === 1,
        `Two heartbeats came, and the page says "${WORDS}" ${times} times. Set the element's text instead of appending to it.`,
      );
    },
  },
  {
    sentence: "The words are gone however the answer ends",
    async run(page) {
      const error = 'event: error\ndata: {"error": "The model failed."}\n\n';
      const ENDS = {
        "An error event came": (answer) => answer.send(error),
        "The connection broke": (answer) => answer.breakOff(),
        "The stream ended without done": (answer) => answer.end(),
        "Someone pressed Stop": () => page.document.querySelector("#stop").click(),
      };
      for (const [what, end] of Object.entries(ENDS)) {
        const answer = await page.ask("Hello?", { type });
        answer.send(": heartbeat\n");
        await page.soon(() => page.words.includes(WORDS));
        end(answer);
        await page.soon(() => !page.words.includes(WORDS));
        page.must(
          !page.words.includes(WORDS),
          `${what} after a heartbeat, but the page still says "${WORDS}". The model is no longer thinking: remove the words there, too.`,
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
        `The usage event said 8 tokens, then came done, and the page says ${JSON.stringify(page.words)}. Remove only "${WORDS}": done comes after the count.`,
      );
    },
  },
  {
    sentence: "Only a comment is treated as one",
    async run(page) {
      const answer = await page.ask("Hello?", { type });
      answer.send(`id: 1\nnonsense\n${token}`);
      await page.soon(() => page.text);
      page.must(
        page.text === "one" && !page.words.includes(WORDS),
        `No line began with a colon, but the page says ${JSON.stringify(page.words)}. Check the first character of the line.`,
      );
    },
  },
];
