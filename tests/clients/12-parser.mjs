// eventsource-parser reads an answer: each event it finds, a line.

import { EventSourceParserStream } from "eventsource-parser/stream";

const [url] = process.argv.slice(2);
const response = await fetch(url, {
  method: "POST",
  headers: { "Content-Type": "application/json" },
  body: JSON.stringify({ prompt: "Hello?" }),
});
const events = response.body
  .pipeThrough(new TextDecoderStream())
  .pipeThrough(new EventSourceParserStream());
for await (const { id, event, data } of events) console.log(JSON.stringify([id, event, data]));
