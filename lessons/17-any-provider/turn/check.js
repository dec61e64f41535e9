// Your turn: the page shows how many of the tokens were thoughts.

const TYPE = "application/jsonl; charset=utf-8";
const USAGE = { usage: { input_tokens: 3, output_tokens: 5050, total_tokens: 5053 } };
const say = (text) => JSON.stringify(text);
const lines = (...messages) => messages.map((message) => `${say(message)}\n`).join("");

/** Ask, let these events come, and return what the page says beside the answer. */
async function words(page, ...events) {
  const answer = await page.ask("Hello?", { type: TYPE });
  answer.send(lines({ token: "Yes." }, ...events, { end: "stop" })).end();
  await page.soon(() => page.text === "Yes." && page.answer.ariaBusy === "false");
  return page.words;
}

export const checks = [
  {
    sentence: "The page says how many tokens were thoughts",
    async run(page) {
      const seen = await words(page, USAGE, { thoughts: 4711 });
      page.must(
        seen.includes("4711"),
        `The event {"thoughts":4711} came after the usage, and below the answer the page says ${say(seen)}. Show message.thoughts there, in show().`,
      );
      page.must(
        !page.complaint,
        `The answer was complete, and the event {"thoughts":4711} came. The page complains: ${say(page.complaint)}. Append the sentence to usage, below the answer.`,
      );
      page.must(
        seen.includes("5050"),
        `5050 tokens were written, 4711 of them thoughts, and below the answer the page says ${say(seen)}. Show both: add the thoughts to what is already there.`,
      );
      const without = await words(page, USAGE);
      const none = await words(page, USAGE, { thoughts: 0 });
      page.must(
        none !== without,
        `The event {"thoughts":0} came, and below the answer the page says ${say(none)}, the same as without that event. 0 is a count, but if (0) is false. Compare with undefined.`,
      );
    },
  },
  {
    sentence: "If nobody counted thoughts, the page says nothing about them",
    async run(page) {
      await words(page, USAGE, { thoughts: 4711 });
      const seen = await words(page, USAGE);
      page.must(
        !/undefined|null|NaN|4711/.test(seen),
        `The second answer came without a thoughts event, and below it the page says ${say(seen)}. Say nothing about thoughts there.`,
      );
    },
  },
];
