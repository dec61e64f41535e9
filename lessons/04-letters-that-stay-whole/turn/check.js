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
    sentence: "Each answer is decoded by a stream of its own",
    async run(page) {
      const first = await shown(page, ["Hello ", "you."], "Hello you.");
      page.must(
        first === "Hello you.",
        `The server sent "Hello " and "you.", and the page shows ${say(first)}: ask the stream that response.body.pipeThrough(new TextDecoderStream()) gives for its reader, and append what it reads as it is.`,
      );
      const second = await shown(page, ["And ", "you?"], "And you?");
      page.must(
        second === "And you?",
        `The first answer was whole; the second was "And you?", and the page shows ${say(second)}. A stream carries one answer: make new TextDecoderStream() in ask, for each.`,
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
        "An answer came, and the page made no TextDecoderStream: response.body.pipeThrough(new TextDecoderStream()) gives a stream of text. Ask that one for its reader.",
      );
      page.must(
        used.calls === 0,
        `A TextDecoderStream decodes, and the page called decode() as well: what read() brings is text now, so append value itself, and take your decoder out.`,
      );
    },
  },
  {
    sentence: "The answer is whole, cut after any byte",
    async run(page) {
      for (let cut = 1; cut < BYTES.length; cut++) {
        const text = await shown(page, [BYTES.slice(0, cut), BYTES.slice(cut)], TEXT);
        page.must(
          text === TEXT,
          `The server sent ${say(TEXT)}; cut after byte ${cut} the page showed ${say(text)}: the bytes are UTF-8, which is what new TextDecoderStream() reads.`,
        );
      }
    },
  },
  {
    sentence: "An answer that ends inside a letter does not look whole",
    async run(page) {
      const text = await shown(page, [BYTES.slice(0, 5)], "Trag\ufffd");
      page.must(
        text === "Trag\ufffd" || page.complaint,
        `The answer was cut off inside an ö, and the page shows ${say(text)} as if that were all: append each piece that read() brings, also the last one.`,
      );
    },
  },
  {
    sentence: "An answer that breaks off comes to its end",
    async run(page) {
      const answer = await page.ask("Hello?");
      answer.send("half an");
      await page.soon(() => page.text === "half an");
      answer.breakOff();
      await page.soon(() => page.answer.ariaBusy !== "true");
      page.must(
        page.answer.ariaBusy !== "true" && page.complaint,
        `The connection broke after "half an", and the page waits on and says ${say(page.complaint)}: pipeThrough(new TextDecoderStream()) hands the break on by itself. Give it no settings that keep it back.`,
      );
    },
  },
  {
    sentence: "The answer grows while it is written",
    async run(page) {
      const answer = await page.ask("Hello?");
      answer.send("one");
      await page.soon(() => page.text === "one");
      page.must(
        page.text === "one",
        `The server had sent "one" and was still writing, and the page showed ${say(page.text)}: append each piece in the loop, as soon as read() brings it.`,
      );
      answer.end();
    },
  },
];
