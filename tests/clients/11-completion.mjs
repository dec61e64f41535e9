// The AI SDK's useCompletion asks a prompt at an address: its completion, its error.

import { print, use } from "./11-hook.mjs";
import { useCompletion } from "@ai-sdk/react";

const [, , api, prompt] = process.argv;
const hook = await use(() => useCompletion({ api, streamProtocol: "text" }));
await hook.do(({ complete }) => complete(prompt));
await hook.until(({ isLoading }) => !isLoading);
print(hook.now.completion);
print(hook.now.error?.message);
process.exit();
