// The page: the form asks, the answer grows, and the wire strip draws what arrives.

import { ask } from "./ask.js";
import { wireStrip } from "./wire.js";

const FAILURES = ["unreached", "refused", "broken"]; // the names of ask's errors
const form = document.querySelector("form");
const prompt = document.querySelector("#prompt");
const stop = document.querySelector("#stop");
const answer = document.querySelector("#answer");
const status = document.querySelector("#status");
const copy = document.querySelector("#copy");
const wire = wireStrip(document.querySelector("#wire")); // begin, read and end draw it
let asking = new AbortController(); // belongs to the answer that is being written

/** Show the answer to a question as it arrives, then say how it ended. */
async function show(question) {
  asking.abort(); // one answer at a time
  const controller = new AbortController();
  const signal = controller.signal;
  asking = controller;
  // The browser keeps this while the page is reloaded: see fillIn. ("" has no effect.)
  history.replaceState({ question }, "");
  begin();

  let how = "complete";
  let sentence = "The answer is complete.";
  try {
    // "for await" waits for each piece that ask yields
    for await (const piece of ask(question, signal)) {
      if (signal.aborted) break; // this piece was on its way when Stop was pressed
      write(piece.text);
      wire.read(piece);
    }
  } catch (error) {
    how = error.name;
    sentence = error.message;
    if (!FAILURES.includes(how)) {
      how = "mistake";
      sentence = "This page has a mistake in it: its console says where.";
      reportError(error); // writes it to the console
    }
  }

  if (asking !== controller) return; // the page belongs to another question now
  if (signal.aborted) {
    how = "stopped";
    sentence = "You stopped the answer here.";
  }
  answer.normalize(); // joins the pieces: a screen reader would stop at each
  say(how, sentence);
  wire.end(how);
}

/** Make room for a new answer. */
function begin() {
  answer.textContent = "";
  addBlock();
  copy.textContent = "Copy"; // not "Copied" any more
  say("begun", "The answer is being written.");
  wire.begin();
  end = placeOfTheEnd(); // for follow
  scrollTo(0, end); // down to the answer
}

/**
 * Say how far the answer has got. A screen reader reads out the status, but not the
 * answer: it could not keep up with the words. Its user goes there at the end.
 */
function say(how, sentence) {
  const busy = how === "begun";
  answer.ariaBusy = busy; // it is being written: style.css shows a caret
  stop.ariaDisabled = !busy; // a disabled button would lose the keyboard's focus
  status.dataset.how = how; // data-how, for style.css: failures have a colour
  status.textContent = sentence; // read out: its role is "status"
}

/**
 * Add a piece to the answer's last block. For each piece the browser breaks the lines
 * of this block again. With one block for all, that would get slower and slower.
 */
function write(text) {
  const block = answer.lastElementChild;
  block.append(text);
  const pieces = block.childNodes.length;
  const atLineEnd = text.endsWith("\n"); // the next block begins on a new line
  // 100: few enough to be quick. (&& is Python's "and".)
  if (pieces > 100 && atLineEnd) addBlock();
  else if (pieces > 3000) addBlock(); // even in the middle of a line
}

function addBlock() {
  answer.append(document.createElement("div"));
}

/** Return the question in the address, as in /#q=Why+flush%3F, or "" without one. */
function questionInAddress() {
  const afterHash = location.hash.slice(1); // "q=Why+flush%3F"
  return new URLSearchParams(afterHash).get("q") ?? ""; // ?? "": "" in place of null
}

/**
 * Put a question into the box. After a reload it is the last one, which not every
 * browser keeps while an answer is written. Otherwise it is the one in the address.
 */
function fillIn() {
  if (prompt.value) return; // the browser has kept what was in the box
  // history.state is null before the first question: ?. gives undefined, . would throw.
  prompt.value = history.state?.question ?? questionInAddress();
}

fillIn();
// A link to /#q=... on this page does not load it again.
addEventListener("hashchange", () => {
  prompt.value = questionInAddress() || prompt.value; // (|| is Python's "or".)
});

form.addEventListener("submit", (event) => {
  event.preventDefault();
  // The button of an example has its question as its value. With Enter there may be no
  // button, so ?. again.
  const example = event.submitter?.value;
  if (example) prompt.value = example;
  if (prompt.value.trim()) show(prompt.value); // unless it is blank
});

prompt.addEventListener("keydown", (event) => {
  if (event.key !== "Enter") return;
  if (event.shiftKey) return; // Shift+Enter breaks the line
  // In Japanese, for example, Enter also ends the choice of a word, and must not ask.
  // Safari marks that Enter with the number 229.
  if (event.isComposing || event.keyCode === 229) return;
  event.preventDefault(); // no line break
  if (event.repeat) return; // the key is held down
  form.requestSubmit(); // as if Ask were pressed
});

stop.addEventListener("click", () => asking.abort());

copy.addEventListener("click", async () => {
  getSelection().selectAllChildren(answer); // shows what is copied
  let isCopied = true;
  try {
    await navigator.clipboard.writeText(answer.textContent);
  } catch {
    // The browser refuses, or has no clipboard over plain http: copy the selection.
    isCopied = document.execCommand("copy");
  }
  copy.textContent = isCopied ? "Copied" : "Selected: press Ctrl+C";
});

let end = Infinity; // the last placeOfTheEnd(), at first out of reach

/**
 * Return how far down to scroll: until the window ends where the page does, or half a
 * window below the answer, so that the answer's last lines stay in view.
 */
function placeOfTheEnd() {
  // Pixels from the top of the window, which is innerHeight high; scrollY is above it.
  const pageEnd = document.documentElement.getBoundingClientRect().bottom;
  const answerEnd = answer.getBoundingClientRect().bottom;
  return scrollY + Math.min(pageEnd, answerEnd + innerHeight / 2) - innerHeight;
}

/** Scroll along while the answer grows, unless the reader has scrolled up. */
function follow() {
  if (!answer.firstChild) return; // nothing was asked: only the window has changed
  const wasAtTheEnd = scrollY > end - 2; // heights are rounded: 2 pixels do not count
  end = placeOfTheEnd();
  if (wasAtTheEnd && end > scrollY) scrollTo(0, end); // down, but never up
}

new ResizeObserver(follow).observe(answer); // calls follow when its size changes
