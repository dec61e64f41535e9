// Order the lines: put the code of a fold in its order by mouse, touch or keyboard.

for (const fold of document.querySelectorAll(".order")) {
  for (const part of fold.querySelectorAll(".lines")) letOrder(part);
  fold.hidden = false; // without a script nothing would move
}

/** Let a reader move the lines of an exercise, and check their order. */
function letOrder(part) {
  const list = part.querySelector("ol");
  const leave = part.querySelector("[data-does=leave]"); // null: all lines belong
  const status = part.querySelector("[role=status]");
  const plan = JSON.parse(list.dataset.plan);
  let chosen = list.firstElementChild; // the line that buttons and keys move

  function choose(line) {
    chosen = line;
    for (const each of list.children) {
      each.ariaSelected = each === line;
      each.tabIndex = each === line ? 0 : -1; // the Tab key stops at one line only
    }
    if (leave) leave.ariaPressed = isOut(line);
  }

  // The other line is the one that changes its place: this one keeps the focus.

  function moveUp() {
    const above = chosen.previousElementSibling;
    if (above) chosen.after(above);
    sayPlace();
  }

  function moveDown() {
    const below = chosen.nextElementSibling;
    if (below) chosen.before(below);
    sayPlace();
  }

  /** Let the page follow a line that leaves the window. */
  function follow() {
    chosen.scrollIntoView({ block: "nearest" });
  }

  function leaveOut() {
    chosen.classList.toggle("out");
    leave.ariaPressed = isOut(chosen);
    sayPlace();
  }

  function check() {
    const lines = linesIn();
    const right = countRight(plan, lines.map(keyOf));
    const missing = [...list.children].find((line) => isOut(line) && !line.dataset.why);
    const wrong = missing ?? lines[right];
    if (!wrong) {
      say("All lines are in order.", "green");
      return;
    }
    const { why } = wrong.dataset;
    if (missing) say("The marked line belongs to the code: put it back.", "red");
    else if (why) say(`Line ${right + 1} does not belong here. ${why}`, "red");
    else say(`Line ${right + 1} is the first that is out of place.`, "red");
    choose(wrong);
    wrong.dataset.outcome = "red";
    wrong.scrollIntoView({ block: "nearest" });
  }

  /** Return the lines that are not left out. */
  function linesIn() {
    return [...list.children].filter((line) => !isOut(line));
  }

  function sayPlace() {
    const lines = linesIn();
    const place = `Line ${lines.indexOf(chosen) + 1} of ${lines.length}.`;
    say(isOut(chosen) ? "The line is left out." : place);
  }

  function say(sentence, outcome = "") {
    status.textContent = sentence;
    status.dataset.outcome = outcome;
    for (const line of list.children) delete line.dataset.outcome; // of the previous check
  }

  const actions = { up: moveUp, down: moveDown, leave: leaveOut, check };

  part.addEventListener("click", ({ target }) => actions[target.dataset.does]?.());

  list.addEventListener("focusin", ({ target }) => choose(target));

  list.addEventListener("keydown", (event) => {
    const { key, altKey } = event;
    const next = {
      ArrowUp: chosen.previousElementSibling,
      ArrowDown: chosen.nextElementSibling,
      Home: list.firstElementChild,
      End: list.lastElementChild,
    };
    if (!(key in next)) return;
    event.preventDefault(); // the page does not scroll as well
    if (!altKey) next[key]?.focus();
    else if (key === "ArrowUp") moveUp();
    else if (key === "ArrowDown") moveDown();
    follow();
  });

  // A finger beside the grip scrolls the page: then the browser releases the pointer.

  list.addEventListener("pointerdown", ({ target, pointerId, button }) => {
    const line = target.closest("li");
    if (!line || button !== 0) return;
    choose(line);
    list.setPointerCapture(pointerId); // until it is released, wherever that is
  });

  list.addEventListener("pointermove", ({ pointerId, clientY }) => {
    if (!list.hasPointerCapture(pointerId)) return;
    const above = () => chosen.previousElementSibling;
    const below = () => chosen.nextElementSibling;
    while (above() && clientY < middleOf(above())) moveUp();
    while (below() && clientY > middleOf(below())) moveDown();
    follow();
  });

  // A finger that lifts while it moves begins a fling, and Chromium drops the click of
  // the tap that ends it, although touch-action lets nothing scroll.

  function letNothingFling(event) {
    if (event.target.closest(".grip")) event.preventDefault();
  }

  list.addEventListener("touchmove", letNothingFling, { passive: false });

  choose(chosen);
}

/** Return how many keys, from the first, are in the order of a plan.
 *
 * A plan holds keys in their order. A list in it holds plans that may come in any
 * order: [0, [[1], [2, 3]], 4].
 */
function countRight(plan, keys) {
  let right = 0;
  for (const step of plan) {
    if (!Array.isArray(step)) {
      if (keys[right] !== step) return right;
      right += 1;
      continue;
    }
    const blocks = [...step];
    while (blocks.length > 0) {
      const rest = keys.slice(right);
      const counts = blocks.map((block) => countRight(block, rest));
      const best = counts.indexOf(Math.max(...counts)); // the block that comes next
      const [block] = blocks.splice(best, 1);
      right += counts[best];
      if (counts[best] < block.flat(Infinity).length) return right;
    }
  }
  return right;
}

function isOut(line) {
  return line.classList.contains("out");
}

function keyOf(line) {
  return Number(line.dataset.key);
}

function middleOf(line) {
  const { top, bottom } = line.getBoundingClientRect();
  return (top + bottom) / 2;
}
