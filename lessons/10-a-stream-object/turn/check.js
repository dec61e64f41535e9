// The page says in a sentence that an answer took too long.

const say = (text) => JSON.stringify(text);
const lines = (...messages) => messages.map((message) => `${say(message)}\n`).join("");

/** Send an answer that throws an object; return what the page then says. */
async function complaint(page, reason) {
  const answer = await page.ask("Hello?", { type: "application/jsonl; charset=utf-8" });
  answer.send(lines({ token: "one" }, { isError: true, reason })).end();
  await page.soon(() => page.answer.ariaBusy === "false");
  return page.news;
}

export const checks = [
  {
    sentence: "The page says in a sentence that the answer was late",
    async run(page) {
      const words = await complaint(page, { late: 2 });
      page.must(
        /2|two/i.test(words) && !/[{}]|\[object|undefined/.test(words),
        `The server threw {"late":2}, and the page says ${say(words)}. In named(), turn it into an Error whose message is a sentence with the seconds.`,
      );
      page.must(
        !/\d tokens/.test(words),
        `The server threw {"late":2}, and the page says ${say(words)}. The 2 are seconds. Write a separate sentence for an object with late.`,
      );
      page.must(page.text === "one", `"one" had arrived, and #answer shows ${say(page.text)}. Keep the text that has arrived.`);
    },
  },
  {
    sentence: "Anything else that is thrown is still shown",
    async run(page) {
      const words = await complaint(page, "The model left.");
      page.must(
        words.includes("The model left.") && !/undefined/.test(words),
        `The server threw "The model left.", and the page says ${say(words)}. Write the sentence about lateness only for an object with late.`,
      );
      const about = await complaint(page, null);
      page.must(
        about.includes("null"),
        `The server threw null, and the page says ${say(about)}. Any value can be thrown: write thrown?.late, which is undefined where thrown is null.`,
      );
    },
  },
  {
    sentence: "A limit is still shown as a limit",
    async run(page) {
      const words = await complaint(page, { limit: 1234 });
      page.must(
        words.includes("1234") && !/[{}]|undefined/.test(words),
        `The server threw {"limit":1234}, and the page says ${say(words)}. Keep the sentence for a limit.`,
      );
    },
  },
];
