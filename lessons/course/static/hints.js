// Hints unfold one at a time: a hint that was not asked for spoils the task.

for (const fold of document.querySelectorAll(".notes details")) {
  const hints = [...fold.querySelectorAll(":scope > ol > li")];
  const isHints = fold.querySelector("summary").textContent.trim() === "Hints";
  if (isHints && hints.length > 1) showOneByOne(fold, hints);
}

/** Show the first hint, and a button for the next. */
function showOneByOne(fold, hints) {
  const button = document.createElement("button");
  let shown = 1;

  function show() {
    hints.forEach((hint, i) => (hint.hidden = i >= shown));
    button.textContent = `Hint ${shown + 1} of ${hints.length}`;
    button.hidden = shown === hints.length;
  }

  button.className = "next-hint";
  button.addEventListener("click", () => {
    shown += 1;
    show();
    hints[shown - 1].tabIndex = -1;
    hints[shown - 1].focus(); // it is read out, and the button may be gone
  });
  addEventListener("beforeprint", () => {
    for (const hint of hints) hint.hidden = false;
  });
  addEventListener("afterprint", show);
  show();
  fold.append(button);
}
