// A provider, and a crowd of readers, for tests/benchmark.py.
//
// Prints the provider's address. Then each line that it is given is a crowd, as JSON:
// {"url", "readers", "words"}. When the last reader has the end, a line of numbers.
import { createServer, request } from "node:http";
import { createInterface } from "node:readline";

const THINKING = 200; // milliseconds before the first word of an answer
const PAUSE = 20; // milliseconds from one word to the next
const ARRIVAL = 1000; // milliseconds in which the readers come

/** Return the event that brings a word, with every field that OpenAI sends. */
function event(delta, reason = null) {
  const choice = { index: 0, delta, logprobs: null, finish_reason: reason };
  const chunk = {
    id: "chatcmpl-CZ0aBcDeFgHiJkLmNoPqRsTuVwXyZ",
    object: "chat.completion.chunk",
    created: 1763700000,
    model: "benchmark-2026-01-01",
    service_tier: "default",
    system_fingerprint: "fp_560af6e559",
    choices: [choice],
    obfuscation: "k3Jx9Qw",
  };
  return `data: ${JSON.stringify(chunk)}\n\n`;
}

const WORD = " letters";
const BEGIN = event({ role: "assistant", content: "", refusal: null });
const NEXT = event({ content: WORD });
const END = `${event({}, "stop")}data: [DONE]\n\n`;

/** Answer one question: its prompt says how many words the answer has. */
async function answer(question, response) {
  let body = "";
  for await (const piece of question) body += piece;
  const words = Number(JSON.parse(body).messages[0].content);
  const start = performance.now() + THINKING;
  let sent = 0;
  const ticks = setInterval(() => {
    const due = Math.min(words, Math.floor((performance.now() - start) / PAUSE) + 1);
    if (due > 0 && !sent) {
      response.writeHead(200, { "Content-Type": "text/event-stream; charset=utf-8" });
      response.write(BEGIN);
    }
    for (; sent < due; sent++) response.write(NEXT);
    if (sent === words) {
      clearInterval(ticks);
      response.end(END);
    }
  }, PAUSE);
  response.on("close", () => clearInterval(ticks));
}

/** Ask once; return the bytes of text that came, and when: milliseconds. */
function read(url, words) {
  const began = performance.now();
  const seen = { bytes: 0, first: null, whole: false, end: null };
  return new Promise((resolve) => {
    const done = (whole) => resolve({ ...seen, whole, end: performance.now() });
    const headers = { "Content-Type": "application/json" };
    const post = request(url, { method: "POST", headers, agent: false }, (response) => {
      response.on("data", (piece) => {
        seen.first ??= performance.now() - began - THINKING;
        seen.bytes += piece.length;
      });
      response.on("end", () => {
        done(response.complete && seen.bytes === words * WORD.length);
      });
      response.on("error", () => done(false));
    });
    post.on("error", () => done(false));
    post.end(JSON.stringify({ prompt: String(words) }));
  });
}

/** Let so many readers ask, one after the other, within a second. */
async function crowd({ url, readers, words }) {
  const began = performance.now();
  const reader = async (number) => {
    await new Promise((go) => setTimeout(go, (number * ARRIVAL) / readers));
    return read(url, words);
  };
  const all = await Promise.all(Array.from({ length: readers }, (_, i) => reader(i)));
  const firsts = all.filter(({ whole }) => whole).map(({ first }) => first);
  return {
    whole: firsts.length,
    words: all.reduce((sum, { bytes }) => sum + bytes, 0) / WORD.length,
    seconds: (Math.max(...all.map(({ end }) => end)) - began) / 1000,
    first: firsts.sort((a, b) => a - b)[Math.floor(firsts.length / 2)] ?? 0,
  };
}

const provider = createServer(answer);
provider.keepAliveTimeout = 60_000;
provider.listen(0, "127.0.0.1", 1024, async () => {
  console.log(`http://127.0.0.1:${provider.address().port}/v1`);
  for await (const line of createInterface({ input: process.stdin })) {
    console.log(JSON.stringify(await crowd(JSON.parse(line))));
  }
  process.exit();
});
