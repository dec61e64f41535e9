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

/** Let each wait of the page last for ever; return for how long each is, and what it ends. */
function hold(page) {
  const { window } = page;
  const timers = []; // of {ms, does}
  window.setTimeout = (does, ms = 0) => timers.push({ ms, does });
  window.Math.random = () => 0.5;
  return timers;
}

/** Wait a little, for what should not happen. */
function aMoment() {
  return new Promise((goOn) => setTimeout(goOn, 50));
}

/** Ask as a person does; return the question that reaches the server. */
async function asked(page, prompt, reply) {
  try {
    return await page.ask(prompt, reply);
  } catch (error) {
    const isNothing = error.message.includes("called no fetch");
    if (!isNothing) throw error;
    throw new Error(
      "A question was sent, and the page called no fetch: askOnce is a generator, which does nothing until somebody loops over it. In ask, pass on what it yields: yield* askOnce(config, messages, signal), with the star.",
    );
  }
}

/** Return a module of the page's own, from static/. */
function moduleOf(page, file) {
  const address = new URL(`static/${file}`, page.address).href;
  return page.window.eval(`import(${say(address)})`);
}

/** Return a Client of the page with these settings, and what its "retry" events say. */
async function clientWith(page, config) {
  const { Client } = await moduleOf(page, "client.js");
  page.must(Client, "static/client.js exports no Client: write export class Client.");
  const address = new URL("ask", page.address).href;
  const client = new Client({ address, budget: Infinity, ...config });
  const retries = [];
  client.addEventListener("retry", ({ detail }) => retries.push(detail));
  return { client, retries };
}

/** Let a client send a question, and each reply be the same; return how it went. */
async function sentBy(page, config, reply, random) {
  const waits = hurry(page, random);
  const before = page.questions.length;
  const { client, retries } = await clientWith(page, config);
  page.reply = reply;
  const finished = client.send("Hello?").then(() => true);
  const isTooLong = page.soon(() => page.questions.length > before + MOST).then(() => false);
  const ended = await Promise.race([finished, isTooLong]);
  return { client, retries, waits, ended, count: page.questions.length - before };
}

/** Return "500, 1000" for [500, 1000.2]. */
const inMs = (waits) => waits.map(Math.round).join(", ") || "not at all";

/** Ask, and answer each question by the next reply; return the times waited. */
async function answered(page, replies, random) {
  const waits = hurry(page, random);
  const before = page.questions.length;
  page.questions.push = (question) => {
    const number = page.questions.length + 1 - before;
    if (number > MOST) throw new Error("The check has stopped answering.");
    page.reply = replies[number] ?? replies.at(-1);
    return Array.prototype.push.call(page.questions, question);
  };
  await asked(page, "Hello?", replies[0]);
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
    sentence: "After a refusal that may pass it asks again",
    async run(page) {
      let earlier = "";
      for (const status of [503, 429, 502, 504]) {
        const { count, waits } = await answered(page, [refusal(status), WHOLE]);
        await page.soon(() => page.text === "whole");
        page.must(
          count > 1 || !earlier,
          `The page asks again after a ${earlier}, and not after the ${status} that came next: let it be one of the statuses that may pass, and begin to count attempts with each question.`,
        );
        page.must(
          count > 1 || waits.length === 0,
          `The server refused once, with a ${status}; the page waited, and then did not ask again: after await pause(delay, signal) the loop goes round again. If ask calls itself instead, it needs yield*.`,
        );
        page.must(
          count > 1,
          `The server refused once, with a ${status}, and the page asked only once: in ask, catch what askOnce throws. Where error.status may pass, wait and ask again.`,
        );
        earlier = status;
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
    sentence: "A server that cannot be reached, or breaks off before a token, is asked again",
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
          `${what}, and the page asked ${count} time(s), expected 2: askOnce throws a Refusal for each, with the status 0 where there was none.`,
        );
      }
    },
  },
  {
    sentence: "After a refusal that will not pass it does not ask again",
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
        `The server refused each time, and the page asked ${count} times, expected 4: once, and 3 times again (maxRetries = 3).`,
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
      await asked(page, "Hello?", refusal(503));
      await page.soon(() => timers.length > 0 || page.questions.length > 1);
      await aMoment();
      page.must(
        timers.length > 0,
        "The server refused, and the page asked again without a wait: await pause(delay, signal) before the next attempt.",
      );
      const [{ ms, does }] = timers;
      page.must(
        typeof does === "function",
        "setTimeout got no function, but what calling one returned: pass goOn without (), setTimeout(goOn, ms). With () it is called at once.",
      );
      page.must(
        page.questions.length === 1,
        "The page began to wait, and asked again before the wait was over: pause gives a promise, so write await pause(delay, signal).",
      );
      page.must(
        ms >= LONG,
        `The page waits ${Math.round(ms)} ms after the first attempt, with Math.random() at 0.5: the longest wait is then initialDelay, 1000 ms, since 2 ** 0 is 1.`,
      );
      const shown = `${(ms / 1000).toFixed(1)} s`;
      await page.soon(() => page.words.includes("Trying again"));
      page.must(
        page.words.includes("Trying again"),
        `The page waits to ask again, and says nothing of it: before you wait, yield { type: "retry", detail: { attempt, delay } }.`,
      );
      page.must(
        page.words.includes(shown),
        `The page waits ${Math.round(ms)} ms, and says ${say(page.complaint)}, expected ${shown}: the delay in the detail of the event retry is what you wait, in milliseconds.`,
      );
    },
  },
  {
    sentence: "It waits, and longer each time, but never too long",
    async run(page) {
      const { waits, retries } = await sentBy(page, { maxRetries: 6 }, refusal(503), 0.99);
      const longest = [1000, 2000, 4000, 8000, 10000, 10000];
      page.must(
        waits.length === 6,
        `With maxRetries: 6 the page asked again ${waits.length} times while the server refused: const { maxRetries = 3 } = config, and a wait before each attempt.`,
      );
      page.must(
        waits[1] > waits[0] && waits[2] > waits[1],
        `The page waited ${inMs(waits)} ms: a server that has too much to do needs time. Double the longest wait each time.`,
      );
      page.must(
        longest.slice(0, 4).every((most, n) => waits[n] <= most && waits[n] > most / 2),
        `The longest waits are ${inMs(longest)} ms. With Math.random() at 0.99 the page waited ${inMs(waits)} ms, expected 0.99 of each: multiply, and add nothing.`,
      );
      page.must(
        waits[4] <= 10000 && waits[5] <= 10000,
        `The page waited ${inMs(waits)} ms: no longest wait is more than maxDelay, 10000 ms.`,
      );
      const attempts = retries.map((detail) => detail?.attempt);
      page.must(
        say(attempts) === say([1, 2, 3, 4, 5, 6]),
        `The events retry count the attempts ${say(attempts)}, expected 1 to 6: the first attempt is 1, and the detail of each event is { attempt, delay }.`,
      );
    },
  },
  {
    sentence: "How long it waits is random",
    async run(page) {
      const few = (await sentBy(page, {}, refusal(503), 0.3)).waits[0];
      const many = (await sentBy(page, {}, refusal(503), 0.8)).waits[0];
      page.must(
        few !== many,
        `With Math.random() at 0.3 and at 0.8 the page waited ${Math.round(many)} ms each time: all clients that were refused together come back together. Wait a random share of the longest wait.`,
      );
    },
  },
  {
    sentence: "The settings change how often it asks, and how long it waits",
    async run(page) {
      for (const maxRetries of [0, 1]) {
        const { count, ended } = await sentBy(page, { maxRetries }, refusal(503));
        page.must(
          ended && count === maxRetries + 1,
          `With maxRetries: ${maxRetries} a client asked ${count} time(s) while the server refused, expected ${maxRetries + 1}: take it from config, const { maxRetries = 3 } = config, and throw when attempt is greater.`,
        );
      }
      const SETTINGS = [
        [{ jitter: false }, [1000, 2000, 4000], "without jitter the wait is the longest, all of it"],
        [{ jitter: false, backoff: "linear" }, [1000, 2000, 3000], 'if config.backoff is "linear", multiply by attempt'],
        [{ jitter: false, initialDelay: 300 }, [300, 600, 1200], "initialDelay is the first longest wait"],
        [{ jitter: false, maxDelay: 1500 }, [1000, 1500, 1500], "maxDelay is the longest that any is"],
      ];
      for (const [config, expected, rule] of SETTINGS) {
        const { waits } = await sentBy(page, config, refusal(503), 0.3);
        page.must(
          say(waits.map(Math.round)) === say(expected),
          `With the settings ${say(config)} a client waited ${inMs(waits)} ms, expected ${inMs(expected)}: ${rule}.`,
        );
      }
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
      const { waits: capped } = await sentBy(page, { maxDelay: 1000 }, refusal(429, 7), 0.01);
      page.must(
        capped[0] >= 7000,
        `The server said Retry-After: 7, and with maxDelay: 1000 a client waited ${Math.round(capped[0])} ms: maxDelay is for our own time. Nobody comes sooner than the server said.`,
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
          `After the token "half" the answer failed. The page asked ${count} time(s), shows ${say(page.text)} and says ${say(page.complaint)}: expected one question, and what came. A second answer would begin in the middle of the first.`,
        );
      }
    },
  },
  {
    sentence: "Stop closes the connection and keeps what came",
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
      await asked(page, "Hello?", refusal(503));
      await page.soon(() => timers.length > 0);
      button(page, "stop", "Stop").click();
      await page.soon(() => page.answer.ariaBusy !== "true");
      const isBusy = page.answer.ariaBusy === "true";
      for (const { does } of timers) does();
      await aMoment();
      const asksOn = page.questions.some(({ signal }) => !signal.aborted);
      page.must(
        !asksOn,
        "Stop was pressed while the page waited to ask again, and then it asked: look at signal.aborted, or hand the signal to fetch.",
      );
      page.must(
        !isBusy,
        'Stop was pressed while the page waited to ask again, and it stayed busy: let pause listen to the signal, signal.addEventListener("abort", goOn).',
      );
    },
  },
  {
    sentence: "Stop counts at any moment, also while a refusal is being read",
    async run(page) {
      hold(page);
      const { client } = await clientWith(page, {});
      const { text, ...begun } = refusal(503);
      page.reply = begun; // its status is there, and its sentence is still to come
      const before = page.questions.length;
      client.send("Hello?");
      await page.soon(() => page.questions.length > before);
      await aMoment();
      client.stop();
      await page.soon(() => !client.isStreaming);
      page.must(
        !client.isStreaming,
        "A client had the status 503 and read its sentence; then it was stopped, and still waits to ask again: after Stop, when signal.aborted is true, throw the error on, whatever it is.",
      );
      const { client: other } = await clientWith(page, {});
      other.addEventListener("retry", () => other.stop());
      page.reply = refusal(503);
      other.send("Hello?");
      await page.soon(() => !other.isStreaming);
      page.must(
        !other.isStreaming,
        'A client was stopped at the event retry, just before the wait, and waits all the same: a signal tells its listeners only once. In pause, look first whether signal.aborted is true already.',
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
    sentence: '"Ask it again" asks the last question again, without its answer',
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
    sentence: '"Ask it again" works after a failure, and before any question',
    async run(page) {
      const half = { type, text: token("half") };
      const ways = { "The question was refused": [refusal(400)], 'The answer broke off after "half"': [half] };
      for (const [what, replies] of Object.entries(ways)) {
        await answered(page, [...replies]);
        const before = page.questions.length;
        page.reply = WHOLE;
        button(page, "retry", "Ask it again").click();
        await page.soon(() => page.questions.length > before);
        page.must(
          page.questions.length > before,
          `${what}, then "Ask it again" was pressed, and nothing was asked: return this.answer(), which asks what is in this.messages. There may be no answer to take away.`,
        );
        await page.questions.at(-1).read;
        const messages = page.questions.at(-1).json?.messages ?? [];
        page.must(
          messages.at(-1)?.role === "user" && messages.at(-1)?.content === "Hello?",
          `${what}, then "Ask it again" was pressed, and the server got ${say(sent(page.questions.at(-1)))}, expected "Hello?" as the last: take the last message away only if its role is "assistant".`,
        );
        await page.soon(() => page.answer.ariaBusy !== "true");
        button(page, "reset", "Start over").click();
        await page.soon(() => page.text === "");
      }
      button(page, "retry", "Ask it again").click();
      await aMoment();
      page.must(
        page.problems.length === 0,
        '"Ask it again" was pressed when there was no message at all, and the script broke: this.messages.at(-1)?.role, with its ?., reads on only if there is one.',
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
      const text = token("dear") + event("usage", { ...USED, usage: USED }) + DONE;
      const { client } = await sentBy(page, {}, { type, text });
      client.reset();
      const left = client.usage?.totalTokens ?? client.usage;
      page.must(
        left === 0,
        `A client was reset after an answer of 2500 tokens, and its usage still counts ${left}: reset() gives this.usage the value that the constructor gave it.`,
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
      const was = 'The budget is 2000 tokens and the first answer used 2500; then "And you?" was typed';
      page.must(
        page.questions.length === before,
        `${was}, and the page asked it: in requireBudget throw an Error when this.spent has reached the budget, and call this.requireBudget() before this.read(signal).`,
      );
      page.must(
        page.complaint,
        `${was}. It was not asked, and the page does not say why: throw an Error with a sentence, inside the try of answer(), where it is caught and shown.`,
      );
      button(page, "retry", "Ask it again").click();
      await aMoment();
      page.must(
        page.questions.length === before,
        '"Ask it again" was pressed when the budget was used up, and the page asked: call this.requireBudget() in answer(), through which all questions go.',
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
    sentence: "The budget is for the whole conversation, and a setting",
    async run(page) {
      const text = token("dear") + event("usage", { ...USED, usage: USED }) + DONE;
      const CASES = [
        [5000, 2, "this.spent counts all answers, this.usage only the last; and nothing is left when as much as the budget was spent"],
        [7000, 3, "take the budget from this.config"],
        [undefined, 4, "a page without a budget may ask as often as it likes, const { budget = Infinity } = this.config"],
      ];
      for (const [budget, expected, rule] of CASES) {
        hurry(page);
        const { client } = await clientWith(page, { budget });
        const before = page.questions.length;
        page.reply = { type, text };
        for (let n = 0; n < 4; n++) await client.send("Hello?").catch(() => {});
        const count = page.questions.length - before;
        page.must(
          count === expected,
          `A client ${budget ? `with budget: ${budget}` : "without a budget"} sent four questions, each answer used 2500 tokens, and ${count} were asked, expected ${expected}: ${rule}.`,
        );
      }
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
