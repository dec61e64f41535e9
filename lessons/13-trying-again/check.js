// The page asks again when that can help, waits longer each time, and can be stopped.

const type = "text/event-stream";
const say = (value) => JSON.stringify(value);
const event = (name, detail) => `event: ${name}\ndata: ${JSON.stringify(detail)}\n\n`;
const token = (text) => event("token", { token: text });
const DONE = event("done", { finishReason: "stop" });
const USED = { promptTokens: 1000, completionTokens: 1500, totalTokens: 2500 };
const WHOLE = { type, text: token("whole") + DONE };
const MOST = 20; // questions that are answered: a page that never ends would hang
const LONG = 100; // ms; a longer wait of the page is the time before it asks again
const MISSING = {
  askOnce: 'Keep the line import { askOnce } from "./once.js"; at the top.',
  attempt: "Declare it in the loop: for (let attempt = 1; true; attempt++).",
  MAY_PASS: "Write const MAY_PASS = [0, 429, 502, 503, 504]; above ask.",
  delayAfter: "Write the function delayAfter below ask: step 2.",
  pause: "Write the function pause below ask: step 2.",
};
const PROPERTIES = ["messages", "usage", "spent", "asking", "requireBudget"];

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
  letSignalsWait(window);
  return waits;
}

/** Let AbortSignal.timeout() wait with the setTimeout of this check, not with its own. */
function letSignalsWait(window) {
  window.AbortSignal.timeout = (ms) => {
    const controller = new window.AbortController();
    window.setTimeout(() => controller.abort(), ms);
    return controller.signal;
  };
}

/** Let each wait of the page last forever; return the length of each, and what it ends with. */
function hold(page) {
  const { window } = page;
  const timers = []; // of {ms, does}
  window.setTimeout = (does, ms = 0) => timers.push({ ms, does });
  const randoms = [0.5]; // a second call gets another number
  window.Math.random = () => randoms.pop() ?? 0.7;
  letSignalsWait(window);
  return timers;
}

/** Wait a little, for what should not happen. */
function aMoment() {
  return new Promise((goOn) => setTimeout(goOn, 50));
}

/** Say what to write for a name of the lesson that the script does not know. */
function mustKnowItsNames(page) {
  const unknown = /(\w+) is not defined/;
  const problem = [...page.problems, page.complaint].find((words) => unknown.test(words));
  const name = unknown.exec(problem)?.[1];
  const advice = PROPERTIES.includes(name) ? `Write this.${name}.` : MISSING[name];
  if (!advice) return;
  const where = problem === page.complaint ? "The page" : "The browser's console";
  page.problems = []; // said here, with advice of the lesson's own
  throw new Error(`${where} says: ${problem.replace(/\.$/, "")}. ${advice}`);
}

/** Say how to look in a list, if the page asks again after 0 but not after this status. */
async function mustLookForValues(page, status) {
  const { count } = await sentBy(page, {}, { unreachable: true });
  page.must(
    count === 1,
    `The page asks again when there was no status, but not after a ${status}. Write MAY_PASS.includes(error.status), with ${status} in the list. In JavaScript, in looks for a place in a list, not for a value.`,
  );
}

/** Ask as a person does; return the question that reaches the server. */
async function asked(page, prompt, reply) {
  try {
    return await page.ask(prompt, reply);
  } catch (error) {
    mustKnowItsNames(page);
    const isNothing = error.message.includes("did not call fetch");
    if (!isNothing) throw error;
    throw new Error(
      "The user sent a question, but the page made no request. askOnce is a generator: it does nothing until something loops over it. In ask, write yield* askOnce(config, messages, signal), with the star.",
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
  page.must(Client, "static/client.js does not export Client. Write export class Client.");
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
    sentence: "The page asks again after a refusal that may pass",
    async run(page) {
      let earlier = "";
      for (const status of [503, 429, 502, 504]) {
        const { count, waits } = await answered(page, [refusal(status), WHOLE]);
        await page.soon(() => page.text === "whole");
        mustKnowItsNames(page);
        page.must(
          count > 1 || !earlier,
          `The page asks again after a ${earlier}, but not after the ${status} that came next. Treat it as one of the statuses that may pass, and start the count of attempts at 1 for each question.`,
        );
        page.must(
          count > 1 || waits.length === 0,
          `The server refused once, with a ${status}. The page waited, but then did not ask again. After await pause(delay, signal), let the loop repeat. If ask calls itself instead, write yield*.`,
        );
        if (count === 1) await mustLookForValues(page, status);
        page.must(
          count > 1,
          `The server refused once, with a ${status}, and the page asked only once. In ask, when askOnce throws an error whose status may pass, wait and ask again.`,
        );
        earlier = status;
        page.must(
          count === 2 && page.text === "whole",
          `The server refused once, with a ${status}, and then answered. The page asked ${count} times, and shows ${say(page.text)}. Leave the loop once an answer is complete.`,
        );
        page.must(
          !page.complaint,
          `The second attempt brought the whole answer, but the page still says ${say(page.complaint)}. A refusal that another attempt follows is not an error: do not throw it.`,
        );
      }
    },
  },
  {
    sentence: "The page asks again if the server cannot be reached, or breaks off before a token",
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
          `${what}. Expected the page to ask 2 times, but it asked ${count} time(s). Check only error.status: askOnce throws a Refusal in each of these cases, with status 0 if there was none.`,
        );
      }
    },
  },
  {
    sentence: "The page does not ask again after a refusal that will not pass",
    async run(page) {
      for (const status of [400, 401, 403, 404, 408, 409, 413, 415, 500, 501]) {
        const { count } = await answered(page, [refusal(status)]);
        page.must(
          count === 1,
          `The server refused with a ${status}, which will not change, but the page asked ${count} times. Ask again only after 429, 502, 503 and 504, and when there was no status.`,
        );
        page.must(
          page.words.includes(`Refused with ${status}.`),
          `The server refused with the sentence "Refused with ${status}.", and the page says ${say(page.news)}. Rethrow the error, and the page shows it.`,
        );
      }
      const late = event("error", { error: "Wrong.", code: 400 }) + DONE;
      const { count } = await answered(page, [{ type, text: late }]);
      page.must(
        count === 1,
        `An error event with the code 400 came, and the page asked ${count} times. Check error.status, whatever the error came from.`,
      );
    },
  },
  {
    sentence: "The page gives up in the end, and shows the server's sentence",
    async run(page) {
      const { count } = await answered(page, [refusal(503)]);
      page.must(
        count <= 9,
        "The server refused every time, and the page keeps asking forever. Throw the error when attempt > maxRetries.",
      );
      page.must(
        count === 4,
        `The server refused every time. Expected the page to ask 4 times, once and then 3 more times (maxRetries = 3), but it asked ${count} time(s). Ask again while attempt <= maxRetries.`,
      );
      page.must(
        page.words.includes("Refused with 503."),
        `The page gave up, and says ${say(page.news)}. Throw the last error: its message is the server's sentence.`,
      );
    },
  },
  {
    sentence: "The page does not ask again before the wait is over",
    async run(page) {
      const timers = hold(page);
      await asked(page, "Hello?", refusal(503));
      await page.soon(() => timers.length > 0 || page.questions.length > 1);
      await aMoment();
      page.must(
        timers.length > 0,
        "The server refused, and the page asked again without waiting. Write await pause(delay, signal) before the next attempt.",
      );
      const [{ ms, does }] = timers;
      page.must(
        typeof does === "function",
        "setTimeout got the result of a call instead of a function. Pass goOn without (): setTimeout(goOn, ms). With () it is called at once.",
      );
      page.must(
        page.questions.length === 1,
        "The page started to wait, but asked again before the wait was over. pause returns a promise: write await pause(delay, signal).",
      );
      await page.soon(() => page.words.includes("Trying again"));
      page.must(
        !/NaN/.test(page.words),
        `The page waits, and says ${say(page.complaint)}: NaN is not a number. Let delayAfter return its result, and write Math.random() with its parentheses.`,
      );
      page.must(
        ms >= LONG || !page.words.includes("0.5 s"),
        `The page says that it waits 0.5 s, but setTimeout got ${ms}. Pass ms unchanged: setTimeout counts in milliseconds.`,
      );
      page.must(
        ms >= LONG,
        `With Math.random() at 0.5, the page waits ${Math.round(ms)} ms after the first attempt. Expected half of initialDelay (1000 ms): for the first attempt, 2 ** 0 is 1.`,
      );
      const shown = `${(ms / 1000).toFixed(1)} s`;
      page.must(
        page.words.includes("Trying again"),
        'The page waits before it asks again, but does not say so. Before you wait, yield { type: "retry", detail: { attempt, delay } }.',
      );
      page.must(
        page.words.includes(shown),
        `The page waits ${Math.round(ms)} ms. Expected it to say ${shown}, got ${say(page.complaint)}. The delay in the detail of the retry event must be the time that you wait, in milliseconds.`,
      );
    },
  },
  {
    sentence: "Each wait is longer than the one before, up to a limit",
    async run(page) {
      const { waits, retries } = await sentBy(page, { maxRetries: 6 }, refusal(503), 0.99);
      const longest = [1000, 2000, 4000, 8000, 10000, 10000];
      page.must(
        waits.length === 6,
        `With maxRetries: 6, while the server refused, the page asked again ${waits.length} times. Write const { maxRetries = 3 } = config, and wait before each attempt.`,
      );
      page.must(
        waits[1] > waits[0] && waits[2] > waits[1],
        `The page waited ${inMs(waits)} ms. Expected longer waits each time: an overloaded server needs time. Double the longest wait for each attempt.`,
      );
      page.must(
        longest.slice(0, 4).every((most, n) => waits[n] <= most && waits[n] > most / 2),
        `The longest waits are ${inMs(longest)} ms. With Math.random() at 0.99, expected 0.99 of each, got ${inMs(waits)} ms. Multiply by the random number, and add nothing.`,
      );
      page.must(
        waits[4] <= 10000 && waits[5] <= 10000,
        `The page waited ${inMs(waits)} ms. Expected no wait above maxDelay, 10000 ms. Limit the longest wait with Math.min.`,
      );
      const attempts = retries.map((detail) => detail?.attempt);
      page.must(
        say(attempts) === say([1, 2, 3, 4, 5, 6]),
        `The retry events count the attempts ${say(attempts)}. Expected 1 to 6: the first attempt is 1, and the detail of each event is { attempt, delay }.`,
      );
    },
  },
  {
    sentence: "The length of each wait is random",
    async run(page) {
      const few = (await sentBy(page, {}, refusal(503), 0.3)).waits[0];
      const many = (await sentBy(page, {}, refusal(503), 0.8)).waits[0];
      page.must(
        few !== many,
        `With Math.random() at 0.3 and at 0.8, the page waited ${Math.round(many)} ms each time. Clients that were refused together would come back together. Wait Math.random() times the longest wait.`,
      );
      const { waits } = await sentBy(page, {}, refusal(503), 0);
      page.must(
        waits.length === 0,
        `With Math.random() at 0, expected waits of 0 ms, got ${inMs(waits)} ms. If the server asked for no wait, the time is random, from 0 to the longest wait.`,
      );
    },
  },
  {
    sentence: "The settings change how many times the page asks, and how long it waits",
    async run(page) {
      for (const maxRetries of [0, 1]) {
        const { count, ended } = await sentBy(page, { maxRetries }, refusal(503));
        page.must(
          ended && count === maxRetries + 1,
          `With maxRetries: ${maxRetries}, while the server refused, expected ${maxRetries + 1} questions, got ${count}. Take the number from config, const { maxRetries = 3 } = config, and throw when attempt is greater.`,
        );
      }
      const SETTINGS = [
        [{ jitter: false }, [1000, 2000, 4000], "without jitter the wait is the whole longest wait"],
        [{ jitter: false, backoff: "linear" }, [1000, 2000, 3000], 'if config.backoff is "linear", multiply by attempt'],
        [{ jitter: false, backoff: "linear", initialDelay: 200 }, [200, 400, 600], "the longest wait is initialDelay times the number of the attempt"],
        [{ jitter: false, backoff: "linear", maxDelay: 1500 }, [1000, 1500, 1500], "maxDelay is the limit of a linear wait, too"],
        [{ backoff: "linear" }, [300, 600, 900], "a linear wait is random, too, and Math.random() was 0.3"],
        [{ jitter: false, initialDelay: 300 }, [300, 600, 1200], "initialDelay is the longest wait after the first attempt"],
        [{ jitter: false, maxDelay: 1500 }, [1000, 1500, 1500], "no wait is longer than maxDelay"],
        [{ maxDelay: 1500 }, [300, 450, 450], "maxDelay limits the longest wait, and the random part comes after that"],
        [{ jitter: false, initialDelay: 0 }, [], "0 is a setting, too, but 0 || 1000 is 1000, so write const { initialDelay = 1000 } = config"],
        [{ jitter: false, maxDelay: 0 }, [], "0 is a setting, too, but 0 || 10000 is 10000, so write const { maxDelay = 10000 } = config"],
        [{ jitter: false, backoff: "exponential" }, [1000, 2000, 4000], 'only "linear" changes how the waits grow'],
      ];
      for (const [config, expected, rule] of SETTINGS) {
        const { waits } = await sentBy(page, config, refusal(503), 0.3);
        page.must(
          say(waits.map(Math.round)) === say(expected),
          `With the settings ${say(config)}, expected these waits in ms: ${inMs(expected)}. Got ${inMs(waits)}: ${rule}.`,
        );
      }
      const { client, waits } = await sentBy(page, { jitter: false }, refusal(503));
      await client.send("And now?").catch(() => {});
      page.must(
        say(waits) === say([1000, 2000, 4000, 1000, 2000, 4000]),
        `A client sent two questions, and both were refused every time. With jitter: false, the waits were ${inMs(waits)} ms. Expected 1000, 2000, 4000 for each question: change nothing in config, and count attempts in ask.`,
      );
    },
  },
  {
    sentence: "The page waits at least as long as the server says",
    async run(page) {
      const { waits } = await answered(page, [refusal(429, 7), WHOLE], 0.01);
      page.must(
        waits[0] >= 7000,
        `The server sent Retry-After: 7, and the page waited ${Math.round(waits[0] ?? 0)} ms. error.wait is that time in ms. Add the random delay to it.`,
      );
      page.must(
        waits[0] < 30000,
        `The server sent Retry-After: 7, and the page waited ${Math.round(waits[0])} ms. error.wait is already in milliseconds: do not multiply it.`,
      );
      const { waits: capped } = await sentBy(page, { maxDelay: 1000 }, refusal(429, 7), 0.01);
      page.must(
        capped[0] >= 7000,
        `The server sent Retry-After: 7. With maxDelay: 1000, the client waited ${Math.round(capped[0])} ms. maxDelay limits only the client's own delay. Never ask earlier than the server says.`,
      );
      const [both] = (await answered(page, [refusal(429, 5), WHOLE], 0.5)).waits;
      page.must(
        both > 5000,
        `The server asked for 5000 ms, and with Math.random() at 0.5 the client waited ${Math.round(both)} ms. Add the random part to wait: otherwise all clients that were told 5 seconds come back together.`,
      );
      const { waits: plain } = await sentBy(page, { jitter: false }, refusal(429, 5));
      page.must(
        plain[0] >= 6000,
        `The server asked for 5000 ms, and with jitter: false the client waited ${Math.round(plain[0])} ms. Expected 6000 ms: without jitter, add the longest wait in full, which is 1000 ms here.`,
      );
      const text = event("error", { error: "Busy.", code: 429, retryAfter: 7 }) + DONE;
      const late = (await answered(page, [{ type, text }, WHOLE], 0.01)).waits[0];
      page.must(
        late >= 7000,
        `An error event said "retryAfter": 7, and the page waited ${late} ms. Use error.wait, whatever the error came from.`,
      );
    },
  },
  {
    sentence: "The page does not ask again after the first token",
    async run(page) {
      const failed = token("half") + event("error", { error: "It failed.", code: 502 });
      for (const text of [failed + DONE, token("half")]) {
        const { count } = await answered(page, [{ type, text }, WHOLE]);
        page.must(
          count === 1 && page.text === "half" && page.complaint,
          `The answer failed after the token "half". Expected one question and the text that came, but the page asked ${count} time(s), shows ${say(page.text)} and says ${say(page.complaint)}. ${count > 1 ? "A second answer would start in the middle of the first." : "Pass each event on as it comes, with yield* askOnce(...), and rethrow the error."}`,
        );
      }
    },
  },
  {
    sentence: "Stop closes the connection and keeps the text that has arrived",
    async run(page) {
      const answer = await page.ask("Hello?", { type });
      answer.send(token("one"));
      await page.soon(() => page.text);
      button(page, "stop", "Stop").click();
      await page.soon(() => answer.hungUp && page.answer.ariaBusy !== "true");
      mustKnowItsNames(page);
      page.must(
        answer.hungUp,
        "Someone pressed Stop, but the connection is still open. Abort this.asking in stop(), and in ask pass the signal on to askOnce.",
      );
      page.must(
        page.answer.ariaBusy !== "true",
        'Someone pressed Stop after "one", and the page is still busy. Let stop() abort this.asking, and change nothing else: answer() compares its own signal with that of this.asking.',
      );
      page.must(
        page.text === "one" && !page.complaint,
        `Someone pressed Stop after "one", and the page shows ${say(page.text)} and says ${say(page.complaint)}. Keep the text that has arrived.`,
      );
      const next = await page.ask("Hello?", { type });
      const watching = new MutationObserver(() => button(page, "stop", "Stop").click());
      watching.observe(page.answer, { childList: true });
      next.send(token("a").repeat(50));
      await page.soon(() => page.answer.ariaBusy !== "true");
      watching.disconnect();
      page.must(
        page.text.length < 25,
        `One read brought 50 tokens, and someone pressed Stop at the first one. The page shows ${page.text.length} characters. Leave the loop in read when signal.aborted is true.`,
      );
    },
  },
  {
    sentence: "Stop also ends the wait before another attempt",
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
        "Someone pressed Stop while the page was waiting to ask again, but then the page asked all the same. Check signal.aborted, or pass the signal to fetch.",
      );
      page.must(
        !isBusy,
        'Someone pressed Stop while the page was waiting to ask again, and it stayed busy. Let pause listen to the signal: signal.addEventListener("abort", goOn).',
      );
    },
  },
  {
    sentence: "Stop works at any moment, even while a refusal is being read",
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
        "The client got status 503 and read its sentence. Then it was stopped, but it still waits to ask again. When signal.aborted is true, rethrow any error.",
      );
      const { client: other } = await clientWith(page, {});
      other.addEventListener("retry", () => other.stop());
      page.reply = refusal(503);
      other.send("Hello?");
      await page.soon(() => !other.isStreaming);
      page.must(
        !other.isStreaming,
        "The client was stopped at the retry event, just before the wait, but it still waits. A signal calls its listeners only once. In pause, first check whether signal.aborted is already true.",
      );
      const { client: third } = await clientWith(page, {});
      let ends = 0;
      third.addEventListener("streaming-end", () => ends++);
      third.addEventListener("token", () => third.stop());
      page.reply = { type, text: token("a").repeat(9) + DONE };
      await third.send("Hello?").catch(() => {});
      const kept = third.messages.at(-1)?.content;
      page.must(
        kept === "a",
        `One read brought nine tokens "a", and the client was stopped at the first. Its last message is now ${say(kept)}. Begin each round of the loop in read with the check of signal.aborted, before the token is added.`,
      );
      page.must(
        ends === 1,
        `A client was stopped once, and dispatched "streaming-end" ${ends} times. Make stop() only abort this.asking: answer() dispatches that event.`,
      );
    },
  },
  {
    sentence: "A new question stops the old answer",
    async run(page) {
      const old = await page.ask("One?", { type });
      old.send(token("old"));
      await page.soon(() => page.text);
      const answer = await page.ask("Two?", { type }).catch(() => null);
      page.must(
        answer,
        "A second question came while the first was being answered, and the page did not ask it. In answer(), call this.stop(), and only then set a new this.asking. Do not return, and do not abort the new one.",
      );
      old.send(token(" late"));
      answer.send(token("new"));
      await page.soon(() => old.hungUp && page.text.includes("new"));
      page.must(
        old.hungUp && page.text === "new",
        `A second question came while the first was being answered, and the page shows ${say(page.text)}${old.hungUp ? "" : ", and still reads the first"}. Call this.stop() before you set a new this.asking, and leave the loop when the signal is aborted.`,
      );
      const { client } = await clientWith(page, {});
      page.reply = { type, text: token("a").repeat(9) + DONE };
      const second = new Promise((goOn) => {
        client.addEventListener("token", () => goOn(client.send("Two?")), { once: true });
      });
      await client.send("One?").catch(() => {});
      await second.catch(() => {});
      const [, first] = client.messages;
      page.must(
        first?.content === "a",
        `One read brought nine tokens "a", and at the first a second question was asked. The first answer is now ${say(first?.content)}. In read, look at the signal that it was given, and not at this.asking: that is the new question's.`,
      );
    },
  },
  {
    sentence: "The next question is sent with the whole conversation",
    async run(page) {
      await answered(page, [WHOLE]);
      const question = await page.ask("And you?", WHOLE);
      page.must(
        say(sent(question)) === say(["Hello?", "whole", "And you?"]),
        `"Hello?" was answered with "whole", and then the user asked "And you?". The server got ${say(sent(question))}. Send all messages, in order.`,
      );
      await page.soon(() => page.answer.ariaBusy !== "true");
      await answered(page, [refusal(503), WHOLE]);
      const again = page.questions.at(-1);
      await again.read;
      page.must(
        say(sent(again)) === say(["Hello?", "whole", "And you?", "whole", "Hello?"]),
        `The third question of a conversation was refused once, and the second attempt sent ${say(sent(again))}. Give askOnce all messages at each attempt.`,
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
      mustKnowItsNames(page);
      page.must(
        page.questions.length > before,
        'Someone pressed "Ask it again", but the page asked nothing. Let retry() return this.answer().',
      );
      await page.questions.at(-1).read;
      page.must(
        say(sent(page.questions.at(-1))) === say(["Hello?"]),
        `Someone pressed "Ask it again" after the answer "whole", and the server got ${say(sent(page.questions.at(-1)))}. Remove the last message if it is the assistant's.${sent(page.questions.at(-1))?.at(-1) === "Hello?" ? " Then call this.answer(), since send() adds a question once more." : ""}`,
      );
      const { client } = await sentBy(page, {}, WHOLE);
      await client.retry();
      page.must(
        !client.isStreaming,
        "A page wrote await client.retry(), and went on before the answer had come. Make retry() return what answer() returns: return this.answer().",
      );
      await client.send("And you?");
      await client.retry();
      await page.questions.at(-1).read;
      page.must(
        say(sent(page.questions.at(-1))) === say(["Hello?", "whole", "And you?"]),
        `A client asked its second question again, and the server got ${say(sent(page.questions.at(-1)))}. Remove only the last message, if it is the assistant's: the others are the conversation.`,
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
          `${what}. Then someone pressed "Ask it again", but the page asked nothing. Return this.answer(), which asks what is in this.messages. There may be no answer to remove.`,
        );
        await page.questions.at(-1).read;
        const messages = page.questions.at(-1).json?.messages ?? [];
        page.must(
          messages.at(-1)?.role === "user" && messages.at(-1)?.content === "Hello?",
          `${what}. Then someone pressed "Ask it again". Expected "Hello?" as the last message, but the server got ${say(sent(page.questions.at(-1)))}. Remove the last message only if its role is "assistant".`,
        );
        await page.soon(() => page.answer.ariaBusy !== "true");
        button(page, "reset", "Start over").click();
        await page.soon(() => page.text === "");
      }
      mustKnowItsNames(page);
      button(page, "retry", "Ask it again").click();
      await aMoment();
      page.must(
        page.problems.length === 0,
        'Someone pressed "Ask it again" before there was any message, and the script broke. Write this.messages.at(-1)?.role: with ?. a missing message is undefined.',
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
        'Someone pressed "Start over" while an answer was being written, and the page still reads it. Call this.stop() in reset().',
      );
      page.must(
        page.text === "",
        `Someone pressed "Start over", but the page still shows ${say(page.text)}. The page empties it at the reset event: end reset() with this.dispatch("reset").`,
      );
      const question = await page.ask("And you?", WHOLE);
      page.must(
        say(sent(question)) === say(["And you?"]),
        `Someone pressed "Start over", then asked "And you?". The server got ${say(sent(question))}. Empty this.messages in reset().`,
      );
      const text = token("dear") + event("usage", { ...USED, usage: USED }) + DONE;
      const { client } = await sentBy(page, {}, { type, text });
      let held; // messages and tokens, when the client says that it was reset
      client.addEventListener("reset", () => (held ??= [client.messages.length, client.spent]));
      client.reset();
      page.must(
        held,
        'A client was reset, and no "reset" event came. End reset() with this.dispatch("reset").',
      );
      page.must(
        say(held) === "[0,0]",
        `When a client dispatched "reset", it still had ${held[0]} messages and ${held[1]} tokens spent. Listeners read them at that moment, so dispatch "reset" last.`,
      );
      const left = client.usage?.totalTokens ?? client.usage;
      page.must(
        left === 0,
        `A client was reset after an answer of 2500 tokens, and its usage still counts ${left}. In reset(), give this.usage the value that the constructor gave it.`,
      );
    },
  },
  {
    sentence: "No question is asked when the budget is used up",
    async run(page) {
      const text = token("dear") + event("usage", { ...USED, usage: USED }) + DONE;
      await answered(page, [{ type, text }]);
      page.must(
        !page.complaint,
        `The budget is 2000 tokens, and the first answer used 2500. That answer was whole, but the page says ${say(page.complaint)}. Check the budget before a question, not while an answer is read.`,
      );
      const before = page.questions.length;
      const input = page.form.querySelector("input");
      input.value = "And you?";
      page.button.click();
      await page.soon(() => page.questions.length > before || page.complaint);
      const was = 'The budget is 2000 tokens, the first answer used 2500, and then the user typed "And you?"';
      page.must(
        page.questions.length === before,
        `${was}. The page asked it. In requireBudget, throw an Error when this.spent has reached the budget. Call this.requireBudget() before this.read(signal).`,
      );
      page.must(
        page.complaint,
        `${was}. The page did not ask it, but does not say why. Throw an Error with a sentence inside the try of answer(), which catches and shows it.`,
      );
      const sentence = page.complaint.replace("The answer is not whole:", "").trim();
      page.must(
        !["", "undefined", "null", "[object Object]"].includes(sentence),
        `${was}. The page says ${say(page.complaint)}: throw new Error("...") with a sentence.`,
      );
      button(page, "retry", "Ask it again").click();
      await aMoment();
      page.must(
        page.questions.length === before,
        'Someone pressed "Ask it again" when the budget was used up, and the page asked. Call this.requireBudget() in answer(): every question goes through it.',
      );
      button(page, "reset", "Start over").click();
      await page.soon(() => !page.complaint);
      page.button.click();
      await page.soon(() => page.questions.length > before);
      page.must(
        page.questions.length === before + 1,
        'Someone pressed "Start over" after the budget was used up, and the page did not ask the next question. Set this.spent to 0 in reset().',
      );
    },
  },
  {
    sentence: "The budget is a setting, and applies to the whole conversation",
    async run(page) {
      const text = token("dear") + event("usage", { ...USED, usage: USED }) + DONE;
      const CASES = [
        [5000, 2, "this.spent counts all answers, and this.usage only the last; nothing is left when spent equals the budget"],
        [7000, 3, "take the budget from this.config"],
        [0, 0, "0 is a budget, too, but 0 || Infinity is Infinity: write const { budget = Infinity } = this.config"],
        [undefined, 4, "without a budget a page may ask as often as it likes, so write const { budget = Infinity } = this.config"],
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
          `A client ${budget !== undefined ? `with budget: ${budget}` : "without a budget"} sent four questions, and each answer used 2500 tokens. Expected ${expected} to be asked, got ${count}: ${rule}.`,
        );
      }
    },
  },
  {
    sentence: "The page says when an answer was cut short",
    async run(page) {
      const text = token("half") + event("done", { finishReason: "length" });
      await answered(page, [{ type, text }]);
      page.must(
        page.text === "half" && page.complaint,
        'The answer ended with {"finishReason": "length"}, but the page does not say so. Dispatch every event.',
      );
    },
  },
];
