// The page asks, shows the answer while it arrives, and says what went wrong.

const SENDS = 'button:not([type="button"], [type="reset"]), input[type="submit"]';
const say = (text) => JSON.stringify(text);

export const checks = [
  {
    sentence: "The page sends the question to the server",
    async run(page) {
      const question = await page.ask("Why flush?");
      const { pathname } = new URL("ask", page.address);
      page.must(
        question.url === new URL("ask", page.address).href,
        `The page asks ${new URL(question.url).pathname}. Expected ${pathname}: write fetch("ask"), without a leading slash, so that the page works at any address.`,
      );
      page.must(
        question.method === "POST",
        `The page sends a ${question.method} request. Pass method: "POST" to fetch.`,
      );
      page.must(
        question.type.startsWith("application/json"),
        `The page sends the type ${say(question.type)}, which the server refuses. Pass headers: { "Content-Type": "application/json" } to fetch.`,
      );
      page.must(
        question.json?.prompt === "Why flush?",
        `Expected the body {"prompt":"Why flush?"}, got ${question.body}. Write body: JSON.stringify({ prompt }), where prompt is the typed text, form.prompt.value.`,
      );
      const asked = page.questions.length;
      page.must(
        asked === 1,
        `The button was pressed once, but the page asked ${asked} times. A press of the button already submits the form. Listen only to the form's submit event, not to the button's click.`,
      );
    },
  },
  {
    sentence: "The Enter key sends the question too",
    async run(page) {
      const { form } = page;
      if (form.querySelector(SENDS)) return; // Enter presses that button
      form.requestSubmit();
      await page.soon(() => page.leaves || page.questions.length > 0);
      page.must(
        page.questions.length > 0 && !page.leaves,
        'The Enter key reloads the page, because the button has type="button". Remove the type, and listen to the form\'s submit event.',
      );
    },
  },
  {
    sentence: "The first text is on the page before the second is made",
    async run(page) {
      const answer = await page.ask("Hello?");
      answer.send("one");
      const came = await page.soon(() => page.text.includes("one"));
      const bytes = /object \w*Array|111,110,101/.test(page.text);
      page.must(!bytes, `The page shows ${say(page.text)}, which are bytes. Decode them with a TextDecoder.`);
      page.must(
        came || !answer.whole,
        `The server had sent "one" and was still writing, but the page showed nothing: response.${answer.whole}() waits for the whole body. Read it with response.body.getReader().`,
      );
      page.must(
        came,
        `The server had sent "one" and was still writing, but the page showed ${say(page.text)}. Read the answer with response.body.getReader(). Each read() gives { done, value }. Append the text of value to #answer in the loop, until done is true.`,
      );
      answer.send(" two");
      await page.soon(() => page.text.includes("two"));
      page.must(
        page.text.trim() !== "two",
        'The server sent "one", then " two", but the page shows only "two". Append each piece, and keep what is there.',
      );
      page.must(
        page.text === "one two",
        `The server sent "one" and " two", and the page shows ${say(page.text)}. Append each piece as it is.`,
      );
      answer.end();
      await page.settle();
      page.must(
        page.text === "one two",
        `After the end of the answer "one two", the page shows ${say(page.text)}. When done is true, there is no value. Leave the loop before you append.`,
      );
    },
  },
  {
    sentence: "Letters of every language are shown",
    async run(page) {
      const text = "Tragödie, 語, 👋!";
      const answer = await page.ask("Hello?");
      answer.send(text);
      await page.soon(() => page.text === text);
      answer.end();
      page.must(
        page.text === text,
        `The server sent ${say(text)}, and the page shows ${say(page.text)}. One letter can be several bytes. new TextDecoder() joins them, and String.fromCharCode does not.`,
      );
    },
  },
  {
    sentence: "Pieces follow each other on the same line",
    async run(page) {
      const answer = await page.ask("Hello?");
      answer.send("one");
      await page.soon(() => page.text === "one");
      answer.send(" two");
      await page.soon(() => page.text === "one two");
      answer.end();
      const isArea = page.answer.nodeName === "TEXTAREA"; // which has no elements in it
      const seen = isArea ? page.text : page.answer.innerText;
      page.must(
        seen === "one two",
        `The server sent "one", then " two", and the reader sees ${say(seen)}: each piece is on a line of its own. Add the text itself with append(text), without an element around it.`,
      );
    },
  },
  {
    sentence: "A complete answer is not reported as a problem",
    async run(page) {
      const answer = await page.ask("Hello?");
      answer.send("All of it.").end();
      await page.soon(() => page.answer.ariaBusy !== "true" || page.complaint);
      page.must(
        !page.complaint,
        "The answer was complete, but the page complains. When done is true, just leave the loop.",
      );
    },
  },
  {
    sentence: "Spaces, line breaks and indents survive",
    async run(page) {
      const pieces = ["Hello ", "world ", "again:\n", "\n", "    x = 1\n", "done"];
      const answer = await page.ask("Hello?");
      for (const piece of pieces) {
        answer.send(piece);
        await page.soon(() => page.text.endsWith(piece));
      }
      answer.end();
      page.must(
        page.text === pieces.join(""),
        `The server sent ${say(pieces.join(""))}, and the page shows ${say(page.text)}. Use append(text), which keeps every space. innerText does not.`,
      );
      const { whiteSpace } = page.window.getComputedStyle(page.answer);
      page.must(
        ["pre-wrap", "pre", "break-spaces"].includes(whiteSpace),
        "The browser collapses the answer's line breaks and indents into spaces. Give #answer white-space: pre-wrap in static/style.css.",
      );
    },
  },
  {
    sentence: "Markup stays text",
    async run(page) {
      const text = "Use <b>bold</b> & <i>italics</i>.";
      const answer = await page.ask("Hello?");
      answer.send("Use <b>bold</b>").send(" & <i>italics</i>.");
      await page.soon(() => page.text.endsWith("italics</i>."));
      answer.end();
      const made = page.answer.querySelector("b, i");
      page.must(
        !made && page.text === text,
        `The model wrote ${say(text)}, and the page shows ${say(page.text)}: it took the model's text for markup. Use append(text), which adds text and never markup.`,
      );
    },
  },
  {
    sentence: "The text on the page is not rewritten for each piece",
    async run(page) {
      const answer = await page.ask("Hello?");
      answer.send("0");
      await page.soon(() => page.text);
      let removed = 0;
      const count = (records) => {
        for (const record of records) removed += record.removedNodes.length;
      };
      const observer = new page.window.MutationObserver(count);
      observer.observe(page.answer, { childList: true, subtree: true });
      for (let n = 1; n <= 20; n++) {
        answer.send(`${n} `);
        await page.soon(() => page.text.endsWith(`${n} `));
      }
      answer.end();
      count(observer.takeRecords());
      observer.disconnect();
      page.must(
        removed < 10,
        `While 20 pieces came, the page removed and rewrote the whole text ${removed} times. With thousands of pieces it would freeze. Use append(text), which only adds.`,
      );
    },
  },
  {
    sentence: "While an answer is being written, the page says so",
    async run(page) {
      const answer = await page.ask("Hello?");
      answer.send("one");
      await page.soon(() => page.text === "one");
      page.must(
        page.answer.ariaBusy === "true",
        "The answer is being written, but #answer is not marked as busy. Set its ariaBusy to true before you ask, write await ask(...), and set it to false in finally.",
      );
      answer.end();
    },
  },
  {
    sentence: "A refusal is shown in words",
    async run(page) {
      const before = page.words;
      await page.ask("Hello?", { status: 500, text: "Internal Server Error" });
      await page.soon(() => page.words !== before || page.text);
      page.must(
        !page.text.includes("Internal Server Error"),
        "The server refused with status 500, but the page shows the error page as the answer. Check response.ok before you read.",
      );
      page.must(
        page.words !== before || page.text,
        "The server refused with status 500, but the page says nothing. Throw an Error if response.ok is false. Put await ask(...) in a try, and write the error's message into #problem.",
      );
      page.must(
        !page.words.includes("${"),
        `The server refused with status 500, and the page says ${say(page.complaint)}. \${...} works only between backquotes.`,
      );
      page.must(
        !/undefined|\[object/.test(page.words),
        `The server refused with status 500, and the page says ${say(page.news)}. Only an Error has a message. Write throw new Error(...), and show error.message.`,
      );
      page.must(
        page.alerts.length === 0,
        `The server refused with status 500, and the page calls alert(${say(page.alerts[0])}). That blocks the whole page, and the message is gone once it is closed. Write the sentence into #problem.`,
      );
      page.must(
        page.document.querySelector('[role^="alert"], [role="status"], [aria-live], dialog'),
        `The page says ${say(page.news)}, but a screen reader does not announce it. Give its element in index.html role="alert".`,
      );
    },
  },
  {
    sentence: "When an answer breaks off, the page keeps the text and says so",
    async run(page) {
      const before = page.words;
      const answer = await page.ask("Hello?");
      answer.send("Half an");
      await page.soon(() => page.text.includes("Half an"));
      const meanwhile = page.words;
      answer.breakOff();
      const seen = () => ![before, meanwhile].includes(page.words) || page.text.length > 7;
      await page.soon(seen);
      page.must(
        page.text.startsWith("Half an"),
        `The connection broke after "Half an", and the page shows ${say(page.text)}. Keep the text that has arrived.`,
      );
      page.must(
        seen(),
        'The connection broke after "Half an", but the page says nothing, so half an answer looks complete. Catch what read() throws, and write its message into #problem.',
      );
    },
  },
  {
    sentence: "A server that cannot be reached is reported in words",
    async run(page) {
      const before = page.words;
      await page.ask("Hello?", { unreachable: true });
      await page.soon(() => page.words !== before || page.text);
      page.must(
        page.words !== before || page.text,
        "The server could not be reached, but the page says nothing. Put fetch inside the try, too, and write what happened into #problem.",
      );
    },
  },
  {
    sentence: "While an answer is being written, no second one writes into it",
    async run(page) {
      const answer = await page.ask("Hello?");
      answer.send("one");
      await page.soon(() => page.text.includes("one"));
      const { button, questions } = page;
      const canBePressed = button?.checkVisibility() && !button.closest("[inert]");
      if (canBePressed) button.click();
      answer.send(" two");
      await page.soon(() => answer.hungUp || page.text.includes("two"));
      page.must(
        questions.length === 1 || answer.hungUp,
        "The button was pressed again while an answer was being written, and a second answer started to write into the same place. Set the button's disabled to true before you ask, and to false in finally.",
      );
      answer.end();
    },
  },
  {
    sentence: "However an answer ends, the next question can be asked",
    async run(page) {
      const clean = page.words;
      const ends = {
        "an answer": async () => (await page.ask("One?")).send("first").end(),
        "a refusal": () => page.ask("Two?", { status: 500, text: "Error" }),
        "an answer that broke off": async () => {
          const answer = (await page.ask("Three?")).send("third");
          await page.soon(() => page.text.includes("third"));
          answer.breakOff();
        },
      };
      for (const [name, end] of Object.entries(ends)) {
        await end();
        const ready = () => !page.button?.disabled && page.answer.ariaBusy !== "true";
        await page.soon(ready);
        page.must(
          !page.button?.disabled,
          `After ${name} the button stays disabled, so nobody can ask again. Enable it in finally.`,
        );
        page.must(
          ready(),
          `After ${name} #answer is still marked as busy, with dots after it. Set ariaBusy to false in finally.`,
        );
      }
      const before = page.words; // with what it says of the answer that broke off
      const last = await page.ask("Four?");
      last.send("fourth");
      await page.soon(() => page.text.includes("fourth"));
      last.end();
      page.must(
        page.text === "fourth",
        `The next answer was "fourth", and the page shows ${say(page.text)}. Empty #answer before you ask.`,
      );
      await page.soon(() => page.answer.ariaBusy !== "true");
      page.must(
        !page.complaint && (page.words === clean || page.words !== before),
        `One answer broke off and the next one was complete, but the page still says ${say(page.complaint || page.words)}. Empty #problem before you ask.`,
      );
    },
  },
  {
    sentence: "Any status but 200 is a refusal",
    async run(page) {
      for (const status of [404, 429, 503]) {
        await page.ask("Hello?", { status, text: "It was refused." });
        await page.soon(() => page.answer.ariaBusy !== "true");
        page.must(
          !page.text.includes("refused"),
          `The server refused with status ${status}, but the page shows the error page as the answer. Check response.ok, which is true only for statuses from 200 to 299.`,
        );
      }
    },
  },
];
