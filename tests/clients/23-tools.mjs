// React's useChat asks for each prompt; the states that its parts went through, and what it shows at the end.

import { Window } from "happy-dom";

const window = new Window();
Object.assign(globalThis, { window, document: window.document });
globalThis.navigator ??= window.navigator; // Node 20 has none
const { createElement } = await import("react");
const { createRoot } = await import("react-dom/client");
const { useChat } = await import("@ai-sdk/react");
const { DefaultChatTransport } = await import("ai");

const [api, ...prompts] = process.argv.slice(2);

/** Let React draw, again and again, until it is so. */
async function until(so) {
  while (!so()) await new Promise((go) => setTimeout(go, 5));
}

for (const text of prompts) {
  let chat;
  let finished = false;
  const states = [];
  const Chat = () => {
    const transport = new DefaultChatTransport({ api });
    chat = useChat({ transport, onFinish: () => (finished = true) });
    for (const { state, toolCallId } of chat.messages.at(-1)?.parts ?? []) {
      if (toolCallId && !states.includes(state)) states.push(state);
    }
    return null;
  };
  const root = createRoot(document.createElement("div"));
  root.render(createElement(Chat));
  await until(() => chat);
  chat.sendMessage({ text });
  await until(() => finished);
  await until(() => ["ready", "error"].includes(chat.status));
  console.log(JSON.stringify({ states, parts: chat.messages.at(-1).parts, error: chat.error?.message }));
  root.unmount();
}
process.exit();
