// The field that is being written is marked, and so is the one in which a card was cut.

const TYPE = "application/jsonl; charset=utf-8";
const END = { end: "stop" };
const say = (text) => JSON.stringify(text);
const lines = (...messages) => messages.map((message) => `${say(message)}\n`).join("");
const busy = (page) => page.answer.ariaBusy === "true";
const ask = (page) => page.ask("Hello?", { type: TYPE });
const marked = (page, mark) =>
  [...page.answer.querySelectorAll(`.${mark}`)].map((each) => each.dataset.field ?? each.localName);

/** Ask, and let the term be written and the meaning be begun. */
async function begun(page) {
  const answer = await ask(page);
  answer.send(lines({ at: ["term"], add: "one" }, { at: ["meaning"], add: "half" }));
  await page.soon(() => page.text.includes("half"));
  return answer;
}

export const checks = [
  {
    sentence: "The field that is being written is marked",
    async run(page) {
      const answer = await ask(page);
      for (const [at, name] of [[["term"], "term"], [["meaning"], "meaning"], [["related", 0], "related"]]) {
        answer.send(lines({ at, add: `more ${name}` }));
        await page.soon(() => page.text.includes(`more ${name}`));
        page.must(
          say(marked(page, "writing")) === say([name]),
          `The last message was for ${say(at)}, and the class "writing" is on ${say(marked(page, "writing"))}, expected ${say([name])}: mark the field of at[0], the element with data-field, and no other.`,
        );
      }
    },
  },
  {
    sentence: "A whole card has no mark",
    async run(page) {
      const answer = await begun(page);
      answer.send(lines(END)).end();
      await page.soon(() => !busy(page));
      page.must(
        !marked(page, "writing").length && !marked(page, "cut").length,
        `The card is whole, and "writing" is on ${say(marked(page, "writing"))}, "cut" on ${say(marked(page, "cut"))}: take the mark away behind the loop.`,
      );
      const only = await ask(page);
      only.send(lines({ isError: true, reason: "No." })).end();
      await page.soon(() => !busy(page));
      page.must(
        !marked(page, "cut").length,
        `An answer failed before its first field, and "cut" is on ${say(marked(page, "cut"))}: forget the field of the card before, in begin().`,
      );
    },
  },
  {
    sentence: "A card that was cut keeps a mark where it was cut",
    async run(page) {
      for (const end of [(answer) => answer.breakOff(), (answer) => answer.send(lines({ isError: true, reason: "No." })).end()]) {
        end(await begun(page));
        await page.soon(() => !busy(page));
        page.must(
          say(marked(page, "cut")) === say(["meaning"]) && !marked(page, "writing").length,
          `The card was cut in its meaning, and "cut" is on ${say(marked(page, "cut"))}, "writing" on ${say(marked(page, "writing"))}: where the error is caught, the field's class becomes "cut".`,
        );
        page.must(page.complaint, "The card was cut, and the page does not say so any more: keep the sentence.");
      }
    },
  },
  {
    sentence: "A card that the reader stopped has no mark",
    async run(page) {
      await begun(page);
      page.document.querySelector("#stop").click();
      await page.soon(() => !busy(page));
      page.must(
        !marked(page, "writing").length && !marked(page, "cut").length,
        `Stop was pressed, and "writing" is on ${say(marked(page, "writing"))}, "cut" on ${say(marked(page, "cut"))}: nothing is being written any more, and nothing broke.`,
      );
    },
  },
];
