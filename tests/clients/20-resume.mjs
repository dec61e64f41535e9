// React's useChat with resume: a page that is opened while an answer is being written.
// node 20-resume.mjs URL CHAT: prints what it shows once it is ready again.

import { print, use } from "./11-hook.mjs";
const { useChat } = await import("@ai-sdk/react");
const { DefaultChatTransport } = await import("ai");

const [api, id] = process.argv.slice(2);
const transport = new DefaultChatTransport({ api });
const page = await use(() => useChat({ id, transport, resume: true }));
await page.until(({ status, messages }) => status === "ready" && (messages.length > 0 || id === "none"));
const texts = page.now.messages.map(({ parts }) =>
  parts.filter(({ type }) => type === "text").map(({ text }) => text).join(""),
);
print({ texts, error: page.now.error?.message ?? null });
process.exit();
