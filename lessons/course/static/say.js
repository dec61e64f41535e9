// A sentence on the page, with the code in it: what is between backticks.

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
