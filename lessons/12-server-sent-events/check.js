// The reader finds each event, by the rules and at every cut; the page shows them.

const type = "text/event-stream";
const say = (value) => JSON.stringify(value);
const event = (name, detail) => `event: ${name}\ndata: ${JSON.stringify(detail)}\n\n`;
const token = (text) => event("token", { token: text });
const DONE = event("done", { finishReason: "stop" });

// A stream, the events in it as [type, data], and the rule.
const RULES = [
  [
    "data: a\n\n",
    [["message", "a"]],
    'the name before the first colon says what a line is for, and an empty line ends the event. One without a name is a "message".',
  ],
  ["event: x\ndata: a\n\n", [["x", "a"]], "a line event: names the event."],
  [
    "event: x\ndata: a\n\ndata: b\n\n",
    [["x", "a"], ["message", "b"]],
    "a name applies to its own event only. Forget type and data after each.",
  ],
  [
    "event: x\n\ndata: b\n\n",
    [["message", "b"]],
    "an event without data is none, and its name is forgotten, too.",
  ],
  [
    "data: a\ndata: b\n\n",
    [["message", "a\nb"]],
    "the data of an event can be in several lines. Join them by a line break.",
  ],
  [
    "data:a\n\ndata:  b \n\n",
    [["message", "a"], ["message", " b "]],
    "one space after the colon does not count, and all others do. Take away one, and do not trim.",
  ],
  [
    ": a comment\n\ndata: a: b\n\n",
    [["message", "a: b"]],
    "a line with a colon first is a comment, and only the first colon of a line divides it.",
  ],
  [
    "data\n\nnonsense\nid: 7\n data: x\ndata: c\n\n",
    [["message", ""], ["message", "c"]],
    "a line without a colon is a field without a value, and fields with other names are ignored.",
  ],
  [
    "data: a\n\nevent: x\ndata: b\n",
    [["message", "a"]],
    "no empty line came after the last lines, so they are half an event, and half an event is none.",
  ],
  [
    "event: x\r\ndata: a\r\ndata: b\r\n\r\ndata: c\r\r",
    [["x", "a\nb"], ["message", "c"]],
    "a line ends with \\n, with \\r, or with \\r\\n, and a read may end between the two.",
  ],
  [
    "data: Trag\u00f6die \ud83d\udc4b\n\n",
    [["message", "Trag\u00f6die \ud83d\udc4b"]],
    "a read may end anywhere, even in the middle of a letter.",
  ],
  [
    "Data: a\nEVENT: x\ndata: b\n\n",
    [["message", "b"]],
    "the names of fields are written in small letters, and Data is another name.",
  ],
];
const CUT =
  "a read may end anywhere. Keep what stands after the last line end for the next read.";
const CUT_LETTER =
  "a letter was cut apart by a read. One decoder for all reads, and decode(value, { stream: true }), as in texts(), puts it together.";

// A stream, [type, data, id, retry] of the events in it, and the rule.
const ID = "an id applies to its own event and to every event after it, until there is another";
const NULL_ID = "an id with the letter \\0 in it does not count";
const RETRY = "retry is the number of milliseconds, if its value consists of digits alone";
const NUMBERED = [
  ["id: 7\ndata: a\n\n", [["message", "a", "7", undefined]], "yield { type, data, id, retry }"],
  [
    "id: 7\ndata: a\n\ndata: b\n\nid: 8\ndata: c\n\n",
    [["message", "a", "7", undefined], ["message", "b", "7", undefined], ["message", "c", "8", undefined]],
    ID,
  ],
  ["id: 7\n\ndata: a\n\n", [["message", "a", "7", undefined]], ID],
  ["id: 7\nid\ndata: a\n\n", [["message", "a", "", undefined]], ID],
  [
    "id: 7\n\nid: 8\0\ndata: a\n\n",
    [["message", "a", "7", undefined]],
    NULL_ID,
  ],
  ["retry: 1500\ndata: a\n\n", [["message", "a", "", 1500]], RETRY],
  ...["1500ms", "1e3", "-5", "1.5", "", " 7", "0x10"].map((value) => [
    `retry: ${value}\ndata: a\n\n`,
    [["message", "a", "", undefined]],
    RETRY,
  ]),
];

/** Return the reader of the page, events(body). */
async function readerOf(page) {
  const { events } = await import(new URL("static/events.js", page.address));
  page.must(events, "static/events.js exports no events: write export async function* events(body).");
  return events;
}

/** Return a body that comes in these pieces. */
function bodyOf(pieces, cancel) {
  return new ReadableStream({
    start(stream) {
      for (const piece of pieces) stream.enqueue(piece);
      if (!cancel) stream.close();
    },
    cancel,
  });
}

/** Return what the reader finds in a stream that comes in these pieces. */
async function found(page, pieces, pick = ({ type, data }) => [type, data]) {
  const events = await readerOf(page);
  const all = [];
  try {
    for await (const event of events(bodyOf(pieces))) {
      if (event.type !== "comment") all.push(pick(event)); // as in Your turn
    }
  } catch (error) {
    return `${error.name}: ${error.message}`;
  }
  return all;
}

/** Return pieces for each way to cut the bytes once, and for one cut after each. */
function allCuts(text) {
  const bytes = new TextEncoder().encode(text);
  const cuts = [[bytes]];
  for (let at = 1; at < bytes.length; at++) {
    cuts.push([bytes.slice(0, at), bytes.slice(at)]);
  }
  cuts.push([...bytes].map((byte) => new Uint8Array([byte])));
  return cuts;
}


const rules = RULES.map(([text, expected, rule], number) => ({
  sentence: `The reader knows rule ${number + 1}: ${rule.split(/[,.] |\.$/)[0]}`,
  async run(page) {
    for (const pieces of allCuts(text)) {
      const events = await found(page, pieces);
      const cut = pieces.length === 2 ? `, cut after byte ${pieces[0].length},` : "";
      const isCutApart = say(events).includes("\ufffd");
      const why = pieces.length === 1 ? rule : isCutApart ? CUT_LETTER : /\r/.test(text) ? rule : CUT;
      page.must(
        typeof events !== "string",
        `On ${say(text)}${cut} static/events.js breaks with ${events}. Expected ${say(expected)}: ${why}`,
      );
      page.must(
        say(events) === say(expected),
        `Of ${say(text)}${cut} static/events.js makes ${say(events)}, and expected ${say(expected)}: ${why}`,
      );
    }
  },
}));

/** Return the four parts of an event, undefined where an id or a number is missing. */
function numbered({ type, data, id, retry }) {
  return [type, data, String(id ?? ""), retry ?? undefined];
}

const shown = (events) => say(events.map(([type, data, id, retry]) => ({ type, data, id, retry })));

export const checks = [
  ...rules,
  {
    sentence: "Each event has the last id, and the number of a retry",
    async run(page) {
      for (const [text, expected, rule] of NUMBERED) {
        const events = await found(page, [new TextEncoder().encode(text)], numbered);
        page.must(
          typeof events !== "string",
          `On ${say(text)} static/events.js breaks with ${events}. Expected ${shown(expected)}: ${rule}.`,
        );
        page.must(
          shown(events) === shown(expected),
          `Of ${say(text)} static/events.js makes ${shown(events)}, and expected ${shown(expected)}: ${rule}.`,
        );
      }
    },
  },
  {
    sentence: "Leaving the loop closes the connection",
    async run(page) {
      const events = await readerOf(page);
      let hungUp = false;
      let isLeft = false;
      const body = bodyOf([new TextEncoder().encode("data: a\n\n")], () => (hungUp = true));
      const leave = async () => {
        for await (const event of events(body)) break;
        isLeft = true;
      };
      leave().catch(() => {}); // other checks say what breaks
      await page.soon(() => isLeft && hungUp);
      page.must(
        isLeft,
        "The event a had come, with its empty line, and events(body) yielded nothing, since the body went on: yield each event as soon as its empty line is there.",
      );
      page.must(
        hungUp,
        "A loop over events(body) was left after the first event, and the body is still read, for nobody: for await in lines and events closes texts, whose finally hangs up. Keep that, and loop with for await.",
      );
    },
  },
  {
    sentence: "The page sends the question to the server",
    async run(page) {
      const question = await page.ask("Why flush?", { type });
      const { pathname } = new URL("ask", page.address);
      page.must(
        question.url === new URL("ask", page.address).href && question.method === "POST",
        `The page asks ${question.method} ${new URL(question.url).pathname}, and its server waits for POST ${pathname}.`,
      );
      page.must(
        question.json?.prompt === "Why flush?",
        `"Why flush?" was typed, and the server got ${question.body}: send {"prompt": "Why flush?"}.`,
      );
    },
  },
  {
    sentence: "Each token is on the page before the next is made",
    async run(page) {
      const answer = await page.ask("Hello?", { type });
      answer.send(event("start", {}) + token("one"));
      await page.soon(() => page.text);
      page.must(
        page.text === "one",
        `The server had sent the events start and token, {"token": "one"}, and the page shows ${say(page.text)}: yield each event as soon as its empty line is there.`,
      );
      answer.send(`: heartbeat\n${token(" two\n")}${token("<b>three</b>")}${DONE}`).end();
      const text = "one two\n<b>three</b>";
      await page.soon(() => page.text === text);
      page.must(
        page.text === text && !page.answer.querySelector("b"),
        `The tokens make ${say(text)}, and the page shows ${say(page.text)}: append(token) adds text and only text.`,
      );
    },
  },
  {
    sentence: "The sentence of an error event is shown, and what came stays",
    async run(page) {
      const answer = await page.ask("Hello?", { type });
      answer.send(token("Half an")).send(event("error", { error: "The model failed." }));
      await page.soon(() => page.words.includes("The model failed."));
      answer.send(event("done", { finishReason: "error" })).end();
      page.must(
        page.text === "Half an" && page.words.includes("The model failed."),
        `After the token "Half an" came the error event {"error": "The model failed."}, and the page shows ${say(page.text)} and says ${say(page.news)}: keep what came, and show the sentence.`,
      );
    },
  },
  {
    sentence: "An answer that was cut short, or has no done event, is not whole",
    async run(page) {
      for (const end of ["", event("done", { finishReason: "length" })]) {
        const answer = await page.ask("Hello?", { type });
        const before = page.words;
        answer.send(token("Half an"));
        await page.soon(() => page.text);
        answer.send(end).end();
        await page.soon(() => page.words !== before);
        const how = end ? 'with {"finishReason": "length"}' : "without a done event";
        page.must(
          page.text === "Half an" && page.words !== before,
          `The stream ended ${how} after a token, and the page takes half an answer for a whole one.`,
        );
      }
    },
  },
  {
    sentence: "A refusal is shown in the server's words",
    async run(page) {
      const text = '{"error": "Nothing was asked."}';
      await page.ask("Hello?", { status: 400, type: "application/json", text });
      await page.soon(() => page.words.includes("Nothing was asked."));
      page.must(
        page.words.includes("Nothing was asked."),
        `The server refused with a 400 and ${text}, and the page says ${say(page.news)}: unless response.ok, throw an Error with the sentence of its JSON.`,
      );
    },
  },
  {
    sentence: "Stop closes the connection and keeps what came",
    async run(page) {
      const answer = await page.ask("Hello?", { type });
      answer.send(token("one"));
      await page.soon(() => page.text);
      const stop = page.document.querySelector("#stop");
      page.must(stop, 'The page has no stop button: <button type="button" id="stop">.');
      stop.click();
      await page.soon(() => answer.hungUp && page.answer.ariaBusy !== "true");
      page.must(
        answer.hungUp,
        "Stop was pressed, and the connection is still open: give fetch the signal that the button aborts.",
      );
      page.must(
        page.text === "one" && page.answer.ariaBusy !== "true",
        `Stop was pressed after "one", and the page shows ${say(page.text)}${page.answer.ariaBusy === "true" ? ", still busy" : ""}: keep what came.`,
      );
    },
  },
];
