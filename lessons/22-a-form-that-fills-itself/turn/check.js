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
      const written = [[["term"], "term"], [["meaning"], "meaning"], [["lesson"], "lesson"], [["related", 0], "related"]];
      for (const [at, name] of written) {
        const what = name === "lesson" ? { set: 18 } : { add: `more ${name}` };
        answer.send(lines({ at, ...what }));
        await page.soon(() => page.text.includes(what.set ?? what.add));
        page.must(
          say(marked(page, "writing")) === say([name]),
          `The last message was for ${say(at)}. Expected the class "writing" on ${say([name])}, got it on ${say(marked(page, "writing"))}. Mark the field of at[0], the element with data-field, and no other.`,
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
        `The card is complete, but "writing" is on ${say(marked(page, "writing"))}, and "cut" on ${say(marked(page, "cut"))}. Remove the mark after the loop.`,
      );
      const only = await ask(page);
      only.send(lines({ isError: true, reason: "No." })).end();
      await page.soon(() => !busy(page));
      page.must(
        !marked(page, "cut").length,
        `An answer failed before its first field, but "cut" is on ${say(marked(page, "cut"))}. In begin(), forget the field of the earlier card.`,
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
          `The card was cut in its meaning. "cut" is on ${say(marked(page, "cut"))}, and "writing" on ${say(marked(page, "writing"))}. Change the field's class to "cut" where you catch the error.`,
        );
        page.must(page.complaint, "The card was cut, but the page no longer says so. Keep that sentence.");
      }
      await ask(page);
      page.must(
        !marked(page, "cut").length,
        `A card was cut, and then the user asked for another. Its form is empty, but "cut" is on ${say(marked(page, "cut"))}. Remove all marks in begin().`,
      );
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
        `Someone pressed Stop, and "writing" is on ${say(marked(page, "writing"))}, and "cut" on ${say(marked(page, "cut"))}. Remove both: nothing is being written any more, and nothing broke.`,
      );
    },
  },
];
