// The page reads chunks of an OpenAI stream, wherever the bytes are cut.

const say = (text) => JSON.stringify(text);
const TYPE = { type: "text/event-stream" };

/** Return chunks as a server sends them; another server than ours may write UTF-8. */
function events(...deltas) {
  const last = deltas.pop();
  const choices = deltas.map((content) => ({ index: 0, delta: { content }, finish_reason: null }));
  choices.push({ index: 0, delta: {}, finish_reason: last });
  return choices.map((choice) => `data: ${JSON.stringify({ choices: [choice] })}\n\n`).join("");
}

const TEXT = "Tragödie\n👋";
const WHOLE = new TextEncoder().encode(`${events("Trag", "ödie\n👋", "stop")}data: [DONE]\n\n`);

/** What the page says about an answer that is not whole. */
function problem(page) {
  const place = page.document.querySelector("#problem");
  page.must(place, 'The page has no place for problems: <p id="problem" role="alert"></p>.');
  return place.textContent.trim();
}

export const checks = [
  {
    sentence: "The page asks as an OpenAI client does",
    async run(page) {
      const headers = [];
      const { Request } = page.window;
      page.window.Request = class extends Request {
        constructor(...request) {
          super(...request);
          headers.push(this.headers.get("Authorization"));
        }
      };
      const question = await page.ask("Why flush?", TYPE);
      const address = new URL("v1/chat/completions", page.address);
      page.must(
        question.url === address.href,
        `The page asks ${new URL(question.url).pathname}. Expected ${address.pathname}: write fetch("v1/chat/completions"), without a leading slash.`,
      );
      const { model, messages, stream } = question.json ?? {};
      page.must(
        model === "practice" && stream === true && say(messages) === say([{ role: "user", content: "Why flush?" }]),
        `The page sent ${question.body}. Expected the model "practice", stream true, and messages with one message of role "user".`,
      );
      page.must(
        /^Bearer ./.test(headers.at(-1)),
        `The page sent the Authorization ${say(headers.at(-1))}. Expected "Bearer " and the key.`,
      );
    },
  },
  {
    sentence: "The first text is on the page before the second is made",
    async run(page) {
      const answer = await page.ask("Hello?", TYPE);
      answer.send(events("one", null));
      await page.soon(() => page.text.includes("one"));
      page.must(
        page.text === "one",
        `The server had sent a chunk with "one" and was still writing, and the page showed ${say(page.text)}. Append choices[0].delta.content of each chunk as it arrives.`,
      );
      answer.send(events(" two", "stop")).send("data: [DONE]\n\n").end();
      await page.soon(() => page.text !== "one");
      page.must(page.text === "one two", `The server sent "one", then " two". The page shows ${say(page.text)}. Append each delta to the text that is there.`);
    },
  },
  {
    sentence: "The answer is whole, wherever it is cut",
    async run(page) {
      for (let cut = 1; cut < WHOLE.length; cut++) {
        const answer = await page.ask("Hello?", TYPE);
        answer.send(WHOLE.slice(0, cut)).send(WHOLE.slice(cut)).end();
        await page.soon(() => page.text === TEXT || problem(page));
        page.must(
          page.text === TEXT && !problem(page),
          `The server sent ${say(TEXT)} in two chunks. Cut after byte ${cut} of ${WHOLE.length}, the page showed ${say(page.text)}${problem(page) && ` and said ${say(problem(page))}`}. A read can end inside a line. Keep what follows the last line end, and put it before the next read.`,
        );
      }
    },
  },
  {
    sentence: "The answer is whole even if it comes byte by byte",
    async run(page) {
      const answer = await page.ask("Hello?", TYPE);
      for (const byte of WHOLE) answer.send([byte]);
      answer.end();
      await page.soon(() => page.text === TEXT);
      page.must(
        page.text === TEXT,
        `The server sent ${say(TEXT)} byte by byte, and the page showed ${say(page.text)}. Keep an incomplete line for the next read.`,
      );
    },
  },
  {
    sentence: "Comments and chunks without choices are not text",
    async run(page) {
      const answer = await page.ask("Hello?", TYPE);
      answer.send(": still here\n\n").send(events("one", "stop"));
      answer.send('data: {"choices": [], "usage": {"total_tokens": 3}}\n\ndata: [DONE]\n\n').end();
      await page.soon(() => page.text === "one" && page.answer.ariaBusy !== "true");
      page.must(
        page.text === "one" && !problem(page),
        `The server sent a comment, a chunk with "one", and a usage chunk without choices. The page shows ${say(page.text)} and says ${say(problem(page))}. Read only data: lines, and use choices[0]?.delta.`,
      );
    },
  },
  {
    sentence: "After a failure in mid-answer, the page keeps the text and says so",
    async run(page) {
      const answer = await page.ask("Hello?", TYPE);
      answer.send(events("Half", null)).send('data: {"error": {"message": "The model left."}}\n\n').end();
      await page.soon(() => problem(page));
      page.must(
        page.text === "Half" && problem(page).includes("The model left."),
        `The server sent "Half", then an event with the error "The model left.". The page shows ${say(page.text)} and says ${say(problem(page))}. Throw an Error with its message.`,
      );
    },
  },
  {
    sentence: "An answer without a good finish reason does not look complete",
    async run(page) {
      for (const reason of ["length", null]) {
        const answer = await page.ask("Hello?", TYPE);
        answer.send(events("Half", reason)).end();
        await page.soon(() => problem(page));
        page.must(
          problem(page),
          `The answer ended with the finish_reason ${say(reason)}, but the page says nothing, so half an answer looks complete. Only "stop" means that it is complete: throw an Error for any other reason.`,
        );
      }
    },
  },
  {
    sentence: "A refusal is shown in the server's words",
    async run(page) {
      const text = say({ error: { message: "Ask again in 4 s.", type: "rate_limit_error", param: null, code: null } });
      await page.ask("Hello?", { status: 429, text, type: "application/json" });
      await page.soon(() => problem(page));
      page.must(
        problem(page).includes("Ask again in 4 s."),
        `The server refused with status 429 and the message "Ask again in 4 s.", and the page says ${say(problem(page))}. If response.ok is false, throw an Error with error.message from the JSON.`,
      );
    },
  },
];
