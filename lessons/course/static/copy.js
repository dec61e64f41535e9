// A button on each piece of code that copies it. What crosses the wire has none.
// The buttons beside paths, which are in the page already, copy in the same way.

const AGAIN = 2000; // ms that a button says what it has done

/** Return the code in a figure; for a terminal, what was typed there. */
function codeOf(figure) {
  const code = figure.querySelector("code");
  if (!code.querySelector(".gp")) return code.textContent;
  const lines = code.textContent.split("\n");
  const typed = lines.filter((line) => line.startsWith("$ "));
  return typed.map((line) => `${line.slice(2)}\n`).join("");
}

/** Let a button copy what textOf() returns, and call that by this name. */
export function letCopy(button, name, textOf) {
  button.ariaLive = "polite"; // so that "Copied" is read out too
  let timer;

  function say(word) {
    button.textContent = word;
    button.ariaLabel = `${word}: ${name}`;
  }

  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(textOf());
      say("Copied");
    } catch {
      say("Not copied"); // in the frame of another page, say, a browser may refuse
    }
    clearTimeout(timer);
    timer = setTimeout(say, AGAIN, "Copy");
  });
  say("Copy");
}

/** Put a button on a figure that copies its code. */
function addButton(figure) {
  const button = document.createElement("button");
  button.className = "copy";
  button.type = "button";
  letCopy(button, figure.querySelector("figcaption").textContent, () => codeOf(figure));
  figure.append(button);
}

// Pages that came by plain http from another machine have no clipboard.
if (navigator.clipboard) {
  for (const figure of document.querySelectorAll(".notes figure:has(figcaption)")) {
    addButton(figure);
  }
}
