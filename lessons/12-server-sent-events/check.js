// The page reads events, by the rules and at every cut, and shows what they say.

const type = "text/event-stream";
const say = (text) => JSON.stringify(text);
const event = (name, data) => `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`;
const token = (text) => event("token", { token: text });
const DONE = event("done", { finishReason: "stop" });

export const checks = [
  {
    sentence: "The page sends the question to the server",
    async run(page) {
      const question = await page.ask("Why flush?", { type });
      const { pathname } = new URL("ask", page.address);
      page.must(
        question.url === new URL("ask", page.address).href && question.method === "POST",
        `The page asks ${question.method} ${new URL(question.url).pathname}, and its server waits for POST ${pathname}: new Client({ address: "ask" }).`,
      );
      const asked = question.json?.prompt ?? question.json?.messages?.at(-1)?.content;
      page.must(
        asked === "Why flush?",
        `"Why flush?" was typed, and the server got ${question.body}: send {"messages": [..., {"role": "user", "content": "Why flush?"}]}.`,
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
        `The server had sent the events start and token, {"token": "one"}, and the page shows ${say(page.text)}: parse the data of each token event, and append its "token".`,
      );
      answer.send(token(" two\n") + token("<b>three</b>") + DONE).end();
      const text = "one two\n<b>three</b>";
      await page.soon(() => page.text === text);
      page.must(
        page.text === text && !page.answer.querySelector("b"),
        `The tokens make ${say(text)}, and the page shows ${say(page.text)}: append(token) adds text and only text.`,
      );
    },
  },
  {
    sentence: "The events are whole, cut after any byte, whatever ends their lines",
    async run(page) {
      for (const [name, end] of Object.entries({ LF: "\n", CRLF: "\r\n", CR: "\r" })) {
        const sent = `event: token\ndata: {"token":"ö"}\n\n${token("!")}${DONE}`;
        const bytes = new TextEncoder().encode(sent.replaceAll("\n", end));
        for (let cut = 1; cut < 60; cut++) {
          const answer = await page.ask("Hello?", { type });
          answer.send(bytes.slice(0, cut)).send(bytes.slice(cut)).end();
          const came = await page.soon(() => page.text === "ö!");
          page.must(
            came,
            `The tokens were "ö" and "!", in lines that end with ${name}; cut after byte ${cut} the page showed ${say(page.text)}. Keep what stands after the last line end for the next read; a CR and the LF after it are one line end.`,
          );
        }
      }
    },
  },
  {
    sentence: "The rules of the standard hold",
    async run(page) {
      const answer = await page.ask("Hello?", { type });
      const odd = 'event:token\ndata:{"token":\ndata: "two lines"}\nid: 7\nnonsense\n\n';
      answer.send(`\ufeff: a comment\n\n${odd}event: other\ndata: {}\n\n${DONE}`).end();
      await page.soon(() => page.text === "two lines");
      page.must(
        page.text === "two lines",
        `The server sent a byte order mark, a comment, and a token event whose data stands in two lines, and the page shows ${say(page.text)}: a line with a colon first is a comment, data lines are joined by a line break, and one space after the colon does not count.`,
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
    sentence: "A stream without its done event is not whole",
    async run(page) {
      const before = page.words;
      const answer = await page.ask("Hello?", { type });
      answer.send(token("Half an"));
      await page.soon(() => page.text);
      answer.end();
      await page.soon(() => page.words !== before);
      page.must(
        page.text === "Half an" && page.words !== before,
        "The stream ended after a token, with no done event, and the page takes half an answer for a whole one: throw an Error when the loop has ended without done.",
      );
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
    sentence: "Stop hangs up and keeps what came",
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
        "Stop was pressed, and the connection is still open: give fetch the signal that stop() aborts.",
      );
      page.must(
        page.text === "one" && page.answer.ariaBusy !== "true",
        `Stop was pressed after "one", and the page shows ${say(page.text)}${page.answer.ariaBusy === "true" ? ", still busy" : ""}: keep what came, and tell streaming-end.`,
      );
    },
  },
];
