// Checks of a page, in a browser. The page runs in a frame and its fetch is ours: a
// check asks as a person does, and answers as a server does, piece by piece.

import { adviceOn } from "./advice.js";
import { endEndlessReads } from "./endless_reads.js";
import { reached } from "./reached.js";

const PATIENCE = 3000; // ms to wait for the page while it has a timer
const SHORT_PATIENCE = 600; // ms, if it has none, or once its script has broken
const FEWEST_TURNS = 12; // that the page gets, however slow the machine is
const LOAD_PATIENCE = 30_000; // ms for a page to load: an import takes 10 s at most
const MOST_LOADS = 10; // that a page may take to load once: it can lead to another
const PROBLEM = "#problem, [role=alert]"; // where a page says what went wrong
const LEFT =
  "The page went to another address, or loaded itself again, while somebody used it. Look for a link, a form or a line that changes location.";
const CLICK = "Failed to execute 'click' on 'HTMLElement': ";

/**
 * Run the checks of a file on the page at an address. Report each as {sentence, outcome,
 * message}: "green", "red", or after the first red one "not checked". End between two when
 * isOld() says that the page has changed. Throw a sentence if the server has stopped: a red
 * check would then say nothing about the page.
 */
export async function runChecks(address, file, report, isOld = () => false) {
  const { checks, place = "#answer" } = await import(new URL(file, location));
  let outcome = "green";
  for (const { sentence, run } of checks) {
    if (isOld()) return;
    let message = "";
    if (outcome === "green") {
      const page = new Page(new URL(address, location).href, place);
      try {
        await page.open();
        await Promise.race([run(page), page.leave()]);
      } catch (error) {
        outcome = "red";
        message = page.explain(error);
      }
      page.close();
      if (outcome === "red") await reached(fetch(file, { method: "HEAD", cache: "no-store" }));
      report({ sentence, outcome, message });
    } else {
      report({ sentence, outcome: "not checked", message });
    }
  }
}

/** Let everything else happen for some milliseconds. */
function aMoment(ms = 4) {
  return new Promise((go) => setTimeout(go, ms));
}

/** Return what alerts and text nodes say. */
function wordsOf(alerts, nodes) {
  const texts = nodes.map(({ textContent }) => textContent.trim());
  return [...alerts, ...texts].filter(Boolean).join(" ");
}

/** A page in a frame: what it shows, what it asks. */
class Page {
  questions = [];
  problems = []; // what its script breaks on
  alerts = [];
  readsOn = ""; // a sentence about a loop that never stops reading
  before = new Map(); // each text node that was there when it was last asked
  alertsBefore = 0;
  leaves = false; // because the form was sent by the browser itself
  unsent = ""; // why the browser sends no such request
  usesAnotherWay = false; // XMLHttpRequest, which nothing here answers
  timers = new Set(); // the numbers of the page's timers that have not run yet
  frames = new Set(); // the same for requestAnimationFrame

  constructor(address, place) {
    this.address = address;
    this.place = place; // where the answer is shown: a selector
    this.frame = document.createElement("iframe");
    // out of sight, but drawn: innerText is different where nothing is drawn
    Object.assign(this.frame.style, { position: "fixed", right: "100vw", width: "50rem" });
    this.frame.inert = true;
  }

  async open() {
    try {
      sessionStorage.clear(); // what the previous page kept there
    } catch {
      // the browser lets no page keep anything
    }
    let isLoaded = false;
    this.frame.addEventListener("load", () => (isLoaded = true));
    this.frame.src = this.address;
    document.body.append(this.frame);
    this.window = this.frame.contentWindow;
    while (!isLoaded && this.window.location.href === "about:blank") await aMoment();
    this.listen(this.window); // before its script runs
    this.noteTimers(this.window);
    await this.loads(() => isLoaded);
    const files = this.window.performance.getEntriesByType("resource");
    const missing = files.find(({ responseStatus }) => responseStatus === 404);
    const file = missing?.name.replace(this.address, "");
    this.must(!missing, `The page loads ${file}, but the server has no such file. Create the file, or check its name.`);
    this.must(!this.problems.length, "The page's script broke while it was starting.");
    this.document = this.window.document;
    this.left = new Promise((go) => {
      // the browser's own event: a check may dispatch one
      this.window.addEventListener("pagehide", (event) => event.isTrusted && go());
    });
    this.answer = this.document.querySelector(this.place);
    const id = this.place.slice(1);
    this.must(this.answer, `The page has no place for the answer. Write <div id="${id}"></div>.`);
    this.window.fetch = async (...request) => {
      const question = this.questionOf(request);
      this.questions.push(question);
      return question.response;
    };
    this.window.XMLHttpRequest.prototype.send = () => (this.usesAnotherWay = true);
    this.window.addEventListener("submit", (event) => {
      this.leaves ||= !event.defaultPrevented;
      event.preventDefault();
    });
    endEndlessReads(this.window, (sentence) => (this.readsOn ||= sentence));
    this.remember();
  }

  /** Wait until the page has loaded; one that loads itself again and again never has. */
  async loads(isLoaded) {
    const began = performance.now();
    const documents = new Set();
    while (!isLoaded()) {
      documents.add(this.frame.contentDocument);
      this.must(documents.size <= MOST_LOADS, "The page loads itself again and again. Look for a line that changes location or calls location.reload().");
      this.must(performance.now() - began < LOAD_PATIENCE, `The page did not load within ${LOAD_PATIENCE / 1000} s. Look for a file that the server never finishes sending.`);
      await aMoment();
    }
  }

  /** Throw a sentence once the page has left: what is asked of it then never ends. */
  async leave() {
    await this.left;
    throw new Error(LEFT);
  }

  close() {
    for (const question of this.questions) question.end();
    this.frame.remove();
  }

  /** Return the question that a fetch asks, or throw what the browser's own would. */
  questionOf(request) {
    try {
      return new Question(this.window, request, this.reply);
    } catch (error) {
      this.unsent = error.message.replace(/^Failed to .*?: /, "");
      throw error;
    }
  }

  listen(window) {
    for (const name of ["alert", "confirm", "prompt"]) {
      window[name] = (text) => void this.alerts.push(text); // nobody is there to close it
    }
    const note = (error, place) => {
      if (!error?.message || error.ours || error.name === "AbortError") return;
      const message = error.message.replace(CLICK, ""); // which is the check's own
      this.problems.push(`${place}: ${error.name}: ${message}`);
    };
    window.addEventListener("unhandledrejection", ({ reason }) => {
      const ownLines = reason?.stack?.replace(/.*\bchecks?\.js.*/g, "");
      const place = /([\w-]+\.js)\S*?:(\d+)/.exec(ownLines); // "page.js:9"
      note(reason, place ? `${place[1]}, line ${place[2]}` : "the page");
    });
    window.addEventListener("error", ({ error, message, filename, lineno }) => {
      if (!message) return; // a picture, say, that is missing
      const file = filename.split("/").at(-1).split("?")[0];
      const isOurs = ["", "checks.js", "advice.js", "check.js", "problems.js"].includes(file);
      const place = isOurs ? "the page" : `${file}, line ${lineno}`;
      note(error?.message ? error : { name: "Error", message }, place);
    });
  }

  /** Import a module of the page, by the page itself: its fetch is the page's. */
  import(path) {
    const code = `return import(${JSON.stringify(new URL(path, this.address).href)})`;
    return new this.window.Function(code)();
  }

  /** Note a window's timers: until they have run, the page may still do something. */
  noteTimers(window) {
    const note = (waiting, begin, cancel) => {
      const begins = window[begin];
      const cancels = window[cancel];
      window[begin] = (run, ...settings) => {
        const runs = (...values) => {
          if (begin !== "setInterval") waiting.delete(number);
          run(...values);
        };
        const isFunction = typeof run === "function";
        const number = begins.call(window, isFunction ? runs : run, ...settings);
        if (isFunction) waiting.add(number);
        return number;
      };
      window[cancel] = (number) => {
        waiting.delete(number);
        cancels.call(window, number);
      };
    };
    note(this.timers, "setTimeout", "clearTimeout");
    note(this.timers, "setInterval", "clearInterval");
    note(this.frames, "requestAnimationFrame", "cancelAnimationFrame");
  }

  /**
   * Wait a little until so() is true, and return whether it is. A page acts at once
   * unless it has set a timer. One whose script breaks meanwhile usually gets no further.
   */
  async soon(so) {
    const began = performance.now();
    const wasBroken = this.isBroken;
    let now = began;
    let quietSince = began; // since when the page has had nothing left to do
    let turns = 0;
    let wait = 4; // ms, and longer each time: what is late will usually never be there
    const isQuiet = () => now - quietSince > SHORT_PATIENCE && turns >= FEWEST_TURNS;
    while (!so() && now - began < PATIENCE && !isQuiet()) {
      await aMoment(wait);
      wait = Math.min(1.2 * wait, 50);
      turns += 1;
      now = performance.now();
      const hasBroken = this.isBroken && !wasBroken;
      const isWaiting = this.timers.size + this.frames.size > 0;
      if (isWaiting && !hasBroken) quietSince = now;
    }
    return Boolean(so());
  }

  /** Whether the script has broken: the browser says so, or the page, in its words. */
  get isBroken() {
    return this.problems.length > 0 || adviceOn(this.complaint).length > 0;
  }

  /** Let the page do what it does at once. */
  async settle() {
    for (let turn = 0; turn < 5; turn++) await aMoment();
  }

  /** Throw a sentence for the student unless it is so. */
  must(so, sentence) {
    if (!so) throw new Error(sentence);
  }

  /** Return the sentence of a check that failed, with what the script broke on. */
  explain(error) {
    if (!this.frame.contentDocument) {
      return "The browser could not load the page, or the page went to another address. If the server has just started, check again.";
    }
    if (this.readsOn) return this.readsOn;
    const [problem] = this.problems;
    const sentences = [error.message];
    const { complaint } = this;
    if (!error.message.includes(complaint)) {
      const said = this.seen(PROBLEM);
      const isOld = said.length > 0 && !said.some((node) => this.isNew(node));
      const says = isOld ? "The page still shows an earlier message" : "The page says";
      sentences.push(`${says}: ${JSON.stringify(complaint)}.`);
    }
    if (problem) sentences.push(`The browser's console says: ${problem.replace(/\.$/, "")}.`);
    const seen = [...sentences.slice(1), this.answer?.textContent].join(" ");
    sentences.push(...adviceOn(seen));
    return sentences.join(" ");
  }

  get form() {
    return this.document.querySelector("form");
  }

  get button() {
    const sends = 'button:not([type="button"], [type="reset"]), input[type="submit"]';
    return this.form?.querySelector(sends) ?? this.document.querySelector("button");
  }

  /** The text in the place of the answer, to the letter. */
  get text() {
    if (this.answer.nodeName === "TEXTAREA") return this.answer.value;
    const kinds = NodeFilter.SHOW_ELEMENT | NodeFilter.SHOW_TEXT;
    const nodes = this.document.createTreeWalker(this.answer, kinds);
    let text = "";
    while (nodes.nextNode()) {
      const node = nodes.currentNode;
      if (node.nodeName === "BR") text += "\n";
      if (node.nodeType === Node.TEXT_NODE) text += node.textContent;
    }
    return text;
  }

  /** What the page says of a problem. */
  get complaint() {
    const places = this.document?.querySelectorAll(PROBLEM) ?? [];
    return [...places].map((place) => place.textContent.trim()).join(" ").trim();
  }

  /** What a person reads elsewhere on the page. */
  get words() {
    return wordsOf(this.alerts, this.elsewhere());
  }

  /** What of these words has come since the page was opened, or last asked. */
  get news() {
    const nodes = this.elsewhere().filter((node) => this.isNew(node));
    return wordsOf(this.alerts.slice(this.alertsBefore), nodes);
  }

  /** Return the text nodes on the page that are not the answer, nor on a button. */
  elsewhere() {
    const apart = `${this.place}, button, script, style, noscript, textarea`;
    return this.seen("body").filter(({ parentElement }) => !parentElement.closest(apart));
  }

  /** Return the text nodes that can be seen below what a selector finds. */
  seen(selector) {
    const nodes = [];
    for (const element of this.document?.querySelectorAll(selector) ?? []) {
      const texts = this.document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
      while (texts.nextNode()) {
        const node = texts.currentNode;
        if (node.textContent.trim() && node.parentElement.checkVisibility()) nodes.push(node);
      }
    }
    return nodes;
  }

  /** Keep what is on the page: what comes from now on is new. */
  remember() {
    this.before = new Map(this.seen("body").map((node) => [node, node.textContent]));
    this.alertsBefore = this.alerts.length;
  }

  /** Whether a text node has come, or has changed, since. */
  isNew(node) {
    return this.before.get(node) !== node.textContent;
  }

  /**
   * Ask as a person would, and return the Question that reaches the server. It replies
   * with status 200 and a body that the check sends, or as the reply says: a status, its
   * text, its type and headers, {unreachable: true}, or {silent: true} for never.
   */
  async ask(prompt, reply = {}) {
    this.reply = reply;
    const input = this.form?.querySelector("[name=prompt], #prompt, textarea, input");
    this.must(input, 'The page has no <form> with an <input name="prompt">.');
    input.value = prompt;
    input.dispatchEvent(new this.window.Event("input", { bubbles: true }));
    const before = this.questions.length;
    const { button, form } = this;
    this.must(
      !button?.disabled,
      `The button "${button?.textContent.trim()}" is disabled, so nobody can ask. Enable it again in finally, whatever happened.`,
    );
    this.remember();
    if (button) button.click();
    else form.requestSubmit();
    const asked = () => this.questions.length > before;
    await this.soon(() => this.leaves || this.unsent || this.usesAnotherWay || asked());
    this.must(
      !this.leaves,
      "The browser submitted the form itself and reloaded the page. Listen to the form's submit event, and call event.preventDefault() there first.",
    );
    this.must(
      !this.unsent,
      `The page called fetch, but the browser did not send it: ${this.unsent.replace(/\.?$/, ".")} ${adviceFor(this.unsent)}`,
    );
    this.must(
      !this.usesAnotherWay,
      "The page sends the question with an XMLHttpRequest. Use fetch, whose response has a body that you can read piece by piece. The checks answer only fetch.",
    );
    this.must(
      asked(),
      this.problems.length || this.complaint
        ? "The user asked a question, but the page's script broke before it called fetch."
        : "The user asked a question, but the page did not call fetch. Listen to the form's submit event, and call fetch there.",
    );
    const question = this.questions.at(-1);
    this.must(
      !question.neverSent,
      "The page called fetch with a signal that was already aborted, so the browser did not send the request. Make a new AbortController for each question, and abort only the old one.",
    );
    await question.read;
    return question;
  }
}

/** Return what to try when the browser sends no request for this reason. */
function adviceFor(reason) {
  if (reason.includes("AbortSignal")) return "Pass the controller's signal to fetch.";
  if (reason.includes("body")) return 'Pass method: "POST" to fetch.';
  return "Check the arguments of fetch.";
}

/** Return the type of a body that is all there, or of one that is still to come. */
function typeOf(text = "") {
  if (text.startsWith("{")) return "application/json";
  return text.startsWith("<") ? "text/html; charset=utf-8" : "text/plain; charset=utf-8";
}

/** What a page asked, and the answer to it. */
class Question {
  closed = false;
  hungUp = false; // by the page, while the answer was being written
  neverSent = false; // because its signal was already aborted
  hasSignal = false; // that the page could abort
  whole = ""; // the method that waits for the whole body, if the page called one

  constructor(window, request, reply = {}) {
    const { status = 200, text, type, headers, unreachable, silent } = reply;
    this.window = window;
    const sent = new window.Request(...request);
    this.url = sent.url;
    this.method = sent.method;
    this.type = sent.headers.get("Content-Type") ?? "";
    this.signal = sent.signal;
    this.neverSent = sent.signal.aborted;
    const [asked, settings] = request;
    this.hasSignal = asked instanceof window.Request || Boolean(settings?.signal);
    this.read = sent.text().then((body) => (this.body = body));
    const stream = new window.ReadableStream({
      start: (body) => (this.answer = body),
      cancel: () => {
        this.hungUp ||= !this.closed;
        this.closed = true;
      },
    });
    this.response = new Promise((resolve, reject) => {
      this.signal.addEventListener("abort", () => {
        this.hungUp ||= !this.closed;
        this.breakOff(this.signal.reason);
        reject(this.signal.reason);
      });
      if (this.neverSent) reject(this.signal.reason);
      if (unreachable) reject(this.failure("Failed to fetch"));
      if (silent) return;
      const sent = { "Content-Type": type ?? typeOf(text), ...headers };
      resolve(this.noting(new window.Response(stream, { status, headers: sent })));
    });
    if (text !== undefined) this.send(text).end();
  }

  noting(response) {
    for (const name of ["text", "json", "blob", "bytes", "arrayBuffer"]) {
      const gather = response[name]?.bind(response);
      response[name] = () => {
        this.whole = name;
        return gather();
      };
    }
    return response;
  }

  failure(message) {
    return Object.assign(new this.window.TypeError(message), { ours: true });
  }

  /** The JSON that was asked, or undefined. */
  get json() {
    try {
      return JSON.parse(this.body);
    } catch {
      return undefined;
    }
  }

  /** Send a piece of the answer: a text, or bytes. */
  send(piece) {
    const bytes = typeof piece === "string" ? new TextEncoder().encode(piece) : piece;
    if (!this.closed) this.answer.enqueue(new this.window.Uint8Array(bytes));
    return this;
  }

  /** End the answer. */
  end() {
    if (!this.closed) this.answer.close();
    this.closed = true;
  }

  /** Break the connection off. */
  breakOff(reason = this.failure("network error")) {
    if (!this.closed) this.answer.error(reason);
    this.closed = true;
  }
}
