// A React component that streams an answer: node 15-react.mjs URL PROMPT.
// Prints what stands in the page when the answer has ended.

import { readFile } from "node:fs/promises";
import { Window } from "happy-dom";

const file = new URL("../../lessons/15-the-openai-wire/static/lines.js", import.meta.url);
const source = encodeURIComponent(await readFile(file, "utf-8"));
const { lines } = await import(`data:text/javascript,${source}`);
const window = new Window();
const { document, navigator } = window;
Object.assign(globalThis, { window, document, IS_REACT_ACT_ENVIRONMENT: true });
Object.defineProperty(globalThis, "navigator", { value: navigator, configurable: true });
const { act, createElement, useState } = await import("react");
const { createRoot } = await import("react-dom/client");
const [url, content] = process.argv.slice(2);

function Chat() {
  const [response, setResponse] = useState("");
  const [isStreaming, setIsStreaming] = useState(false);
  async function streamResponse() {
    setResponse("");
    setIsStreaming(true);
    const answer = await fetch(`${url}/chat/completions`, {
      method: "POST",
      headers: { Authorization: "Bearer sk-practice", "Content-Type": "application/json" },
      body: JSON.stringify({ model: "practice", messages: [{ role: "user", content }], stream: true }),
    });
    for await (const line of lines(answer.body.getReader())) {
      if (!line.startsWith("data: {")) continue;
      const { choices } = JSON.parse(line.slice(6));
      setResponse((before) => before + (choices[0]?.delta.content ?? ""));
    }
    setIsStreaming(false);
  }
  return createElement(
    "div",
    null,
    createElement("button", { onClick: () => (asked = streamResponse()) }, "Stream Response"),
    createElement("div", { id: "answer" }, response),
    isStreaming ? "…" : "",
  );
}

let asked;
const place = document.createElement("div");
document.body.append(place);
await act(async () => createRoot(place).render(createElement(Chat)));
await act(async () => {
  document.querySelector("button").click();
  await asked;
});
console.log(JSON.stringify(document.querySelector("#answer").textContent));
