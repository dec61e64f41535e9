// Ask for responses with the AI SDK's OpenAI provider: node 24-ai-sdk.mjs URL WAY [BREAK].
// Prints what came. The ways: stream, whole, and turns, which asks twice, the second time
// with all that was said before. At the second text it asks the address BREAK, if there
// is one, to break the line.

import { createOpenAI } from "@ai-sdk/openai";
import { generateText, streamText } from "ai";

const [baseURL, way, breaking] = process.argv.slice(2);
const inputs = [];
const provider = createOpenAI({
  baseURL,
  apiKey: process.env.KEY ?? "sk-practice",
  fetch(address, request) {
    inputs.push(JSON.parse(request.body).input);
    return fetch(address, request);
  },
});
const settings = { model: provider("practice"), maxRetries: 0 };
const came = { text: "" };

async function stream(question) {
  let pieces = 0;
  const result = streamText({ ...settings, ...question, onError() {} });
  for await (const part of result.fullStream) {
    if (part.type === "text-delta") {
      came.text += part.text;
      pieces += 1;
      if (breaking && pieces === 2) await fetch(breaking);
    }
    if (part.type === "finish") came.reason = part.finishReason;
    if (part.type === "finish") came.tokens = part.totalUsage.totalTokens;
    if (part.type === "error") throw part.error;
  }
  return result;
}

const ways = {
  stream: () => stream({ prompt: "Hello?" }),
  async whole() {
    const { text, finishReason, usage } = await generateText({ ...settings, prompt: "Hello?" });
    Object.assign(came, { text, reason: finishReason, tokens: usage.totalTokens });
  },
  async turns() {
    const messages = [];
    for (const content of ["Hello?", "And you?"]) {
      messages.push({ role: "user", content });
      const result = await stream({ messages });
      messages.push(...(await result.response).messages);
    }
    came.inputs = inputs;
  },
};

try {
  await ways[way]();
} catch (error) {
  came.error = { status: error.statusCode ?? null, message: error.message ?? String(error) };
}
console.log(JSON.stringify(came));
