// Ask for responses with the openai package: node 24-openai.mjs URL WAY [BREAK].
// Prints what came. The ways: create, stream, whole, and back, which comes back after a
// broken line, and replay, which does the same with responses.stream. At the second text
// it asks the address BREAK, if there is one, to break the line.

import OpenAI from "openai";

const [url, way, breaking] = process.argv.slice(2);
const client = new OpenAI({ baseURL: url, apiKey: process.env.KEY ?? "sk-practice", maxRetries: 0 });
const question = { model: "practice", input: "Hello?" };
const came = { text: "", types: [], numbers: [] };

async function note(event) {
  came.types.push(event.type);
  came.numbers.push(event.sequence_number);
  if (event.type === "response.output_text.delta") came.text += event.delta;
  if (event.type === "response.refusal.delta") came.refusal = (came.refusal ?? "") + event.delta;
  if (event.response) came.status = event.response.status;
  came.id ??= event.response?.id;
  const deltas = came.types.filter((type) => type.endsWith(".delta"));
  if (breaking && deltas.length === 2 && event.type.endsWith(".delta")) await fetch(breaking);
}

async function readAll(events) {
  for await (const event of await events) await note(event);
}

async function untilItBreaks() {
  try {
    await readAll(client.responses.create({ ...question, stream: true, background: true }));
  } catch (error) {
    came.broke = error.message;
  }
}

const ways = {
  create: () => readAll(client.responses.create({ ...question, stream: true })),
  async stream() {
    const stream = client.responses.stream(question);
    await readAll(stream);
    came.final = (await stream.finalResponse()).output_text;
  },
  async whole() {
    const response = await client.responses.create(question);
    came.text = response.output_text;
    came.status = response.status;
  },
  async back() {
    await untilItBreaks();
    const query = { stream: true, starting_after: came.numbers.at(-1) };
    await readAll(client.responses.retrieve(came.id, query));
  },
  async replay() {
    await untilItBreaks();
    const query = { response_id: came.id, starting_after: came.numbers.at(-1) };
    const stream = client.responses.stream(query);
    await readAll(stream);
    came.final = (await stream.finalResponse()).output_text;
  },
};

try {
  await ways[way]();
} catch (error) {
  came.error = { status: error.status ?? null, message: error.message };
}
console.log(JSON.stringify(came));
