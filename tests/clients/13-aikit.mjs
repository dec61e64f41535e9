// AI Kit's AIStream asks twice, and tells what it heard.

import { AIStream } from "@ainative/ai-kit-core/streaming";

const [endpoint] = process.argv.slice(2);
const retry = { maxRetries: 1, initialDelay: 1 };
const stream = new AIStream({ endpoint, model: "any", systemPrompt: "Obey.", retry });
const heard = [];
for (const type of ["streaming-start", "token", "usage", "retry", "error", "streaming-end"]) {
  stream.on(type, (said) => heard.push([type, said instanceof Error ? said.message : said]));
}
for (const question of ["One?", "Two?"]) {
  await stream.send(question);
  const messages = stream.getMessages().map(({ role, content }) => [role, content]);
  console.log(JSON.stringify({ heard: heard.splice(0), messages, usage: stream.getUsage() }));
}
