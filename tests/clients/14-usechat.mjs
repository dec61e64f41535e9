// React's useChat, with its default transport, asks twice; what it shows at the end of each.

import { Window } from "happy-dom";

const window = new Window();
Object.assign(globalThis, { window, document: window.document, IS_REACT_ACT_ENVIRONMENT: true });
globalThis.navigator ??= window.navigator; // Node 20 has none
const { act, createElement } = await import("react");
const { createRoot } = await import("react-dom/client");
const { useChat } = await import("@ai-sdk/react");
const { DefaultChatTransport } = await import("ai");

const [api] = process.argv.slice(2);
const transport = new DefaultChatTransport({ api });
const finished = [];
let chat;
function Chat() {
  chat = useChat({ transport, onFinish: (end) => finished.push(end.finishReason ?? null) });
  return null;
}
const root = createRoot(document.createElement("div"));
await act(() => root.render(createElement(Chat)));
for (const text of ["One?", "Two?"]) {
  await act(() => chat.sendMessage({ text }));
  const messages = chat.messages.map(({ id, role, parts, metadata }) => {
    const texts = parts.filter(({ type }) => type === "text");
    return { id, role, text: texts.map(({ text }) => text).join(""), state: texts[0]?.state, metadata };
  });
  console.log(JSON.stringify({ status: chat.status, error: chat.error?.message, finished, messages }));
}
await act(() => root.unmount());
process.exit();
