// The page puts each message into its field, as text, and keeps the part of a cut card that arrived.

const TYPE = "application/jsonl; charset=utf-8";
const END = { end: "stop" };
const say = (text) => JSON.stringify(text);
const lines = (...messages) => messages.map((message) => `${say(message)}\n`).join("");
const busy = (page) => page.answer.ariaBusy === "true";
const field = (page, name) => page.answer.querySelector(`[data-field="${name}"]`);
const shown = (page, name) => field(page, name)?.textContent ?? "";
const items = (page) => [...(field(page, "related")?.children ?? [])].map((each) => each.textContent);
const ask = (page) => page.ask("Hello?", { type: TYPE });

export const checks = [
  {
    sentence: "A field fills while it is being written",
    async run(page) {
      page.must(field(page, "term"), 'The page has no element with data-field="term". The index.html that was given has it.');
      const answer = await ask(page);
      answer.send(lines({ at: ["term"], add: "Back" }));
      await page.soon(() => shown(page, "term"));
      page.must(
        shown(page, "term") === "Back",
        `The server had sent {"at":["term"],"add":"Back"} and was still writing, and the field term shows ${say(shown(page, "term"))}. Make show() find the field of at[0], and append what is added.`,
      );
      answer.send(lines({ at: ["term"], add: "pressure" }, { at: ["meaning"], add: "A\n" }, { at: ["meaning"], add: " slow" }));
      await page.soon(() => shown(page, "meaning").length > 2);
      page.must(
        shown(page, "term") === "Backpressure" && shown(page, "meaning") === "A\n slow",
        `Two pieces came for the term and two for the meaning. Expected "Backpressure" and "A\\n slow" in the fields, got ${say(shown(page, "term"))} and ${say(shown(page, "meaning"))}. Append each piece to what is there.`,
      );
    },
  },
  {
    sentence: "The page shows the model's words as text",
    async run(page) {
      const evil = '<img src=x onerror="document.title=1"> & <b>';
      const answer = await ask(page);
      answer.send(lines({ at: ["term"], add: evil }, { at: ["related", 0], add: evil }, { at: ["lesson"], set: evil }, END)).end();
      await page.soon(() => !busy(page));
      page.must(
        !page.answer.querySelector("img, b") && shown(page, "term") === evil && shown(page, "related") === evil,
        `The model wrote ${say(evil)}, and the fields show ${say(shown(page, "term"))} and ${say(shown(page, "related"))}. Use append() and textContent, which add only text.`,
      );
      page.must(!page.complaint, `The card was complete, with {"end":"stop"} as its last message, and the page complains: ${say(page.complaint)}. That message has no at: return in that case.`);
    },
  },
  {
    sentence: "A number is set, and null is shown in words",
    async run(page) {
      for (const [value, text] of [[12, "12"], [0, "0"], [null, "none"]]) {
        const answer = await ask(page);
        answer.send(lines({ at: ["term"], add: "a" }, { at: ["lesson"], set: value }, END)).end();
        await page.soon(() => !busy(page));
        page.must(
          shown(page, "lesson") === text,
          `The server sent {"at":["lesson"],"set":${value}}. Expected ${say(text)} in the field lesson, got ${say(shown(page, "lesson"))}. Set the field's textContent, and write "none" for null.`,
        );
      }
    },
  },
  {
    sentence: "A list has an item for each index",
    async run(page) {
      const answer = await ask(page);
      answer.send(lines({ at: ["related"], set: [] }, { at: ["related", 0], add: "slow" }, { at: ["related", 0], add: " reader" }, { at: ["related", 1], add: "queue" }));
      await page.soon(() => items(page).length > 1);
      page.must(
        say(items(page)) === say(["slow reader", "queue"]),
        `For related, "slow" and " reader" came at index 0 and "queue" at index 1. Its items are ${say(items(page))}. The second part of at is the item's index. Make a li only if it is not there yet.`,
      );
      page.must(
        [...field(page, "related").children].every(({ localName }) => localName === "li"),
        "The field related is a <ul>, so its items must be li elements. Create them with document.createElement(\"li\").",
      );
      page.must(
        field(page, "related").textContent === "slow readerqueue",
        `The list shows text outside its items: ${say(shown(page, "related"))}. Show nothing for a list that is set, {"at":["related"],"set":[]}.`,
      );
    },
  },
  {
    sentence: "Fields that the form does not have are ignored",
    async run(page) {
      for (const at of [["more"], ["__proto__"], ["toString"], ["constructor", 0], ['a"]'], ["problem"], ["related", "length"]]) {
        const answer = await ask(page);
        answer.send(lines({ at: ["related", 0], add: "one" }, { at, add: "no" }, { at, set: 5 }, { at: ["term"], add: "yes" }, END)).end();
        await page.soon(() => !busy(page));
        page.must(
          shown(page, "term") === "yes" && !page.complaint,
          `The server sent text for ${say(at)}, which this form does not have, and then "yes" for the term. The term shows ${say(shown(page, "term"))}, and the page complains: ${say(page.complaint)}. Look the field up in fields, and return if it is not there. Only a number is an index.`,
        );
      }
      const answer = await ask(page);
      answer.send(lines({ at: ["meaning"], set: {} }, { at: ["meaning", "value"], add: "odd" }, { at: ["term"], add: "yes" }, END)).end();
      await page.soon(() => !busy(page));
      page.must(
        shown(page, "term") === "yes" && !page.complaint && !shown(page, "meaning").includes("object"),
        `The meaning was an object, {"value": "odd"}. The page shows ${say(shown(page, "meaning"))} for it, and ${say(shown(page, "term"))} for the term. The server reports a wrong type, but the page must not break: only a number is an index.`,
      );
    },
  },
  {
    sentence: "A card that is not whole stays on the page, and is reported",
    async run(page) {
      const ends = {
        "an error": (answer) => answer.send(lines({ isError: true, reason: "It was cut." })).end(),
        "no end": (answer) => answer.end(),
        "a broken connection": (answer) => answer.breakOff(),
      };
      for (const [what, end] of Object.entries(ends)) {
        const answer = await ask(page);
        answer.send(lines({ at: ["meaning"], add: "half a" }));
        await page.soon(() => shown(page, "meaning"));
        end(answer);
        await page.soon(() => page.complaint);
        page.must(page.complaint, `After half a field came ${what}, but the page says nothing. A card without its end is incomplete. Catch what ask throws, and show it.`);
        page.must(
          shown(page, "meaning") === "half a" && !busy(page),
          `After "half a" came ${what}. The field shows ${say(shown(page, "meaning"))}, and #answer is ${busy(page) ? "still" : "not"} busy. Keep the text that has arrived, and set ariaBusy to false.`,
        );
      }
    },
  },
  {
    sentence: "A new question begins with an empty form",
    async run(page) {
      const first = await ask(page);
      first.send(lines({ at: ["term"], add: "one" }, { at: ["related", 0], add: "two" }, END)).end();
      await page.soon(() => !busy(page));
      await ask(page);
      page.must(
        shown(page, "term") === "" && items(page).length === 0,
        `The user asked for a second card, but the page still shows ${say(shown(page, "term"))} and ${say(items(page))} of the first. Empty all fields first, as begin() does.`,
      );
    },
  },
  {
    sentence: "Stop closes the connection and keeps the text that has arrived",
    async run(page) {
      const answer = await ask(page);
      answer.send(lines({ at: ["term"], add: "one" }));
      await page.soon(() => shown(page, "term"));
      page.document.querySelector("#stop").click();
      await page.soon(() => answer.hungUp && !busy(page));
      page.must(
        answer.hungUp && !busy(page) && shown(page, "term") === "one" && !page.complaint,
        `Someone pressed Stop. The connection is ${answer.hungUp ? "closed" : "open"}, the term shows ${say(shown(page, "term"))}, and the page complains: ${say(page.complaint)}. Pass ask the signal, keep the text that has arrived, and report no failure.`,
      );
    },
  },
];
