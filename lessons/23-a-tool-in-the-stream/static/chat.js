// What useChat does with an answer: it builds one message from its parts.

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
  const message = { id: "", role: "assistant", parts: [] };
  for await (const { data } of events(response.body)) {
    if (data === "[DONE]") return;
    add(JSON.parse(data), message);
    yield message;
  }
}

/** Add to a message what one event says about it. */
function add(event, message) {
  const { type, id, toolCallId } = event;
  const isMeant = (part) => part.toolCallId === toolCallId && part.id === id;
  const part = message.parts.findLast(isMeant); // an id may come again in a later step
  if (type === "start") message.id = event.messageId;
  if (type === "text-start") message.parts.push({ type: "text", id, text: "" });
  if (type === "text-delta") part.text += event.delta;
  if (type === "tool-input-start") {
    message.parts.push({ type: `tool-${event.toolName}`, toolCallId, text: "" });
  }
  if (type === "tool-input-delta") part.text += event.inputTextDelta;
  if (type === "tool-input-available") part.input = event.input;
  if (type === "tool-output-available") part.output = event.output;
  if (type === "tool-input-error" || type === "tool-output-error") {
    part.errorText = event.errorText;
  }
  if (type === "finish") message.finishReason = event.finishReason;
  if (type === "error") throw new Error(event.errorText);
}
