// Every letter arrives whole, wherever the bytes are cut.

const TEXT = "Tragödie, 語, 👋!"; // letters of 1 to 4 bytes
const BYTES = new TextEncoder().encode(TEXT);
const say = (text) => JSON.stringify(text);

/** Return what to try for a text that came in one piece and is shown as another. */
function adviceOn(page) {
  if (page.complaint) return "Its script broke.";
  if (page.text === "") return "Append what decode() returns, and keep what is there.";
  if (page.text.includes(TEXT)) return "Append what decode() returns, and nothing else.";
  return "The bytes are UTF-8, which new TextDecoder() decodes.";
}

export const checks = [
  {
    sentence: "The answer is read as UTF-8",
    async run(page) {
      const answer = await page.ask("Hello?");
      answer.send(TEXT).end();
      await page.soon(() => page.text === TEXT);
      page.must(
        page.text === TEXT,
        `The server sent ${say(TEXT)} in one piece, and the page showed ${say(page.text)}. ${adviceOn(page)}`,
      );
      await page.soon(() => page.answer.ariaBusy !== "true" || page.complaint);
      page.must(!page.complaint, "The answer was complete, but the page complains. When done is true, leave the loop.");
    },
  },
  {
    sentence: "The answer is whole, wherever it is cut",
    async run(page) {
      for (let cut = 1; cut < BYTES.length; cut++) {
        const answer = await page.ask("Hello?");
        answer.send(BYTES.slice(0, cut)).send(BYTES.slice(cut)).end();
        await page.soon(() => page.text === TEXT);
        page.must(
          page.text === TEXT,
          `The server sent ${say(TEXT)}. Cut after byte ${cut}, the page showed ${say(page.text)}. Use one decoder for all pieces of an answer. Make it before the loop, call decode(value, { stream: true }) inside, and decode() without arguments only after it.`,
        );
      }
    },
  },
  {
    sentence: "The answer is whole even if it comes byte by byte",
    async run(page) {
      const answer = await page.ask("Hello?");
      for (const byte of BYTES) answer.send([byte]);
      answer.end();
      await page.soon(() => page.text === TEXT);
      page.must(
        page.text === TEXT,
        `The server sent ${say(TEXT)} byte by byte, and the page showed ${say(page.text)}. One letter can come in four pieces. decode(value, { stream: true }) keeps an incomplete letter for the next call.`,
      );
    },
  },
  {
    sentence: "A complete letter is shown at once",
    async run(page) {
      const answer = await page.ask("Hello?");
      answer.send(BYTES.slice(0, 4));
      await page.soon(() => page.text === "Trag");
      page.must(
        page.text === "Trag",
        `The server had sent "Trag" and was still writing, but the page showed ${say(page.text)}. Show complete letters at once. decode(value, { stream: true }) holds back only half a letter.`,
      );
      answer.end();
    },
  },
  {
    sentence: "Half a letter is held back until the rest has come",
    async run(page) {
      const answer = await page.ask("Hello?");
      answer.send(BYTES.slice(0, 5)); // Trag and half an ö
      await page.soon(() => page.text);
      page.must(
        page.text === "Trag",
        `The server had sent "Trag" and half an ö and was still writing, but the page showed ${say(page.text)}. Show complete letters at once, and hold back half a letter. decode(value, { stream: true }) does both.`,
      );
      answer.end();
    },
  },
  {
    sentence: "An answer that ends inside a letter does not look complete",
    async run(page) {
      const answer = await page.ask("Hello?");
      answer.send(BYTES.slice(0, 5)).end();
      const seen = () => page.text === "Trag\ufffd" || page.complaint;
      await page.soon(seen);
      page.must(
        seen(),
        `The answer was cut off inside an ö, but the page shows ${say(page.text)} as if that were all. Leave the loop with break, not return. After the loop append decoder.decode(), which gives \ufffd for half a letter.`,
      );
    },
  },
  {
    sentence: "No answer begins with half a letter of the answer before it",
    async run(page) {
      const broken = await page.ask("Hello?");
      broken.send(BYTES.slice(0, 5));
      await page.soon(() => page.text === "Trag");
      broken.breakOff();
      await page.soon(() => page.answer.ariaBusy !== "true");
      const next = await page.ask("Hello?");
      next.send("ödie").end();
      await page.soon(() => page.text === "ödie");
      page.must(
        page.text === "ödie",
        `One answer broke off inside a letter. The next was "ödie", and the page shows ${say(page.text)}. Make a new decoder for each answer, in ask.`,
      );
    },
  },
  {
    sentence: "Markup stays text",
    async run(page) {
      const text = "a <b>bold</b> word";
      const answer = await page.ask("Hello?");
      answer.send(text).end();
      await page.soon(() => page.text === text);
      page.must(
        page.text === text,
        `The server sent ${say(text)}, and the page shows ${say(page.text)}. Use append, which adds text. innerHTML adds markup.`,
      );
    },
  },
];
