// Ask a server with the openai package: node 15-openai.mjs URL PROMPT [KEY].
// Prints what came of a streamed answer, then of a whole one.

import OpenAI from "openai";

const [url, content, apiKey = "sk-practice"] = process.argv.slice(2);
const client = new OpenAI({ baseURL: url, apiKey, maxRetries: 0 });
const question = { model: "practice", messages: [{ role: "user", content }] };

const ways = {
  async streamed(came) {
    const options = { stream: true, stream_options: { include_usage: true } };
    for await (const chunk of await client.chat.completions.create({ ...question, ...options })) {
      const [choice] = chunk.choices;
      came.text += choice?.delta.content ?? "";
      came.role ??= choice?.delta.role;
      came.reason = choice?.finish_reason ?? came.reason;
      came.tokens = chunk.usage?.total_tokens ?? came.tokens;
    }
  },
  async whole(came) {
    const { choices, usage } = await client.chat.completions.create(question);
    came.text = choices[0].message.content;
    came.role = choices[0].message.role;
    came.reason = choices[0].finish_reason;
    came.tokens = usage?.total_tokens;
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
