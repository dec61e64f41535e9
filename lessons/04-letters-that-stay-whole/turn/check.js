// Your turn: a TextDecoderStream decodes, and the page decodes nothing itself.

const TEXT = "Tragödie, 語, 👋!"; // letters of 1 to 4 bytes
const BYTES = new TextEncoder().encode(TEXT);
const say = (text) => JSON.stringify(text);

/** Count what a page decodes with: streams that decode, and calls of decode(). */
function watch({ window }) {
  const used = { streams: 0, calls: 0 };
  const { TextDecoder, TextDecoderStream } = window;
  window.TextDecoderStream = class extends TextDecoderStream {
    constructor(...settings) {
      super(...settings);
      used.streams += 1;
    }
  };
  const { decode } = TextDecoder.prototype;
  TextDecoder.prototype.decode = function (...bytes) {
    used.calls += 1;
    return decode.apply(this, bytes);
  };
  return used;
}

/** Ask, answer with these pieces, and return what the page shows. */
async function shown(page, pieces, text) {
  const answer = await page.ask("Hello?");
  for (const piece of pieces) answer.send(piece);
  answer.end();
  await page.soon(() => page.text === text || page.complaint);
  await page.soon(() => page.answer.ariaBusy !== "true");
  return page.text;
}

export const checks = [
  {
    sentence: "Each answer is decoded by its own stream",
    async run(page) {
      const first = await shown(page, ["Hello ", "you."], "Hello you.");
      page.must(
        first === "Hello you.",
        `The server sent "Hello " and "you.", and the page shows ${say(first)}. Get the reader from the stream that response.body.pipeThrough(new TextDecoderStream()) returns, and append what it reads as it is.`,
      );
      const second = await shown(page, ["And ", "you?"], "And you?");
      page.must(
        second === "And you?",
        `The first answer was complete. The second was "And you?", and the page shows ${say(second)}. A TextDecoderStream decodes one answer. Write new TextDecoderStream() in ask, for each answer.`,
      );
    },
  },
  {
    sentence: "A TextDecoderStream does the work",
    async run(page) {
      const used = watch(page);
      await shown(page, ["Hello."], "Hello.");
      page.must(
        used.streams > 0,
        "An answer came, but the page made no TextDecoderStream. response.body.pipeThrough(new TextDecoderStream()) returns a stream of text. Get the reader from that stream.",
      );
      page.must(
        used.calls === 0,
        "A TextDecoderStream decodes, but the page called decode() as well. read() now gives text. Append value itself, and remove your decoder.",
      );
    },
  },
  {
    sentence: "The answer is whole, wherever it is cut",
    async run(page) {
      for (let cut = 1; cut < BYTES.length; cut++) {
        const text = await shown(page, [BYTES.slice(0, cut), BYTES.slice(cut)], TEXT);
        page.must(
          text === TEXT,
          `The server sent ${say(TEXT)}. Cut after byte ${cut}, the page showed ${say(text)}. The bytes are UTF-8, which new TextDecoderStream() decodes.`,
        );
      }
    },
  },
  {
    sentence: "An answer that ends inside a letter does not look complete",
    async run(page) {
      const text = await shown(page, [BYTES.slice(0, 5)], "Trag\ufffd");
      page.must(
        text === "Trag\ufffd" || page.complaint,
        `The answer was cut off inside an ö, but the page shows ${say(text)} as if that were all. Append each piece that read() gives, including the last one.`,
      );
    },
  },
  {
    sentence: "The page does not wait for an answer that has broken off",
    async run(page) {
      const answer = await page.ask("Hello?");
      answer.send("half an");
      await page.soon(() => page.text === "half an");
      answer.breakOff();
      await page.soon(() => page.answer.ariaBusy !== "true");
      page.must(
        page.answer.ariaBusy !== "true" && page.complaint,
        `The connection broke after "half an", but the page keeps waiting and says ${say(page.complaint)}. pipeThrough(new TextDecoderStream()) passes the break on by itself. Do not give it options that prevent this.`,
      );
    },
  },
  {
    sentence: "The answer grows while it is being written",
    async run(page) {
      const answer = await page.ask("Hello?");
      answer.send("one");
      await page.soon(() => page.text === "one");
      page.must(
        page.text === "one",
        `The server had sent "one" and was still writing, but the page showed ${say(page.text)}. Append each piece in the loop, as soon as read() gives it.`,
      );
      answer.end();
    },
  },
];
