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
    'the field name before the first colon says what a line is for, and an empty line ends the event. The type of an event without a name is "message".',
  ],
  ["event: x\ndata: a\n\n", [["x", "a"]], "an event: line names the event."],
  [
    "event: x\ndata: a\n\ndata: b\n\n",
    [["x", "a"], ["message", "b"]],
    "a name applies only to its own event. Reset type and data after each event.",
  ],
  [
    "event: x\n\ndata: b\n\n",
    [["message", "b"]],
    "an event without data is dropped, and its name is forgotten, too.",
  ],
  [
    "data: a\ndata: b\n\n",
    [["message", "a\nb"]],
    "the data of an event can be on several lines. Join them with a line break.",
  ],
  [
    "data:a\n\ndata:  b \n\n",
    [["message", "a"], ["message", " b "]],
    "one space after the colon is removed, and all others stay. Do not trim.",
  ],
  [
    ": a comment\n\ndata: a: b\n\n",
    [["message", "a: b"]],
    "a line that starts with a colon is a comment, and only the first colon divides a line.",
  ],
  [
    "data\n\nnonsense\nid: 7\n data: x\ndata: c\n\n",
    [["message", ""], ["message", "c"]],
    "a line without a colon is a field without a value, and fields with other names are ignored. An event whose data is empty is still an event: count the data lines.",
  ],
  [
    "data: a\n\nevent: x\ndata: b\n",
    [["message", "a"]],
    "an event without its final empty line is incomplete, so drop it.",
  ],
  [
    "event: x\r\ndata: a\r\ndata: b\r\n\r\ndata: c\r\r",
    [["x", "a\nb"], ["message", "c"]],
    "\\n and \\r and \\r\\n all end a line, and a read may end between \\r and \\n.",
  ],
  [
    "data: Trag\u00f6die \ud83d\udc4b\n\n",
    [["message", "Trag\u00f6die \ud83d\udc4b"]],
    "a read may end anywhere, even in the middle of a letter.",
  ],
  [
    "Data: a\nEVENT: x\ndata: b\n\n",
    [["message", "b"]],
    "field names are case-sensitive, so Data and EVENT are unknown fields.",
  ],
  [
    "data\ndata:b\ndata\n\n",
    [["message", "\nb\n"]],
    "an empty data line counts, too. Keep the lines in a list, and join it with a line break.",
  ],
  [
    "event:x\ndata:a\n:no\ndata:b\n\n",
    [["x", "a\nb"]],
    "a comment changes nothing, even in the middle of an event.",
  ],
  [
    "data:\ta\u2028b\vc\u0085d\n\n",
    [["message", "\ta\u2028b\vc\u0085d"]],
    "nothing but \\r and \\n ends a line, and of the white space only one space after the colon is removed.",
  ],
  [
    "event:\ndata: a\n\n",
    [["message", "a"]],
    'an event: line without a name leaves the type "message".',
  ],
];
const CUT =
  "a read may end anywhere. Keep the text after the last line end for the next read.";
const EMPTY =
  "a read may bring no text. Skip it with continue, so that it is not taken for the read after a \\r.";
const LAST_CR =
  "the last event is lost. A \\r ends its line at once and does not wait for the next read. Drop a \\n at the beginning of the next read instead.";
const CUT_LETTER =
  "a read cut a letter in two. Use one decoder for all reads, with decode(value, { stream: true }), as in texts().";

// What to try, by what the reader breaks on.
const BREAKS = [
  [/not iterable/, " Loop over texts(body) and lines(body) with `for await`."],
  [/constant variable/, " Use let for a variable that gets another value."],
  [/is not a function/, " No method there has that name: JavaScript writes startsWith, push and list.join(text)."],
  [/is not defined/, " JavaScript has no such name. The length of a list is list.length."],
];

// A stream, [type, data, id, retry] of the events in it, and the rule.
const ID = "an id applies to its own event and to every later event, until there is another id";
const NULL_ID = "an id that contains the character \\0 is ignored";
const RETRY = "retry is a number of milliseconds, and counts only if its value is all digits";
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
  ["retry: 1500\nretry: 0\ndata: a\n\n", [["message", "a", "", 0]], "0 is a number, too"],
  ...["1500ms", "1e3", "-5", "1.5", "", " 7", "0x10"].map((value) => [
    `retry: ${value}\ndata: a\n\n`,
    [["message", "a", "", undefined]],
    RETRY,
  ]),
];

/** Return the reader of the page, events(body). */
async function readerOf(page) {
  const { events } = await import(new URL("static/events.js", page.address));
  page.must(events, "static/events.js does not export events. Write export async function* events(body).");
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
      if (event.type !== "comment") all.push(event); // as in Your turn
    }
  } catch (error) {
    return `${error.name}: ${error.message.replace(/\.$/, "")}`;
  }
  if (new Set(all).size < all.length) return "one and the same object for two events, so yield a new one each time";
  return all.map(pick);
}

/** Return the reader's own lines and split, or nothing if it has none of that name. */
async function partsOf(page) {
  const response = await fetch(new URL("static/events.js", page.address));
  const text = `${await response.text()}\nexport { lines, split };`;
  const address = URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
  try {
    return await import(address);
  } catch {
    return {};
  }
}

/** Fail if lines or split gives something of another kind than events can use. */
async function mustGiveWhatEventsUses(page) {
  const { lines, split } = await partsOf(page);
  if (!lines || !split) return;
  const line = "data: a";
  let first;
  let fields;
  try {
    for await (const each of lines(bodyOf([new TextEncoder().encode(`${line}\n`)]))) {
      first ??= each;
    }
    fields = split(line);
  } catch {
    return; // events breaks on that, too
  }
  page.must(
    first !== undefined,
    `For the body ${say(`${line}\n`)}, lines() yielded nothing. Expected ${say(line)}. Write the pattern between slashes, as in split(/\\r\\n|\\r|\\n/), and not in quotation marks.`,
  );
  page.must(
    !Array.isArray(first),
    `For the body ${say(`${line}\n`)}, lines() yielded a list, ${say(first)}. Write yield* before a list: it yields each line by itself.`,
  );
  page.must(
    fields?.field !== undefined && fields.value !== undefined,
    `split(${say(line)}) returned ${say(fields)}. split() has to return { field, value }, here ${say({ field: "data", value: "a" })}.`,
  );
}

/** Return pieces for each way to cut the bytes once, for one cut after each, and for two. */
function allCuts(text) {
  const bytes = new TextEncoder().encode(text);
  const cuts = [[bytes]];
  for (let at = 1; at < bytes.length; at++) {
    cuts.push([bytes.slice(0, at), bytes.slice(at)]);
  }
  const single = [...bytes].map((byte) => new Uint8Array([byte]));
  cuts.push(single, single.flatMap((byte) => [byte, new Uint8Array()]));
  return cuts;
}


const rules = RULES.map(([text, expected, rule], number) => ({
  sentence: `The reader follows rule ${number + 1}: ${rule.split(/[,.] |\.$/)[0]}`,
  async run(page) {
    for (const pieces of allCuts(text)) {
      const events = await found(page, pieces);
      const cut = pieces.length === 2 ? `, cut after byte ${pieces[0].length},` : "";
      if (say(events) !== say(expected)) await mustGiveWhatEventsUses(page);
      const [, advice = ""] = BREAKS.find(([pattern]) => pattern.test(events)) ?? [];
      const isWithoutLast = say(events) === say(expected.slice(0, -1));
      const isCutApart = say(events).includes("\ufffd");
      const hasEmpty = pieces.some(({ length }) => length === 0);
      const why = hasEmpty ? EMPTY : pieces.length === 1 ? rule : isCutApart ? CUT_LETTER : /\r/.test(text) ? rule : CUT;
      page.must(
        typeof events !== "string",
        `static/events.js broke on ${say(text)}${cut} with ${events}. Expected ${say(expected)}: ${why}${advice}`,
      );
      page.must(
        !(isWithoutLast && /\r$/.test(text)),
        `static/events.js turned ${say(text)}${cut} into ${say(events)}. Expected ${say(expected)}: ${LAST_CR}`,
      );
      page.must(
        say(events) === say(expected),
        `static/events.js turned ${say(text)}${cut} into ${say(events)}. Expected ${say(expected)}: ${why}`,
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
          `static/events.js broke on ${say(text)} with ${events}. Expected ${shown(expected)}: ${rule}.`,
        );
        page.must(
          shown(events) === shown(expected),
          `static/events.js turned ${say(text)} into ${shown(events)}. Expected ${shown(expected)}: ${rule}.`,
        );
      }
    },
  },
  {
    sentence: "An answer that broke off leaves nothing behind",
    async run(page) {
      const cut = "id: 9\nevent: x\ndata: lost\ndata: half a li";
      await found(page, [new TextEncoder().encode(cut)]);
      const events = await found(page, [new TextEncoder().encode("data: a\n\n")], numbered);
      const expected = [["message", "a", "", undefined]];
      page.must(
        shown(events) === shown(expected),
        `One answer broke off in the middle of an event, and the next one is ${say("data: a\n\n")}. static/events.js turned that into ${shown(events)}. Expected ${shown(expected)}: declare these variables with let inside the functions, and not above them.`,
      );
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
        "The event a had arrived with its empty line, but events(body) yielded nothing until the body ended. Yield each event as soon as its empty line is there.",
      );
      page.must(
        hungUp,
        "A loop over events(body) was left after the first event, but the browser still reads a body that nobody wants. Loop with `for await` in lines and events. That closes texts, and its finally closes the connection.",
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
        `The page sends ${question.method} ${new URL(question.url).pathname}. Expected POST ${pathname}.`,
      );
      page.must(
        question.json?.prompt === "Why flush?",
        `The user typed "Why flush?", and the server got ${question.body}. Send {"prompt": "Why flush?"}.`,
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
        `The server had sent the events start and token, {"token": "one"}, and the page shows ${say(page.text)}. Yield each event as soon as its empty line is there.`,
      );
      answer.send(`: heartbeat\n${token(" two\n")}${token("<b>three</b>")}${DONE}`).end();
      const text = "one two\n<b>three</b>";
      await page.soon(() => page.text === text);
      page.must(
        page.text === text && !page.answer.querySelector("b"),
        `The tokens add up to ${say(text)}, and the page shows ${say(page.text)}. Use append(token), which adds text and never markup.`,
      );
    },
  },
  {
    sentence: "The sentence of an error event is shown, and the text stays",
    async run(page) {
      const answer = await page.ask("Hello?", { type });
      answer.send(token("Half an")).send(event("error", { error: "The model failed." }));
      await page.soon(() => page.words.includes("The model failed."));
      answer.send(event("done", { finishReason: "error" })).end();
      page.must(
        page.text === "Half an" && page.words.includes("The model failed."),
        `The server sent the token "Half an", then the error event {"error": "The model failed."}. The page shows ${say(page.text)} and says ${say(page.news)}. Keep the text that has arrived, and show the sentence.`,
      );
    },
  },
  {
    sentence: "An answer that was cut short, or has no done event, does not look complete",
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
          `The stream ended ${how} after a token, but the page shows half an answer as if it were complete. Show a sentence unless the done event has the finishReason stop.`,
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
        `The server refused with status 400 and ${text}, and the page says ${say(page.news)}. If response.ok is false, throw an Error with the sentence from the JSON.`,
      );
    },
  },
  {
    sentence: "The stop button closes the connection and keeps the text",
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
        "Someone pressed Stop, but the connection is still open. The button aborts a signal. Pass that signal to fetch.",
      );
      page.must(
        page.text === "one" && page.answer.ariaBusy !== "true",
        `Someone pressed Stop after "one", and the page shows ${say(page.text)}${page.answer.ariaBusy === "true" ? ", still busy" : ""}. Keep the text that has arrived.`,
      );
    },
  },
];
