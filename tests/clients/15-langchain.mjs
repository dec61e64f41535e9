// Ask a server with LangChain's ChatOpenAI: node 15-langchain.mjs URL PROMPT [KEY].
// Prints what came of a streamed answer, then of a whole one.

import { ChatOpenAI } from "@langchain/openai";

const [url, prompt, apiKey = "sk-practice"] = process.argv.slice(2);
const configuration = { baseURL: url };
const model = new ChatOpenAI({ model: "practice", apiKey, configuration, maxRetries: 0 });

const ways = {
  async streamed(came) {
    for await (const chunk of await model.stream(prompt)) {
      came.text += chunk.text;
      came.reason = chunk.response_metadata.finish_reason ?? came.reason;
      came.tokens = chunk.usage_metadata?.total_tokens ?? came.tokens;
    }
  },
  async whole(came) {
    const answer = await model.invoke(prompt);
    came.text = answer.text;
    came.reason = answer.response_metadata.finish_reason;
    came.tokens = answer.usage_metadata?.total_tokens;
  },
};

for (const ask of Object.values(ways)) {
  const came = { text: "" };
  try {
    await ask(came);
  } catch (error) {
    came.error = { status: error.status ?? null, message: error.message };
  }
  console.log(JSON.stringify(came));
}
