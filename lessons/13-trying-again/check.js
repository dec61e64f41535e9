// The page asks again when that can help, waits longer each time, and can be stopped.

const type = "text/event-stream";
const say = (value) => JSON.stringify(value);
const event = (name, detail) => `event: ${name}\ndata: ${JSON.stringify(detail)}\n\n`;
const token = (text) => event("token", { token: text });
const DONE = event("done", { finishReason: "stop" });
const USED = { promptTokens: 1000, completionTokens: 1500, totalTokens: 2500 };
const WHOLE = { type, text: token("whole") + DONE };
const MOST = 20; // questions that are answered: a page that never ends would hang
const LONG = 100; // ms; what the page waits longer for is the time before it asks again

/** Return a reply that refuses, with a sentence and maybe a Retry-After. */
function refusal(status, seconds) {
  const headers = seconds === undefined ? {} : { "Retry-After": String(seconds) };
  const text = say({ error: `Refused with ${status}.` });
  return { status, type: "application/json", text, headers };
}

/** Let the page wait no longer than a moment; return the times that it would wait. */
function hurry(page, random = 0.5) {
  const { window } = page;
  const waits = [];
  const setTimeout = window.setTimeout.bind(window);
  window.setTimeout = (does, ms = 0, ...words) => {
    if (ms >= LONG) waits.push(ms);
    return setTimeout(does, ms >= LONG ? 0 : ms, ...words);
  };
  window.Math.random = () => random;
  return waits;
}

/** Let each longer wait of the page last for ever; return what would end them. */
function hold(page) {
  const { window } = page;
  const timers = [];
  const setTimeout = window.setTimeout.bind(window);
  window.setTimeout = (does, ms = 0, ...words) => {
    if (ms < LONG) return setTimeout(does, ms, ...words);
    timers.push(does);
    return 0;
  };
  window.Math.random = () => 0.5; // so no wait is a short one
  return timers;
}

/** Wait a little, for what should not happen. */
function aMoment() {
  return new Promise((goOn) => setTimeout(goOn, 50));
}

/** Ask, and answer each question by the next reply; return the times waited. */
async function answered(page, replies, random) {
  const waits = hurry(page, random);
  const before = page.questions.length;
  page.questions.push = (question) => {
    const asked = page.questions.length + 1 - before;
    if (asked > MOST) throw new Error("The check answers no more.");
    page.reply = replies[asked] ?? replies.at(-1);
    return Array.prototype.push.call(page.questions, question);
  };
  await page.ask("Hello?", replies[0]);
  const count = () => page.questions.length - before;
  await page.soon(() => page.answer.ariaBusy !== "true" || count() > 9);
  return { waits, count: count() };
}

const button = (page, id, label) => {
  const found = page.document.querySelector(`#${id}`);
  page.must(found, `The page has no button "${label}": keep <button type="button" id="${id}">.`);
  return found;
};
const sent = (question) => question.json?.messages?.map(({ content }) => content);

export const checks = [
  {
    sentence: "A refusal that may pass is answered by asking again",
    async run(page) {
      for (const status of [503, 429, 502, 504]) {
        const { count } = await answered(page, [refusal(status), WHOLE]);
        await page.soon(() => page.text === "whole");
        page.must(
          count > 1,
          `The server refused once, with a ${status}, and the page asked only once: in ask, catch what askOnce throws. Where error.status may pass, wait and ask again.`,
        );
        page.must(
          count === 2 && page.text === "whole",
          `The server refused once, with a ${status}, and answered after that. The page asked ${count} times, and shows ${say(page.text)}: leave the loop when the answer was whole.`,
        );
        page.must(
          !page.complaint,
          `The second try brought the whole answer, and the page still says ${say(page.complaint)}: a refusal that was followed by a try is no error.`,
        );
      }
    },
  },
  {
    sentence: "Whoever cannot be reached, or breaks off before a token, is asked again",
    async run(page) {
      const late = event("error", { error: "Busy.", code: 503 }) + DONE;
      const ways = {
        "The server could not be reached": { unreachable: true },
        "An error event with the code 503 came before any token": { type, text: late },
        "The stream ended before any token": { type, text: ": heartbeat\n" },
      };
      for (const [what, reply] of Object.entries(ways)) {
        const { count } = await answered(page, [reply, WHOLE]);
        page.must(
          count === 2,
          `${what}, and the page asked ${count} time(s), expected was 2: askOnce throws a Refusal for each, with the status 0 where there was none.`,
        );
      }
    },
  },
  {
    sentence: "A refusal that stays is not answered by asking again",
    async run(page) {
      for (const status of [400, 401, 403, 404, 413, 415]) {
        const { count } = await answered(page, [refusal(status)]);
        page.must(
          count === 1,
          `The server refused with a ${status}, which will be the same next time, and the page asked ${count} times: ask again after 429, 502, 503 and 504, and when there was no status.`,
        );
        page.must(
          page.words.includes(`Refused with ${status}.`),
          `The server refused with the sentence "Refused with ${status}.", and the page says ${say(page.words)}: throw the error on, and it is shown.`,
        );
      }
      const late = event("error", { error: "Wrong.", code: 400 }) + DONE;
      const { count } = await answered(page, [{ type, text: late }]);
      page.must(
        count === 1,
        `An error event with the code 400 came, and the page asked ${count} times: look at error.status, wherever it came from.`,
      );
    },
  },
  {
    sentence: "It gives up, with the server's sentence",
    async run(page) {
      const { count } = await answered(page, [refusal(503)]);
      page.must(
        count <= 9,
        "The server refused each time, and the page asks again and again, for ever: throw the error when attempt > maxRetries.",
      );
      page.must(
        count === 4,
        `The server refused each time, and the page asked ${count} times, expected was 4: once, and 3 times again (maxRetries = 3).`,
      );
      page.must(
        page.words.includes("Refused with 503."),
        `The page gave up, and says ${say(page.words)}: throw the last error, whose sentence is the server's.`,
      );
    },
  },
  {
    sentence: "It does not ask before the wait is over",
    async run(page) {
      const timers = hold(page);
      await page.ask("Hello?", refusal(503));
      await page.soon(() => timers.length > 0 || page.questions.length > 1);
      await aMoment();
      page.must(
        timers.length > 0,
        "The server refused, and the page asked again without a wait: await pause(delay, signal) before the next attempt.",
      );
      page.must(
        page.questions.length === 1,
        "The page began to wait, and asked again before the wait was over: pause gives a promise, so write await pause(delay, signal).",
      );
    },
  },
  {
    sentence: "It waits, and longer each time",
    async run(page) {
      const { waits } = await answered(page, [refusal(503)], 0.9);
      page.must(
        waits.length === 3,
        `The page asked again three times, and waited ${waits.length} time(s) before: await pause(delay, signal) before each.`,
      );
      page.must(
        waits[1] > waits[0] && waits[2] > waits[1],
        `The page waited ${waits.map(Math.round).join(", ")} ms: a server that has too much to do needs time. Double the longest wait each time.`,
      );
      page.must(
        waits[2] <= 20000,
        `The third wait was ${Math.round(waits[2])} ms: let none be longer than maxDelay.`,
      );
    },
  },
  {
    sentence: "How long it waits is random",
    async run(page) {
      const few = (await answered(page, [refusal(503), WHOLE], 0.3)).waits[0];
      const many = (await answered(page, [refusal(503), WHOLE], 0.8)).waits[0];
      page.must(
        few !== many,
        `With Math.random() at 0.3 and at 0.8 the page waited ${many} ms each time: all clients that were refused together come back together. Wait a random share of the longest wait.`,
      );
    },
  },
  {
    sentence: "It waits at least as long as the server says",
    async run(page) {
      const { waits } = await answered(page, [refusal(429, 7), WHOLE], 0.01);
      page.must(
        waits[0] >= 7000,
        `The server said Retry-After: 7, and the page waited ${Math.round(waits[0])} ms: error.wait is that time in ms; add the random one to it.`,
      );
      page.must(
        waits[0] < 30000,
        `The server said Retry-After: 7, and the page waited ${Math.round(waits[0])} ms: Refusal has made milliseconds of it already.`,
      );
      const text = event("error", { error: "Busy.", code: 429, retryAfter: 7 }) + DONE;
      const late = (await answered(page, [{ type, text }, WHOLE], 0.01)).waits[0];
      page.must(
        late >= 7000,
        `An error event said "retryAfter": 7, and the page waited ${late} ms: use error.wait, wherever it came from.`,
      );
    },
  },
  {
    sentence: "After the first token it does not ask again",
    async run(page) {
      const failed = token("half") + event("error", { error: "It failed.", code: 502 });
      for (const text of [failed + DONE, token("half")]) {
        const { count } = await answered(page, [{ type, text }, WHOLE]);
        page.must(
          count === 1 && page.text === "half" && page.complaint,
          `After the token "half" the answer failed. The page asked ${count} time(s), shows ${say(page.text)} and says ${say(page.complaint)}: expected was one question, and what came. A second answer would begin anew in the middle of the first.`,
        );
      }
    },
  },
  {
    sentence: "Stop hangs up and keeps what came",
    async run(page) {
      const answer = await page.ask("Hello?", { type });
      answer.send(token("one"));
      await page.soon(() => page.text);
      button(page, "stop", "Stop").click();
      await page.soon(() => answer.hungUp && page.answer.ariaBusy !== "true");
      page.must(
        answer.hungUp,
        "Stop was pressed, and the connection is still open: in stop(), abort this.asking.",
      );
      page.must(
        page.text === "one" && page.answer.ariaBusy !== "true" && !page.complaint,
        `Stop was pressed after "one", and the page shows ${say(page.text)} and says ${say(page.complaint)}${page.answer.ariaBusy === "true" ? ", still busy" : ""}: keep what came.`,
      );
      const next = await page.ask("Hello?", { type });
      const watching = new MutationObserver(() => button(page, "stop", "Stop").click());
      watching.observe(page.answer, { childList: true });
      next.send(token("a").repeat(50));
      await page.soon(() => page.answer.ariaBusy !== "true");
      watching.disconnect();
      page.must(
        page.text.length < 25,
        `One read brought 50 tokens, Stop was pressed at the first of them, and the page shows ${page.text.length}: leave the loop in read when signal.aborted.`,
      );
    },
  },
  {
    sentence: "Stop ends the wait for another try, too",
    async run(page) {
      const timers = hold(page);
      await page.ask("Hello?", refusal(503));
      await page.soon(() => timers.length > 0);
      button(page, "stop", "Stop").click();
      await page.soon(() => page.answer.ariaBusy !== "true");
      const isBusy = page.answer.ariaBusy === "true";
      for (const goOn of timers) goOn();
      await aMoment();
      const asked = page.questions.filter(({ signal }) => !signal.aborted).length;
      page.must(
        asked === 0,
        "Stop was pressed while the page waited to ask again, and then it asked: look at signal.aborted, or hand the signal to fetch.",
      );
      page.must(
        !isBusy,
        'Stop was pressed while the page waited to ask again, and it stayed busy: let pause listen to the signal, signal.addEventListener("abort", goOn).',
      );
    },
  },
  {
    sentence: "A new question stops the old answer",
    async run(page) {
      const old = await page.ask("One?", { type });
      old.send(token("old"));
      await page.soon(() => page.text);
      const answer = await page.ask("Two?", { type });
      old.send(token(" late"));
      answer.send(token("new"));
      await page.soon(() => old.hungUp && page.text.includes("new"));
      page.must(
        old.hungUp && page.text === "new",
        `A second question was asked while the first was being answered, and the page shows ${say(page.text)}${old.hungUp ? "" : ", and still reads the first"}: call this.stop() before this.asking is a new one, and leave the loop when the signal is aborted.`,
      );
    },
  },
  {
    sentence: "The next question brings the conversation along",
    async run(page) {
      await answered(page, [WHOLE]);
      const question = await page.ask("And you?", WHOLE);
      page.must(
        say(sent(question)) === say(["Hello?", "whole", "And you?"]),
        `"Hello?" was answered with "whole", then "And you?" was asked, and the server got ${say(sent(question))}: send all messages, in order.`,
      );
    },
  },
  {
    sentence: '"Ask it again" asks the last question anew, without its answer',
    async run(page) {
      await answered(page, [WHOLE]);
      const before = page.questions.length;
      button(page, "retry", "Ask it again").click();
      await page.soon(() => page.questions.length > before);
      page.must(
        page.questions.length > before,
        '"Ask it again" was pressed, and nothing was asked: retry() returns this.answer().',
      );
      await page.questions.at(-1).read;
      page.must(
        say(sent(page.questions.at(-1))) === say(["Hello?"]),
        `"Ask it again" was pressed after the answer "whole", and the server got ${say(sent(page.questions.at(-1)))}: take the last message away if it is the assistant's.`,
      );
    },
  },
  {
    sentence: '"Start over" forgets the conversation',
    async run(page) {
      await answered(page, [WHOLE]);
      const answer = await page.ask("Hello?", { type });
      answer.send(token("one"));
      await page.soon(() => page.text);
      button(page, "reset", "Start over").click();
      await page.soon(() => page.text === "" && answer.hungUp);
      page.must(
        answer.hungUp,
        '"Start over" was pressed while an answer was written, and the page still reads it: reset() calls this.stop().',
      );
      page.must(
        page.text === "",
        `"Start over" was pressed, and the page still shows ${say(page.text)}: it is emptied when it hears of that, so end reset() with this.dispatch("reset").`,
      );
      const question = await page.ask("And you?", WHOLE);
      page.must(
        say(sent(question)) === say(["And you?"]),
        `"Start over" was pressed, then "And you?" was asked, and the server got ${say(sent(question))}: empty this.messages.`,
      );
    },
  },
  {
    sentence: "No question is asked when the budget is used up",
    async run(page) {
      const text = token("dear") + event("usage", { ...USED, usage: USED }) + DONE;
      await answered(page, [{ type, text }]);
      const before = page.questions.length;
      const input = page.form.querySelector("input");
      input.value = "And you?";
      page.button.click();
      await page.soon(() => page.questions.length > before || page.complaint);
      page.must(
        page.questions.length === before && page.complaint.includes("budget"),
        `The budget is 2000 tokens and the first answer used 2500; then "And you?" was typed. The page asked ${page.questions.length - before} time(s) and says ${say(page.complaint)}: throw an Error that names the budget when this.spent has reached it.`,
      );
      button(page, "reset", "Start over").click();
      await page.soon(() => !page.complaint);
      page.button.click();
      await page.soon(() => page.questions.length > before);
      page.must(
        page.questions.length === before + 1,
        '"Start over" was pressed after the budget was used up, and the next question was not asked: reset() sets this.spent to 0.',
      );
    },
  },
  {
    sentence: "An answer that was cut short is not whole",
    async run(page) {
      const text = token("half") + event("done", { finishReason: "length" });
      await answered(page, [{ type, text }]);
      page.must(
        page.text === "half" && page.complaint,
        `The answer ended with {"finishReason": "length"}, and the page says nothing of it: dispatch every event.`,
      );
    },
  },
];
