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
        `The page asks ${new URL(question.url).pathname}, and its server is at ${pathname}: fetch("ask") without a slash first, so that it runs below any address.`,
      );
      page.must(
        question.method === "POST",
        `The page asks with ${question.method}: give fetch method: "POST".`,
      );
      page.must(
        question.type.startsWith("application/json"),
        `The question goes out as ${say(question.type)}, which the server refuses: give fetch headers: { "Content-Type": "application/json" }.`,
      );
      page.must(
        question.json?.prompt === "Why flush?",
        `The server needs {"prompt":"Why flush?"} and got ${question.body}: body: JSON.stringify({ prompt }), with the text that was typed, form.prompt.value.`,
      );
      const asked = page.questions.length;
      page.must(
        asked === 1,
        `The button was pressed once, and the page asked ${asked} times: a press of the button sends the form, so listen to the form's submit event and not to the button's click as well.`,
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
        'Enter in the form reloads the page, as the button has type="button": leave the type out, and listen to the form\'s submit event.',
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
      page.must(!bytes, `The page shows ${say(page.text)}, which are bytes: decode them with a TextDecoder.`);
      page.must(
        came || !answer.whole,
        `The server had sent "one" and was still writing, and the page showed nothing: response.${answer.whole}() waits for the whole body. Read it with response.body.getReader().`,
      );
      page.must(
        came,
        `The server had sent "one" and was still writing, and the page showed ${say(page.text)}: read the answer with response.body.getReader(). Each read() brings { done, value }: append the text of value to #answer in the loop, until it says done.`,
      );
      answer.send(" two");
      await page.soon(() => page.text.includes("two"));
      page.must(
        page.text.trim() !== "two",
        'After "one" came " two", and the page shows "two" alone: append each piece, and keep what is there.',
      );
      page.must(
        page.text === "one two",
        `The server sent "one" and " two", and the page shows ${say(page.text)}: append each piece as it came.`,
      );
      answer.end();
      await page.settle();
      page.must(
        page.text === "one two",
        `The answer had ended after "one two", and then the page shows ${say(page.text)}: when read() says done there is no value. Leave the loop first, then append.`,
      );
    },
  },
  {
    sentence: "Letters are letters, whatever their language",
    async run(page) {
      const text = "Tragödie, 語, 👋!";
      const answer = await page.ask("Hello?");
      answer.send(text);
      await page.soon(() => page.text === text);
      answer.end();
      page.must(
        page.text === text,
        `The server sent ${say(text)}, and the page shows ${say(page.text)}: a letter can be several bytes, which new TextDecoder() puts together and String.fromCharCode does not.`,
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
        `After "one" came " two", and a person sees ${say(seen)}: each piece has a line of its own. Add the text itself with append(text), and no element around it.`,
      );
    },
  },
  {
    sentence: "A whole answer is not reported as a problem",
    async run(page) {
      const answer = await page.ask("Hello?");
      answer.send("All of it.").end();
      await page.soon(() => page.answer.ariaBusy !== "true" || page.complaint);
      page.must(
        !page.complaint,
        "The answer came whole, and the page complains: after read() says done the loop just ends.",
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
        `The server sent ${say(pieces.join(""))}, and the page shows ${say(page.text)}: append(text) keeps every space, innerText does not.`,
      );
      const { whiteSpace } = page.window.getComputedStyle(page.answer);
      page.must(
        ["pre-wrap", "pre", "break-spaces"].includes(whiteSpace),
        "The browser folds the answer's line breaks and indents into spaces: #answer wants white-space: pre-wrap in static/style.css.",
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
        `The model wrote ${say(text)} and the page shows ${say(page.text)}: it took the model's words for its own markup. append(text) adds text and only text.`,
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
        `While 20 pieces came, the page removed the text that was there ${removed} times and rewrote all of it: with thousands of pieces it freezes. append(text) only adds.`,
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
        "The answer is being written, and #answer is not marked as busy: set its ariaBusy to true before you ask, await ask(...), and set it to false in finally.",
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
        "The server refused with status 500, and the page shows its error page as the answer: look at response.ok before you read.",
      );
      page.must(
        page.words !== before || page.text,
        "The server refused with status 500, and the page says nothing: throw an Error unless response.ok, await ask(...) in a try, and write what it throws into #problem.",
      );
      page.must(
        !page.words.includes("${"),
        `The server refused with status 500, and the page says ${say(page.complaint)}: \${...} works between backquotes only.`,
      );
      page.must(
        !/undefined|\[object/.test(page.words),
        `The server refused with status 500, and the page says ${say(page.news)}: what is thrown has a message if it is an Error. Write throw new Error(...), and show error.message.`,
      );
      page.must(
        page.alerts.length === 0,
        `The server refused with status 500, and the page calls alert(${say(page.alerts[0])}): such a window stops the whole page, and once closed it is gone. Write the sentence into #problem.`,
      );
      page.must(
        page.document.querySelector('[role^="alert"], [role="status"], [aria-live], dialog'),
        `The page says ${say(page.news)}, and a screen reader does not read it out: give its place in index.html role="alert".`,
      );
    },
  },
  {
    sentence: "An answer that breaks off keeps what came, and says so",
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
        `The connection broke after "Half an", and the page shows ${say(page.text)}: keep what came.`,
      );
      page.must(
        seen(),
        'The connection broke after "Half an", and the page says nothing, so half an answer looks whole: catch what read() throws, and write it into #problem.',
      );
    },
  },
  {
    sentence: "A server that cannot be reached is named in words",
    async run(page) {
      const before = page.words;
      await page.ask("Hello?", { unreachable: true });
      await page.soon(() => page.words !== before || page.text);
      page.must(
        page.words !== before || page.text,
        "The server could not be reached, and the page says nothing: put the try around fetch too, and write what happened into #problem.",
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
        "While an answer was being written the button was pressed again, and a second one began to write into its place: set the button's disabled to true before you ask, and to false in finally.",
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
          `After ${name} the button stays disabled, so nobody can ask again: enable it in finally.`,
        );
        page.must(
          ready(),
          `After ${name} #answer is still marked as busy, with dots after it: set ariaBusy to false in finally.`,
        );
      }
      const before = page.words; // with what it says of the answer that broke off
      const last = await page.ask("Four?");
      last.send("fourth");
      await page.soon(() => page.text.includes("fourth"));
      last.end();
      page.must(
        page.text === "fourth",
        `The next answer was "fourth", and the page shows ${say(page.text)}: empty #answer before you ask.`,
      );
      await page.soon(() => page.answer.ariaBusy !== "true");
      page.must(
        !page.complaint && (page.words === clean || page.words !== before),
        `An answer broke off, the next one came whole, and the page still says ${say(page.complaint || page.words)}: empty #problem before you ask.`,
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
          `The server refused with status ${status}, and the page shows its error page as the answer: any other status than 200 is a refusal. response.ok is true for the statuses from 200 to 299 only.`,
        );
      }
    },
  },
];
