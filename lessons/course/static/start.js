// Start: the server puts what the lesson begins with into mine/.

import { letCopy } from "./copy.js";
import { reached } from "./reached.js";
import { whyNot } from "./work.js";

/** Ask for that, and return the sentence that says what was done. */
export async function start(lesson) {
  const response = await reached(fetch(`${lesson}start`, { method: "POST" }));
  if (!response.ok) throw new Error(await whyNot(response));
  const { files, moved_to: movedTo } = await response.json();
  const kept = movedTo ? ` What was there is now in ${movedTo}/.` : "";
  return `mine/ holds what this lesson begins with: ${files.join(", ")}.${kept}`;
}

/** Let each button beside a path copy it. */
export function letPathsBeCopied(buttons) {
  for (const button of buttons) {
    button.hidden = !navigator.clipboard; // plain http from elsewhere has none
    letCopy(button, `the path ${button.value}`, () => button.value);
  }
}
