// The page puts each message into its field, as text, and keeps what came of a cut card.

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
    sentence: "A field fills while it is written",
    async run(page) {
      page.must(field(page, "term"), 'The page has no element with data-field="term": it is in the index.html that is given.');
      const answer = await ask(page);
      answer.send(lines({ at: ["term"], add: "Back" }));
      await page.soon(() => shown(page, "term"));
      page.must(
        shown(page, "term") === "Back",
        `The server had sent {"at":["term"],"add":"Back"} and was still writing, and the field term shows ${say(shown(page, "term"))}: let show() find the field of at[0], and append what is added.`,
      );
      answer.send(lines({ at: ["term"], add: "pressure" }, { at: ["meaning"], add: "A\n" }, { at: ["meaning"], add: " slow" }));
      await page.soon(() => shown(page, "meaning").length > 2);
      page.must(
        shown(page, "term") === "Backpressure" && shown(page, "meaning") === "A\n slow",
        `Two pieces came for the term and two for the meaning, and the fields show ${say(shown(page, "term"))} and ${say(shown(page, "meaning"))}, expected "Backpressure" and "A\\n slow": append each piece to what is there.`,
      );
    },
  },
  {
    sentence: "What a model writes is text",
    async run(page) {
      const evil = '<img src=x onerror="document.title=1"> & <b>';
      const answer = await ask(page);
      answer.send(lines({ at: ["term"], add: evil }, { at: ["related", 0], add: evil }, { at: ["lesson"], set: 1 }, END)).end();
      await page.soon(() => shown(page, "lesson"));
      page.must(
        !page.answer.querySelector("img, b") && shown(page, "term") === evil && shown(page, "related") === evil,
        `The model wrote ${say(evil)}, and the fields show ${say(shown(page, "term"))} and ${say(shown(page, "related"))}: use append() and textContent, which make text and nothing else.`,
      );
      await page.soon(() => !busy(page));
      page.must(!page.complaint, `The card was whole, with {"end":"stop"} as its last message, and the page complains: ${say(page.complaint)}. That message has no at: return then.`);
    },
  },
  {
    sentence: "A number is set, and null is said",
    async run(page) {
      for (const [value, text] of [[12, "12"], [0, "0"], [null, "none"]]) {
        const answer = await ask(page);
        answer.send(lines({ at: ["term"], add: "a" }, { at: ["lesson"], set: value }, END)).end();
        await page.soon(() => !busy(page));
        page.must(
          shown(page, "lesson") === text,
          `The server sent {"at":["lesson"],"set":${value}}, and the field lesson shows ${say(shown(page, "lesson"))}, expected ${say(text)}: make it the field's textContent, and write "none" for null.`,
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
        `For related came "slow" and " reader" at index 0 and "queue" at index 1, and its items are ${say(items(page))}: the second part of at says which item is meant. Make a li only if it is not there yet.`,
      );
      page.must(
        [...field(page, "related").children].every(({ localName }) => localName === "li"),
        "The field related is a <ul>: its items are to be li elements, by document.createElement(\"li\").",
      );
      page.must(
        field(page, "related").textContent === "slow readerqueue",
        `The list has other text than its items: it shows ${say(shown(page, "related"))}. A list that is set, {"at":["related"],"set":[]}, has nothing to show yet.`,
      );
    },
  },
  {
    sentence: "Fields that the form does not have are ignored",
    async run(page) {
      for (const at of [["more"], ["__proto__"], ["toString"], ["constructor", 0]]) {
        const answer = await ask(page);
        answer.send(lines({ at, add: "no" }, { at, set: 5 }, { at: ["term"], add: "yes" }, END)).end();
        await page.soon(() => !busy(page));
        page.must(
          shown(page, "term") === "yes" && !page.complaint,
          `The server sent a text for ${say(at)}, which this form does not have, and then "yes" for the term. The term shows ${say(shown(page, "term"))}, and the page complains: ${say(page.complaint)}. Look the field up in fields, and return if it is not there.`,
        );
      }
      const answer = await ask(page);
      answer.send(lines({ at: ["meaning"], set: {} }, { at: ["meaning", "value"], add: "odd" }, { at: ["term"], add: "yes" }, END)).end();
      await page.soon(() => !busy(page));
      page.must(
        shown(page, "term") === "yes" && !page.complaint && !shown(page, "meaning").includes("object"),
        `The meaning was an object, {"value": "odd"}, and the page shows ${say(shown(page, "meaning"))} for it and ${say(shown(page, "term"))} for the term: a wrong type is the server's to report; the page must not break at it.`,
      );
    },
  },
  {
    sentence: "A card that is not whole is kept, and said to be so",
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
        page.must(page.complaint, `After half a field came ${what}, and the page says nothing: a card without its end is not whole. Catch what ask throws, and complain.`);
        page.must(
          shown(page, "meaning") === "half a" && !busy(page),
          `After "half a" came ${what}, and the field shows ${say(shown(page, "meaning"))}, #answer is ${busy(page) ? "still" : "not"} busy: keep what came, and set ariaBusy to false.`,
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
        `A second card was asked for, and of the first the page still shows ${say(shown(page, "term"))} and ${say(items(page))}: empty all fields first, as begin() does.`,
      );
    },
  },
  {
    sentence: "The stop button hangs up and keeps what came",
    async run(page) {
      const answer = await ask(page);
      answer.send(lines({ at: ["term"], add: "one" }));
      await page.soon(() => shown(page, "term"));
      page.document.querySelector("#stop").click();
      await page.soon(() => answer.hungUp && !busy(page));
      page.must(
        answer.hungUp && !busy(page) && shown(page, "term") === "one" && !page.complaint,
        `Stop was pressed. The connection is ${answer.hungUp ? "closed" : "open"}, the term shows ${say(shown(page, "term"))}, and the page complains: ${say(page.complaint)}. Give ask the signal, keep what came, and say nothing.`,
      );
    },
  },
];
