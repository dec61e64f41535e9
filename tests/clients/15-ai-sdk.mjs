// Ask a server with the AI SDK: node 15-ai-sdk.mjs URL PROMPT [KEY].
// Prints what came of a streamed answer, then of a whole one.

import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { generateText, streamText } from "ai";

const [baseURL, prompt, apiKey = "sk-practice"] = process.argv.slice(2);
const provider = createOpenAICompatible({ name: "ours", baseURL, apiKey, includeUsage: true });
const question = { model: provider("practice"), prompt, maxRetries: 0 };

const ways = {
  async streamed(came) {
    const { fullStream } = streamText({ ...question, onError() {} });
    for await (const part of fullStream) {
      if (part.type === "text-delta") came.text += part.text;
      if (part.type === "finish") came.reason = part.finishReason;
      if (part.type === "finish") came.tokens = part.totalUsage.totalTokens;
      if (part.type === "error") throw part.error;
    }
  },
  async whole(came) {
    const { text, finishReason, usage } = await generateText(question);
    Object.assign(came, { text, reason: finishReason, tokens: usage.totalTokens });
  },
};

for (const ask of Object.values(ways)) {
  const came = { text: "" };
  try {
    await ask(came);
  } catch (error) {
    came.error = { status: error.statusCode ?? null, message: error.message ?? error };
  }
  console.log(JSON.stringify(came));
}
