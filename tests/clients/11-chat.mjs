// The AI SDK's useChat with its text transport: two questions, regenerate, and a stop.

import { print, use } from "./11-hook.mjs";
import { useChat } from "@ai-sdk/react";
import { TextStreamChatTransport } from "ai";

const [, , api, ...prompts] = process.argv;
const transport = new TextStreamChatTransport({ api });
const hook = await use(() => useChat({ transport }));
const settled = ({ status }) => ["ready", "error"].includes(status);
const texts = ({ parts }) => parts.filter(({ type }) => type === "text").map(({ text }) => text);
const show = () => print(hook.now.messages.map((each) => [each.role, texts(each).join("")]));

for (const text of prompts) {
  await hook.do(({ sendMessage }) => void sendMessage({ text }));
  if (text === "stop") {
    await hook.until(({ messages }) => messages.at(-1).role === "assistant" && texts(messages.at(-1)).join(""));
    await hook.do(({ stop }) => stop());
  }
  await hook.until(settled);
  show();
  print(hook.now.error?.message);
}
if (!prompts.includes("stop")) {
  await hook.do(({ regenerate }) => void regenerate());
  await hook.until(settled);
  show();
}
process.exit();
