// The page reads the words of useChat; it is given, and stays whole.

const type = "text/event-stream";
const say = (value) => JSON.stringify(value);
const message = (kind, fields) => `data: ${say({ type: kind, ...fields })}\n\n`;
const BEGIN = message("start", { messageId: "1" }) + message("text-start", { id: "1" });
const text = (delta) => message("text-delta", { id: "1", delta });
const END = `${message("text-end", { id: "1" })}${message("finish", { finishReason: "stop" })}data: [DONE]\n\n`;

export const checks = [
  {
    sentence: "Each token is on the page before the next is made",
    async run(page) {
      const answer = await page.ask("Hello?", { type });
      answer.send(BEGIN + text("one"));
      await page.soon(() => page.text);
      page.must(
        page.text === "one",
        `The server had sent start, text-start and the text-delta "one", and the page shows ${say(page.text)}. The page is given: leave static/ unchanged.`,
      );
      answer.send(text(" <b>two</b>\n") + END).end();
      await page.soon(() => page.answer.ariaBusy !== "true");
      page.must(
        page.text === "one <b>two</b>\n" && !page.complaint,
        `The deltas add up to "one <b>two</b>\\n", and the page shows ${say(page.text)} and says ${say(page.complaint)}. The page is given: leave static/ unchanged.`,
      );
    },
  },
  {
    sentence: "The page sends the whole conversation, in parts",
    async run(page) {
      const first = await page.ask("Hello?", { type });
      first.send(BEGIN + text("Yes.") + END).end();
      await page.soon(() => page.answer.ariaBusy !== "true");
      const question = await page.ask("And you?", { type });
      const texts = question.json?.messages?.map(({ parts }) => parts[0].text);
      page.must(
        say(texts) === say(["Hello?", "Yes.", "And you?"]),
        `The page asked the third turn, and the server got ${say(texts)}. Send all messages.`,
      );
    },
  },
  {
    sentence: "A refusal and an error are shown unchanged",
    async run(page) {
      await page.ask("Hello?", { status: 429, text: "Ask again in 5 s." });
      await page.soon(() => page.words.includes("Ask again in 5 s."));
      page.must(
        page.words.includes("Ask again in 5 s."),
        `The server refused with "Ask again in 5 s.", and the page says ${say(page.news)}. The page is given: leave static/ unchanged.`,
      );
      const answer = await page.ask("Hello?", { type });
      answer.send(BEGIN + text("half") + message("error", { errorText: "It failed." }));
      await page.soon(() => page.words.includes("It failed."));
      page.must(
        page.text === "half" && page.words.includes("It failed."),
        `After "half" came the error "It failed.", and the page shows ${say(page.text)} and says ${say(page.news)}. The page is given: leave static/ unchanged.`,
      );
    },
  },
];
