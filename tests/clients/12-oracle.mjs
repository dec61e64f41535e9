// What two parsers find in a stream: eventsource-parser in all of it, events.js at each cut.

import { readFile } from "node:fs/promises";
import { createParser } from "eventsource-parser";

const [file, streams] = process.argv.slice(2);
const source = encodeURIComponent(await readFile(file, "utf-8"));
const { events } = await import(`data:text/javascript,${source}`);

for (const text of JSON.parse(streams)) {
  const bytes = new TextEncoder().encode(text);
  const theirs = [];
  const onEvent = ({ event = "message", data, id = "" }) => theirs.push([event, data, id]);
  createParser({ onEvent }).feed(new TextDecoder().decode(bytes));
  const ours = [];
  for (let cut = 0; cut <= bytes.length; cut++) {
    const body = new Blob([bytes.slice(0, cut)]);
    const rest = new Blob([bytes.slice(cut)]);
    const pieces = new ReadableStream({
      async start(stream) {
        for (const part of [body, rest]) stream.enqueue(new Uint8Array(await part.arrayBuffer()));
        stream.close();
      },
    });
    const found = [];
    for await (const { type, data, id } of events(pieces)) found.push([type, data, id]);
    ours.push(found);
  }
  console.log(JSON.stringify({ theirs, ours }));
}
