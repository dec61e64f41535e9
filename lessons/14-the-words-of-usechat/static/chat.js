// What useChat does with an answer: it builds one message, word by word.

import { events } from "./events.js";

/** Yield the message each time that it has grown; throw what useChat would throw. */
export async function* answerTo(messages, signal) {
  const response = await fetch("chat", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ id: "chat", messages, trigger: "submit-message" }),
    signal,
  });
  if (!response.ok) throw new Error(await response.text()); // as it came
  const message = { id: "", role: "assistant", metadata: {}, parts: [] };
  for await (const { data } of events(response.body)) {
    if (data === "[DONE]") return;
    add(JSON.parse(data), message);
    yield message;
  }
}

/** Add to a message what one event says about it. */
function add(event, message) {
  const { type, id } = event;
  const part = message.parts.find((each) => each.id === id && each.state === "streaming");
  Object.assign(message.metadata, event.messageMetadata);
  if (type === "start") message.id = event.messageId;
  if (type === "text-start") message.parts.push({ type: "text", id, text: "", state: "streaming" });
  if (type === "text-delta") part.text += event.delta;
  if (type === "text-end") part.state = "done";
  if (type === "finish") message.finishReason = event.finishReason;
  if (type === "error") throw new Error(event.errorText);
}
