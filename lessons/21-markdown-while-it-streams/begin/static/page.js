import { ask } from "./ask.js";
import { countNodes } from "./cost.js";
import { toHtml } from "./to_html.js";

const form = document.querySelector("form");
const stop = document.querySelector("#stop");
const answer = document.querySelector("#answer");
const problem = document.querySelector("#problem");
const cost = countNodes(answer, document.querySelector("#cost"));
let asking = new AbortController();

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  asking.abort();
  asking = new AbortController();
  const { signal } = asking;
  begin();
  let markdown = "";
  try {
    for await (const text of ask(form.prompt.value, signal)) {
      if (signal.aborted) break; // this piece was on its way when Stop was pressed
      markdown += text;
      answer.innerHTML = toHtml(markdown);
    }
  } catch (error) {
    if (!signal.aborted) problem.textContent = `The answer is not whole: ${error.message}`;
  }
  if (signal !== asking.signal) return; // the page belongs to another question now
  answer.ariaBusy = false;
});

stop.addEventListener("click", () => asking.abort());

/** Make room for a new answer. */
function begin() {
  answer.textContent = "";
  problem.textContent = "";
  answer.ariaBusy = true;
  cost.begin();
}
