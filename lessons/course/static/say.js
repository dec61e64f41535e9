// Sentences on the page, with the code in them: what is between backticks.

/** Let an element say a sentence, and nothing else. */
export function say(element, sentence) {
  element.replaceChildren(...withCode(sentence));
}

/** Return a text in parts: a backtick beside a quotation mark belongs to a quotation. */
export function withCode(text) {
  return text.split(/(?<![\w"`])`([^`\n]+)`(?![\w"`])/).map((part, i) => {
    if (i % 2 === 0) return part;
    const code = document.createElement("code");
    code.textContent = part;
    return code;
  });
}

/** Return the sentence in {"error": "..."}, or "": not every server sends one. */
export async function sentenceIn(response) {
  try {
    const { error } = await response.json();
    return typeof error === "string" ? error : "";
  } catch {
    return "";
  }
}
