// Start: the server puts what the lesson begins with into mine/.

import { letCopy } from "./copy.js";
import { reached } from "./reached.js";
import { whyNot } from "./work.js";

/** Ask for that, and return the sentence that says what was done. */
export async function start(lesson) {
  const response = await reached(fetch(`${lesson}start`, { method: "POST" }));
  if (!response.ok) throw new Error(await whyNot(response));
  const { files, moved_to: movedTo, warning } = await response.json();
  const sentences = [`mine/ holds what this lesson begins with: ${files.join(", ")}.`];
  if (movedTo) sentences.push(`What was there is now in ${movedTo}/.`);
  if (warning) sentences.push(warning);
  return sentences.join(" ");
}

/** Let each button beside a path copy it. */
export function letPathsBeCopied(buttons) {
  for (const button of buttons) {
    button.hidden = !navigator.clipboard; // plain http from elsewhere has none
    letCopy(button, `the path ${button.value}`, () => button.value);
  }
}
