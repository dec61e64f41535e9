// The page keeps the conversation: it sends all of it, marks what is not whole, and can
// ask again or start over.

export const place = "#messages";

const say = (text) => JSON.stringify(text);
const user = (content) => ({ role: "user", content });
const assistant = (content) => ({ role: "assistant", content });

/** Return the roles and texts that a question carries. */
function sent(question) {
  const turns = question.json?.messages;
  if (!Array.isArray(turns) || turns.some((turn) => !turn)) return undefined;
  return turns.map(({ role, content }) => ({ role, content }));
}

/** Return what a question carries in short: user: One? / assistant: First. */
function body(question) {
  const turns = sent(question)?.map(({ role, content }) => `${role}: ${content}`);
  return turns?.join(" / ") ?? question.body;
}

/** Press a button. */
function press(page, id, label) {
  const button = page.document.querySelector(id);
  page.must(button, `The page has no <button type="button" id="${id.slice(1)}">${label}</button>.`);
  page.must(!button.disabled, `The button "${label}" is disabled.`);
  button.click();
}

/** Press "Ask again", and return the question that comes of it. */
async function askAgain(page) {
  const before = page.questions.length;
  press(page, "#again", "Ask again");
  await page.soon(() => page.questions.length > before);
  page.must(page.questions.length > before, 'Someone pressed "Ask again", but the page sent no request. Make form.again listen for "click", and call answer() there.');
  const question = page.questions.at(-1);
  await question.read;
  return question;
}

/** Ask, and return the question when this text of its answer is on the page. */
async function begun(page, prompt, text) {
  const answer = (await page.ask(prompt)).send(text);
  await page.soon(() => page.text.endsWith(text));
  page.must(
    page.text.includes(text),
    `The server had sent ${say(text)} and was still writing, and #messages shows ${say(page.text)}. Append each piece to its message.`,
  );
  return answer;
}

/** Ask, and let the answer come whole. */
async function whole(page, prompt, text) {
  const answer = (await begun(page, prompt, text)).end();
  await ended(page);
  return answer;
}

/** Wait until no answer is being written. */
async function ended(page) {
  await page.soon(() => page.answer.ariaBusy !== "true");
  page.must(
    page.answer.ariaBusy !== "true",
    "The answer has ended, but #messages is still marked as busy. At its end, answer() has to call say(...) if its turn is still the last one in messages. Check whether your code also uses the name messages or turn for something else.",
  );
}

/** The last message as the page shows it, with its marks. */
const last = (page) => page.answer.lastElementChild?.outerHTML ?? page.answer.innerHTML;

/** Return how the page shows a whole answer with this text. */
async function shownWhole(page, text) {
  await whole(page, "Hello?", text);
  return last(page);
}

export const checks = [
  {
    sentence: "The page sends everything that was said, in order",
    async run(page) {
      const first = await page.ask("One?");
      const last = sent(first)?.at(-1);
      page.must(
        last?.role !== "assistant",
        `The user asked "One?", and the server got "${body(first)}": the list already contains the new, empty answer. ask() reads its list a moment later. Make a separate list for it with turns.map(...), before you add the answer.`,
      );
      page.must(
        say(sent(first)) === say([user("One?")]),
        `The user asked "One?", and the server got ${first.body}. Send {"messages":[{"role":"user","content":"One?"}]}.${first.body.includes("[null]") ? " Put parentheses around an object that => returns: ({ role, content })." : ""}`,
      );
      page.must(
        !("node" in first.json.messages[0]),
        `The user asked "One?", and the server got ${first.body}. The node is only for the page. Send a list of objects with nothing but role and content, made with turns.map(...).`,
      );
      first.send("First.").end();
      await page.soon(() => page.text.includes("First."));
      await ended(page);
      const second = await page.ask("Two?");
      const expected = [user("One?"), assistant("First."), user("Two?")];
      page.must(
        say(sent(second)) === say(expected),
        `"One?" was answered "First.", and then the user asked "Two?". Expected "user: One? / assistant: First. / user: Two?", but the server got "${body(second)}". Keep each question and each answer in one list, and send the list.`,
      );
      second.send("Second.").end();
      await page.soon(() => page.text.includes("Second."));
      await ended(page);
      const third = await page.ask("Three?");
      page.must(
        say(sent(third)) === say([...expected, assistant("Second."), user("Three?")]),
        `With the third question, expected all five turns from "user: One?" on, but the server got "${body(third)}". Send all of them. The server drops what is too much.`,
      );
      const names = third.json.messages.flatMap((turn) => Object.keys(turn));
      const extra = names.find((name) => !["role", "content", "parts", "id"].includes(name));
      page.must(
        !extra,
        `With the third question, the server got messages with a field ${say(extra)}: ${third.body}. Send objects with nothing but role and content, made with turns.map(...).`,
      );
    },
  },
  {
    sentence: "The whole conversation is on the page, while it grows",
    async run(page) {
      await whole(page, "One?", "First.");
      const answer = await begun(page, "Two?", "Sec");
      answer.send("ond.");
      await page.soon(() => page.text.endsWith("Second."));
      const words = page.text.replace(/\s+/g, " ");
      page.must(
        /One\?.*First\..*Two\?.*Second\./.test(words),
        `The conversation has two questions and two answers, and #messages shows ${say(words)}. Keep what was said, and add to it.`,
      );
      const { whiteSpace } = page.window.getComputedStyle(page.answer.lastElementChild ?? page.answer);
      page.must(
        ["pre-wrap", "pre", "break-spaces"].includes(whiteSpace),
        "The browser collapses line breaks and indents into spaces. Give #messages white-space: pre-wrap in static/style.css.",
      );
    },
  },
  {
    sentence: "A stopped answer stays in the conversation, marked",
    async run(page) {
      const unmarked = await shownWhole(page, "Half an");
      const answer = await begun(page, "Hello?", "Half an");
      press(page, "#stop", "Stop");
      await page.soon(() => answer.hungUp);
      page.must(answer.hungUp, "Someone pressed Stop, but the connection is still open. Pass the signal to fetch.");
      await ended(page);
      page.must(
        page.text.includes("Half an", page.text.lastIndexOf("Hello?")),
        `"Half an" had arrived when someone pressed Stop, and now #messages shows ${say(page.text)}. Keep the text that has arrived.`,
      );
      page.must(
        last(page) !== unmarked,
        'An answer was stopped after "Half an", but it looks complete in the conversation. Mark the message when signal.aborted is true, too.',
      );
      const next = await page.ask("And?");
      page.must(
        sent(next)?.at(-2)?.content === "Half an",
        `An answer was stopped after "Half an", and then the user asked "And?". The server got "${body(next)}". Send the text that had arrived, too: it is part of the conversation.`,
      );
    },
  },
  {
    sentence: "A broken answer stays in the conversation, marked",
    async run(page) {
      const unmarked = await shownWhole(page, "Half an");
      const answer = await begun(page, "Hello?", "Half an");
      answer.breakOff();
      await ended(page);
      page.must(
        page.text.includes("Half an", page.text.lastIndexOf("Hello?")) && last(page) !== unmarked,
        'The connection broke after "Half an", but the answer looks complete in the conversation. Keep the text that has arrived, and mark the message in catch.',
      );
      const again = await askAgain(page);
      again.send("Half an\n[error: It failed.]\n").end();
      await page.soon(() => page.text.includes("It failed."));
      await ended(page);
      page.must(
        last(page).replace("\n[error: It failed.]\n", "") !== unmarked,
        'The answer ended with the server\'s line "[error: It failed.]", but it looks complete in the conversation. Look for that line, and mark the message: some browsers take a broken body for a complete one.',
      );
      const next = await page.ask("And?");
      page.must(
        sent(next)?.at(-2)?.content === "Half an",
        `An answer ended with the server's line "[error: It failed.]", and then the user asked "And?". The server got "${body(next)}". Remove that line from the turn: the model did not say it.`,
      );
    },
  },
  {
    sentence: "A refusal is shown in the server's words",
    async run(page) {
      const sentence = "Ask again in 4 s.";
      const refused = { status: 429, text: say({ error: sentence }), type: "application/json" };
      await page.ask("Hello?", refused);
      await page.soon(() => `${page.words} ${last(page)}`.includes(sentence));
      page.must(
        `${page.words} ${last(page)}`.includes(sentence),
        `The server refused with {"error": ${say(sentence)}}, but the page does not show the sentence. If response.ok is false, throw new Error((await response.json()).error).`,
      );
      page.must(!page.text.includes('{"error"'), "The page shows the refusal's JSON as an answer. Check response.ok before you read the body.");
    },
  },
  {
    sentence: "Ask again removes the last answer and asks for another",
    async run(page) {
      press(page, "#again", "Ask again");
      await page.soon(() => page.questions.length || page.problems.length);
      page.must(
        !page.questions.length && !page.problems.length,
        `Someone pressed "Ask again" before anything was said, and the page ${page.questions.length ? "sent a request anyway" : "broke"}. Return if turns.length is 0.`,
      );
      await whole(page, "One?", "First.");
      await whole(page, "Two?", "Bad.");
      const again = await askAgain(page);
      const expected = [user("One?"), assistant("First."), user("Two?")];
      page.must(
        say(sent(again)) === say(expected),
        `Someone pressed "Ask again" after "Two?" had been answered "Bad.". Expected "user: One? / assistant: First. / user: Two?", but the server got "${body(again)}". Remove the last answer from the list, and ask.`,
      );
      again.send("Good.").end();
      await page.soon(() => page.text.includes("Good."));
      page.must(
        !page.text.includes("Bad.") && page.text.split("Two?").length === 2,
        `After "Ask again", #messages shows ${say(page.text)}. Remove the last answer there, too, and keep the question.`,
      );
    },
  },
  {
    sentence: "A new conversation begins empty",
    async run(page) {
      await whole(page, "One?", "First.");
      const old = await begun(page, "Two?", "Sec");
      press(page, "#fresh", "New conversation");
      await page.soon(() => old.hungUp && !page.text.trim());
      page.must(old.hungUp, "A new conversation started while an answer was being written, but its connection is still open. Abort it.");
      page.must(
        page.answer.ariaBusy !== "true",
        "A new conversation started while an answer was being written, and #messages is still marked as busy. Call say(...) with the new state.",
      );
      page.must(!page.text.trim(), `A new conversation started, and #messages shows ${say(page.text)}. Empty it.`);
      const next = await page.ask("Three?");
      page.must(
        say(sent(next)) === say([user("Three?")]),
        `A new conversation started with "Three?", and the server got "${body(next)}". Empty the list, too.`,
      );
    },
  },
  {
    sentence: "A new question stops the old answer",
    async run(page) {
      const old = await begun(page, "One?", "Fir");
      const fresh = await page.ask("Two?");
      await page.soon(() => old.hungUp);
      page.must(old.hungUp && !fresh.hungUp, "A new question came while an answer was being written. Close the connection of the old answer, and only that one.");
      fresh.send("Second.");
      await page.soon(() => page.text.endsWith("Second."));
      page.must(
        page.text.endsWith("Second.") && page.answer.ariaBusy === "true",
        `A new question came, and "Second." of its answer has arrived. #messages shows ${say(page.text)}. It must be marked as busy until the new answer has ended.`,
      );
      const third = await page.ask("Three?");
      const expected = [user("One?"), assistant("Fir"), user("Two?"), assistant("Second."), user("Three?")];
      page.must(
        say(sent(third)) === say(expected),
        `The user asked "Two?" when "Fir" of the first answer had come, and "Three?" when "Second." had come. The server got "${body(third)}". Expected all five turns in order. In answer(), change only its own turn, which may not be the last one in the list.`,
      );
      third.end();
      await ended(page);
    },
  },
  {
    sentence: "Markup stays text, and letters stay whole",
    async run(page) {
      (await page.ask("<i>Hello?</i>")).send("<b>Yes.</b>").end();
      await ended(page);
      for (const markup of ["<i>Hello?</i>", "<b>Yes.</b>"]) {
        page.must(
          page.text.includes(markup),
          `The message was ${say(markup)}, and #messages shows ${say(page.text)}. Use append(text) or textContent, which show text as it is. innerHTML turns it into markup.`,
        );
      }
      press(page, "#fresh", "New conversation");
      const text = "<b>Tragödie</b> 👋";
      const bytes = new TextEncoder().encode(text);
      for (let cut = 1; cut < bytes.length; cut++) {
        const answer = await page.ask("<i>Hello?</i>");
        page.must(
          page.text.includes("<i>Hello?</i>"),
          `The user asked "<i>Hello?</i>", and #messages shows ${say(page.text)}. Append the question as text.`,
        );
        answer.send(bytes.slice(0, cut)).send(bytes.slice(cut)).end();
        await page.soon(() => page.text.endsWith(text));
        page.must(
          page.text.endsWith(text),
          `The server sent ${say(text)}. Cut after byte ${cut}, the page showed ${say(page.text.slice(-text.length - 4))}. Append text that is decoded with { stream: true }.`,
        );
        await ended(page);
        press(page, "#fresh", "New conversation");
      }
      const answer = await page.ask("Hello?");
      answer.send(new TextEncoder().encode("Cut 👋").slice(0, -1)).end();
      await ended(page);
      page.must(
        page.text.endsWith("Cut \ufffd"),
        `The answer ended inside a letter, but #messages shows ${say(page.text)}. Call decoder.decode() once more at the end: it returns what the decoder held back.`,
      );
    },
  },
];
