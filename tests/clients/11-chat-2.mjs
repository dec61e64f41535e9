// useChat of ai 2, as in many guides: a form with an input, two questions, reload, stop.

import { print, use } from "./11-hook.mjs";
import { useChat } from "ai-2/react";

const [, , api, ...prompts] = process.argv;
const hook = await use(() => useChat({ api }));
const loading = [];
const show = () => print(hook.now.messages.map(({ role, content }) => [role, content]));

for (const value of prompts) {
  await hook.do(({ handleInputChange }) => handleInputChange({ target: { value } }));
  const typed = hook.now.input;
  await hook.do(({ handleSubmit }) => void handleSubmit({ preventDefault() {} }));
  loading.push([typed, hook.now.input, hook.now.isLoading]);
  if (value === "stop") {
    await hook.until(({ messages }) => messages.at(-1).role === "assistant");
    await hook.do(({ stop }) => stop());
  }
  await hook.until(({ isLoading }) => !isLoading);
  show();
  print(hook.now.error?.message);
}
if (!prompts.includes("stop")) {
  await hook.do(({ reload }) => void reload());
  await hook.until(({ isLoading }) => !isLoading);
  show();
}
print(loading);
process.exit();
