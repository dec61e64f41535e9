// The page reads messages, wherever the bytes are cut, and throws what the server throws.

const TYPE = "application/jsonl; charset=utf-8";
const USAGE = { input_tokens: 1234, output_tokens: 5678, total_tokens: 6912 };
const TEXT = "Tragödie,\n 👋!";
const END = { end: "stop" };
const say = (text) => JSON.stringify(text);
const busy = (page) => page.answer.ariaBusy === "true";
const lines = (...messages) => messages.map((message) => `${say(message)}\n`).join("");
const WHOLE = lines({ token: "Tragödie" }, { token: ",\n 👋" }, { token: "!" }, END);
const BYTES = new TextEncoder().encode(WHOLE);

/** Ask, and return the answer, whose lines the check sends. */
const ask = (page) => page.ask("Hello?", { type: TYPE });

/** Send an answer that is not whole; return what the page then says besides it. */
async function complaint(page, end) {
  const answer = await ask(page);
  const before = page.words;
  answer.send(lines({ token: "one" }));
  await page.soon(() => page.text === "one");
  end(answer);
  await page.soon(() => page.words !== before);
  page.must(page.text === "one", `"one" had arrived when the answer failed, and the page shows ${say(page.text)}. Keep the text that has arrived.`);
  return page.words === before ? "" : page.words;
}

export const checks = [
  {
    sentence: "The page shows each token at once",
    async run(page) {
      const answer = await ask(page);
      answer.send(lines({ token: "one" }));
      await page.soon(() => page.text);
      page.must(
        page.text === "one" || !"one".startsWith(page.text || "?"),
        `The token was "one" and the box "Letter by letter" is not checked, but #answer first shows ${say(page.text)}. Pass the reader readLetters to ask only if letters.checked is true.`,
      );
      page.must(
        page.text === "one",
        `The server had sent the line {"token":"one"} and was still writing, and #answer shows ${say(page.text)}. Parse each line when it is complete, and append message.token.`,
      );
      answer.send(lines({ token: " <b>two</b>" }, { token: "\n" }, { usage: USAGE }, END)).end();
      await page.soon(() => page.text.length > 14);
      page.must(
        !page.text.startsWith("oneone"),
        `The server sent the token "one" only once, and #answer shows ${say(page.text)}: the first line was read again. Put what pop() returns into rest, in place of what was there.`,
      );
      page.must(
        page.text === "one <b>two</b>\n",
        `The server sent three tokens, a usage and an end, and #answer shows ${say(page.text)}. Show all tokens and nothing else there, even if one read brings several lines.`,
      );
    },
  },
  {
    sentence: "The page shows the usage",
    async run(page) {
      (await ask(page)).send(lines({ token: "one" }, { usage: USAGE }, END)).end();
      await page.soon(() => page.words.includes("1234"));
      page.must(
        page.words.includes("1234") && page.words.includes("5678"),
        `The usage was 1234 tokens read and 5678 written, and below the answer the page says ${say(page.news)}. Show message.usage there.`,
      );
    },
  },
  {
    sentence: "The answer is whole, wherever it is cut",
    async run(page) {
      for (let cut = 1; cut < BYTES.length; cut++) {
        const answer = await ask(page);
        answer.send(BYTES.slice(0, cut)).send(BYTES.slice(cut)).end();
        await page.soon(() => page.text === TEXT);
        const piece = new TextDecoder().decode(BYTES.slice(0, cut)).slice(-12);
        page.must(
          page.text === TEXT,
          `The tokens say ${say(TEXT)}. Cut after byte ${cut}, where a read ends with ${say(piece)}, the page shows ${say(page.text)}. Keep what follows the last newline for the next read, and decode with { stream: true }.`,
        );
      }
    },
  },
  {
    sentence: "The answer is whole even if it comes byte by byte",
    async run(page) {
      const answer = await ask(page);
      for (const byte of BYTES) answer.send([byte]);
      answer.end();
      await page.soon(() => page.text === TEXT);
      page.must(
        page.text === TEXT,
        `The tokens say ${say(TEXT)}. Sent byte by byte, the page shows ${say(page.text)}. A line can come in many reads, and a letter in four.`,
      );
    },
  },
  {
    sentence: "What the server throws is thrown on the page",
    async run(page) {
      const object = { hello: "World" };
      for (const [reason, word] of [["The model left.", "The model left."], [object, "World"], [null, "null"]]) {
        const words = await complaint(page, (answer) =>
          answer.send(lines({ isError: true, reason })).end(),
        );
        page.must(
          words.includes(word),
          `The server threw ${say(reason)}, but the page does not say ${say(word)}. Throw a string as an Error, and any other value as it is. Catch it, and show its message, or JSON.stringify of it if there is none.`,
        );
        page.must(
          !words.includes('"The model'),
          `The server threw ${say(reason)}, and the page says ${say(words)}, with JSON's quotes around it. Throw a string as an Error, whose message the page shows.`,
        );
      }
    },
  },
  {
    sentence: "The page closes the connection when it leaves the loop",
    async run(page) {
      const answer = await ask(page);
      answer.send(lines({ token: "one" }, { isError: true, reason: "The model left." }));
      await page.soon(() => page.words.includes("The model left."));
      await page.soon(() => answer.hungUp);
      page.must(
        answer.hungUp,
        "The server threw and the page said so, but the connection is still open: the browser keeps reading an answer that nobody wants. Cancel the reader in finally, which runs however the loop in readLines ends.",
      );
    },
  },
  {
    sentence: "A limit that the server throws is shown in a sentence",
    async run(page) {
      const reason = { limit: 1234 };
      const words = await complaint(page, (answer) =>
        answer.send(lines({ isError: true, reason })).end(),
      );
      page.must(
        words.includes("1234") && !words.includes("{"),
        `The server threw ${say(reason)}, and the page says ${say(words)}. The page makes a sentence from an object that has a limit. Throw that object unchanged in ask.`,
      );
    },
  },
  {
    sentence: "An answer without its end does not look complete",
    async run(page) {
      (await ask(page)).send(WHOLE).end(); // whose end is not that of the next answers
      await page.soon(() => page.text === TEXT && !busy(page));
      for (const rest of ["", '{"tok', '{"usage":{"inp', '{"end":"stop"}']) {
        const words = await complaint(page, (answer) => answer.send(rest).end());
        page.must(
          words || rest !== '{"end":"stop"}',
          `The last line was ${rest} without a line break, and then nothing more came, but the page says nothing. A line without a line break is incomplete. Do not parse what is left at the end.`,
        );
        page.must(
          words,
          `The last line was ${say(rest || '{"token":"one"}')} and then nothing more came, but the page says nothing. Only an answer with an {"end": ...} is complete. Throw an error if there was none, and begin each answer with ended = false.`,
        );
        page.must(
          !words.trim().endsWith('"'),
          `The answer broke off, and the page says ${say(words)}, with JSON's quotes around the sentence. Throw an Error, whose message the page shows.`,
        );
      }
      await complaint(page, (answer) => answer.send([0x7b, 0xc3]).end());
      (await ask(page)).send(WHOLE).end();
      await page.soon(() => page.text === TEXT && !busy(page));
      page.must(
        page.text === TEXT && !page.complaint,
        `An answer broke off in the middle of a letter, and the next was complete. Its tokens say ${say(TEXT)}, and the page shows ${say(page.text)}. Make a new TextDecoder and a new rest for each answer.`,
      );
      const answer = await ask(page);
      answer.send(lines({ token: "one" }, { usage: USAGE }));
      await page.soon(() => page.words.includes("1234"));
      const before = page.words;
      answer.end();
      await page.soon(() => page.words !== before);
      page.must(
        page.words !== before,
        "The last line was a usage and then nothing more came, but the page says nothing. Only a message with an end says that the answer is complete.",
      );
    },
  },
  {
    sentence: "A line that cannot be read is a problem",
    async run(page) {
      for (const line of ['{"token": "tw', '{token: "two"}', "<h1>Bad gateway</h1>"]) {
        const words = await complaint(page, (answer) =>
          answer.send(`${line}\n`).send(lines({ token: "one" }, END)).end(),
        ).catch(() => "");
        page.must(
          words,
          `A complete line was ${line}, which is not JSON, but the page says nothing. Text is missing there, and nobody would notice. Let JSON.parse throw its error, and do not skip the line.`,
        );
      }
    },
  },
  {
    sentence: "An answer that ended for another reason does not look complete",
    async run(page) {
      const words = await complaint(page, (answer) => answer.send(lines({ end: "length" })).end());
      page.must(
        !words || words.includes("length"),
        `The last line was {"end":"length"}, and the page says ${say(words)}. The answer did have an end. It broke off only if no message had an end, whatever its reason.`,
      );
      page.must(
        words.includes("length"),
        'The last line was {"end":"length"}, for the length limit, but the page does not say so. Show the reason, unless the end is "stop".',
      );
    },
  },
  {
    sentence: "A connection that breaks is a problem, and so is a refusal",
    async run(page) {
      const words = await complaint(page, (answer) => answer.breakOff());
      page.must(words, "The connection broke after the first token, but the page says nothing. Catch the error, and show it.");
      const message = "Ask again in 4 s.";
      const text = say({ error: message, message });
      await page.ask("Hello?", { status: 429, text, type: "application/json" });
      await page.soon(() => page.words.includes(message));
      page.must(
        page.words.includes(message) && !page.text,
        `The server answered 429 with the message ${say(message)}, but the page does not show it. If response.ok is false, throw an Error with that message.`,
      );
    },
  },
  {
    sentence: "The stop button closes the connection, and a complete answer is no longer busy",
    async run(page) {
      const answer = await ask(page);
      answer.send(lines({ token: "one" }));
      await page.soon(() => page.text === "one");
      page.document.querySelector("#stop").click();
      await page.soon(() => answer.hungUp && !busy(page));
      page.must(
        answer.hungUp,
        "Someone pressed Stop, but the connection is still open, so the model keeps writing although nobody is reading. ask gets a signal. Pass it to fetch.",
      );
      const stopped = page.complaint;
      page.must(!stopped, `Someone pressed Stop, and the page complains: ${say(stopped)}. A stop is not a failure.`);
      (await ask(page)).send(WHOLE).end();
      await page.soon(() => page.text === TEXT && !busy(page));
      page.must(!busy(page), "The answer has ended, but #answer is still marked as busy. Set ariaBusy to false however the loop ended.");
    },
  },
  {
    sentence: "Another reader can be plugged in",
    async run(page) {
      const box = page.document.querySelector("#letters");
      page.must(box, 'The page has no <input type="checkbox" id="letters">. The index.html that you were given has it.');
      box.click();
      const seen = [];
      const { MutationObserver } = page.window;
      new MutationObserver(() => seen.push(page.text)).observe(page.answer, { childList: true });
      (await ask(page)).send(WHOLE).end();
      await page.soon(() => page.text === TEXT && !busy(page));
      page.must(
        page.text === TEXT,
        `"Letter by letter" is on, the tokens say ${say(TEXT)}, and the page shows ${say(page.text)}. In ask, loop over read(response.body), and yield each message.`,
      );
      page.must(
        seen.includes("Tra"),
        '"Letter by letter" is on, but the first token came all at once. Give ask a third parameter for the reader, read = readLines. In page.js, pass readLetters when the box is checked.',
      );
      page.must(!page.complaint, `"Letter by letter" is on and the answer is complete, but the page complains: ${say(page.complaint)}.`);
    },
  },
  {
    sentence: "ask yields each message, and throws each reason",
    async run(page) {
      const { ask: asked } = await page.import("static/ask.js");
      page.must(asked, "static/ask.js does not export ask. Write export before its function ask.");
      const told = async (...messages) => {
        page.reply = { type: TYPE, text: lines(...messages) };
        const came = [];
        try {
          const { signal } = new page.window.AbortController();
          for await (const message of asked("Hello?", signal)) came.push(message);
        } catch (thrown) {
          return { came, thrown };
        }
        return { came };
      };
      const sent = [{ token: "a\u2028b" }, { token: '} {"' }, END];
      for (const more of [sent, [null, ...sent]]) {
        const { came, thrown } = await told(...more, { later: 1 });
        const error = thrown && (thrown.message ?? say(thrown));
        page.must(
          !thrown || !more.includes(null),
          `The server sent the line null, and ask threw "${error}". A message can be null: write message?.isError and message?.end.`,
        );
        page.must(
          !thrown,
          `The server sent ${say(more)}, and one more message after the end, and ask threw "${error}". Only a line break ends a message. Once a message has had an end, the answer is complete, whatever follows.`,
        );
        page.must(
          say(came.slice(0, more.length)) === say(more),
          `The server sent ${say(more)}, and ask yielded ${say(came)}. Yield each message as it is.`,
        );
      }
      for (const reason of [404, false]) {
        const { came, thrown } = await told({ token: "one" }, { isError: true, reason });
        page.must(
          thrown === reason,
          `The server threw ${say(reason)}, and ask threw ${say(thrown?.message ?? thrown)}. Make an Error only from a string, and throw any other value as it is.`,
        );
        page.must(
          came.length === 1,
          `The server sent a token and then threw, and ask yielded ${say(came)}. Throw the reason before you yield the message.`,
        );
      }
    },
  },
  {
    sentence: "Without another reader, ask reads lines",
    async run(page) {
      const { ask: asked } = await page.import("static/ask.js");
      page.must(asked, "static/ask.js does not export ask. Write export before its function ask.");
      for (const reader of [[], [undefined]]) {
        page.reply = { type: TYPE, text: WHOLE };
        const signal = new page.window.AbortController().signal;
        let text = "";
        try {
          for await (const message of asked("Hello?", signal, ...reader)) text += message.token ?? "";
        } catch (error) {
          throw new Error(`The check called ask() with a prompt and a signal, but without a reader, and it threw: ${error.message}. Give its third parameter a default, read = readLines.`);
        }
        page.must(
          text === TEXT,
          `The check called ask() with a prompt and a signal, but without a reader. Expected the tokens ${say(TEXT)}, got ${say(text)}. Give its third parameter a default, read = readLines.`,
        );
      }
    },
  },
];
