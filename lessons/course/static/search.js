// The search: where the notes and the glossary say something about some words.

const PAUSE = 250; // ms without a key, after which what was typed is looked up
const FAILED = "The search did not work: check that the server is running.";

const form = document.querySelector("#search");
const { q } = form.elements;
const status = form.querySelector("[role=status]");
const list = form.querySelector("ol");
const search = new URL("../search", import.meta.url); // below the course's address
let asked = new AbortController(); // belongs to the latest question
let timer;

/** Look the words up, and show where they are; return whether that is still wanted. */
async function look() {
  forget();
  const { signal } = asked;
  const words = q.value.trim();
  if (!words) {
    show("");
    return false;
  }
  search.searchParams.set("q", words);
  try {
    const response = await fetch(search, { signal });
    const hits = await response.json();
    show(response.ok ? summaryOf(hits, words) : FAILED, response.ok ? hits : []);
  } catch {
    if (!signal.aborted) show(FAILED);
  }
  return !signal.aborted;
}

/** Give up what was asked, and what was going to be asked. */
function forget() {
  clearTimeout(timer);
  asked.abort();
  asked = new AbortController();
}

/** Show nothing until somebody types again. */
function hide() {
  forget();
  show("");
}

/** Return a sentence that says how much was found. */
function summaryOf({ length }, words) {
  if (length === 0) return `The notes say nothing about “${words}”.`;
  return length === 1 ? "1 place" : `${length} places, the best first`;
}

/** Show a sentence and a list of hits; without either, nothing is shown. */
function show(sentence, hits = []) {
  status.textContent = sentence;
  list.replaceChildren(...hits.map(itemOf));
}

/** Return a hit as an item of the list: a link to the heading, and the words around it. */
function itemOf({ address, title, heading, words }) {
  const item = document.createElement("li");
  const link = document.createElement("a");
  link.href = new URL(address, search);
  link.append(heading);
  const place = document.createElement("small");
  place.append(title);
  const text = document.createElement("p");
  text.append(words);
  item.append(link, place, text);
  return item;
}

form.hidden = false; // without a script it would do nothing

q.addEventListener("input", () => {
  clearTimeout(timer);
  timer = setTimeout(look, PAUSE);
});

form.addEventListener("submit", async (event) => {
  event.preventDefault(); // nothing is sent by a form here
  if (await look()) list.querySelector("a")?.focus();
});

form.addEventListener("keydown", ({ key }) => {
  if (key !== "Escape") return;
  q.focus();
  hide();
});

list.addEventListener("click", ({ target }) => {
  if (target.closest("a")) hide(); // it may lead to a heading of this very page
});

document.addEventListener("click", ({ target }) => {
  if (!form.contains(target)) hide();
});
