// React's useObject reads /object; the objects that it shows, the last one, and an error.

import { Window } from "happy-dom";

const window = new Window();
Object.assign(globalThis, { window, document: window.document });
globalThis.navigator ??= window.navigator; // Node 20 has none
const { createElement } = await import("react");
const { createRoot } = await import("react-dom/client");
const { experimental_useObject } = await import("@ai-sdk/react");
const { z } = await import("zod");

const [api, ...prompts] = process.argv.slice(2);
const schema = z.object({
  term: z.string(),
  meaning: z.string(),
  lesson: z.number().int().nullable(),
  related: z.array(z.string()),
});
let asking;
let seen = [];
let finished;
function Form() {
  asking = experimental_useObject({ api, schema, onFinish: (end) => (finished = end) });
  seen.push(asking.object?.meaning);
  return null;
}

/** Let React draw, again and again, until it is so. */
async function until(so) {
  while (!so()) await new Promise((go) => setTimeout(go, 5));
}

for (const prompt of prompts) {
  const root = createRoot(document.createElement("div"));
  [asking, seen, finished] = [undefined, [], undefined];
  root.render(createElement(Form));
  await until(() => asking);
  asking.submit({ prompt });
  await until(() => finished || asking.error);
  const partials = new Set(seen).size;
  console.log(JSON.stringify({ object: asking.object, partials, finished, error: asking.error?.message }));
  root.unmount();
}
process.exit();
