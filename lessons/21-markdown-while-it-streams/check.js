// The page shows Markdown while it arrives, and nothing that a model writes becomes HTML.

const KNOWN = "p h1 h2 h3 h4 h5 h6 ul ol li pre code strong em a b i br div span button";
const NAMES = { b: "strong", i: "em" }; // of elements that look alike
const HTML = `<img src=x onerror="top.ran = 1"> & <b>bold</b>`;
const say = (text) => JSON.stringify(text);

const ENDS = "A new item ends the block before it: call endBlock if rest.depth > depth.";
const THIRD = "Pass this.block && isInside to openItems as its third argument.";
const LINK = "For this address, linkTo returns an element a whose href is the address.";
const WRITE = "Write the text to a new Inline, which shows what is inside a block.";

// Markdown, what the page has to show, as HTML without the <p> in list items, and a hint
const BLOCKS = [
  ["one\ntwo\n\nthree", "<p>one\ntwo</p><p>three</p>", "Only a blank line ends a paragraph: in begin, call endBlock if lines.isBlank(line) is true. In show, open a paragraph only if no block is open, and write line.trimStart() to it."],
  ["# One\n## Two ##\ntext", "<h1>One</h1><h2>Two</h2><p>text</p>", "In show, write line.slice(heading.length) to the heading. In begin, call endBlock if the open block is not a paragraph: the line after a heading is not part of it."],
  ["#one", "<p>#one</p>", "Only lines.headingAt(line) says whether a line is a heading."],
  ["- one\n- two", "<ul><li>one</li><li>two</li></ul>", `Call openItems, and pass rest.line and rest.depth to show. ${ENDS}`],
  ["3. one\n4. two", '<ol start="3"><li>one</li><li>two</li></ol>', `The second line is not inside the first item, so it begins another. ${THIRD}`],
  ["- one\n  - two\n- three", "<ul><li>one<ul><li>two</li></ul></li><li>three</li></ul>", "Pass the line and the depth from enter() to openItems, and what openItems returns to show."],
  ["- one\n\ntext", "<ul><li>one</li></ul><p>text</p>", "The last line does not belong to the item: if no block is open, show() calls this.lists.close(depth)."],
  ["- one\n\n  more", "<ul><li>one more</li></ul>", "Pass the line and the depth from enter() to openItems, and what openItems returns to show."],
  ["- one\ntwo\n\n  more", "<ul><li>one\ntwo more</li></ul>", 'The line "two" continues the item\'s paragraph. In show, call this.lists.close(depth) only if no block is open.'],
  ["text\n- one\n1. two", "<p>text</p><ul><li>one</li></ul><ol><li>two</li></ol>", ENDS],
  ["It was\n1984. We", "<p>It was\n1984. We</p>", `In a paragraph, only the number 1 begins a list. ${THIRD}`],
  ["-one", "<p>-one</p>", "Only openItems says whether a line begins an item."],
  ["```js\nlet *a*;\n\n  # b\n```\ntext", "<pre>let *a*;\n\n  # b</pre><p>text</p>", "If a fence is open, write lines.withoutIndent(line, fence), or call endBlock if lines.endsCode(line, fence) is true. Return in both cases."],
  ["````\n```\n````\n", "<pre>```</pre>", "Only lines.endsCode(line, fence) says whether a line ends the code."],
  ["- one\n  ```\n    two\n  ```\n", "<ul><li>one<pre>  two</pre></li></ul>", "Use the line from enter(), which has no indent of the item."],
  ["text\n\n  ```\n    two\n  ```\n", "<p>text</p><pre>  two</pre>", "The fence is indented, and so is the code: write lines.withoutIndent(line, fence)."],
  ["- ```\n  one\ntwo", "<ul><li><pre>one</pre></li></ul><p>two</p>", "The last line is not inside the item, so it is not code. Check isInside as well as fence."],
  ["> quote\n\n---", "<p>&gt; quote</p><p>---</p>", "What is not a heading, code or an item is a paragraph."],
];
const INLINE = [
  ["**bold** and *em*", "<p><strong>bold</strong> and <em>em</em></p>", WRITE],
  ["a * b, snake_case_name", "<p>a * b, snake_case_name</p>", WRITE],
  ["`a*b*`", "<p><code>a*b*</code></p>", WRITE],
  ["[a](https://b.org/c)", '<p><a href="https://b.org/c">a</a></p>', LINK],
  ["[*a*](http://b.org/c_(d))", '<p><a href="http://b.org/c_(d)"><em>a</em></a></p>', LINK],
];
const ANSWER = [...BLOCKS, ...INLINE].map(([markdown]) => markdown).join("\n\n");

/** Return an element's content as HTML, without what makes no difference here. */
function htmlOf(element) {
  const copy = new DOMParser().parseFromString("<div></div>", "text/html").body.firstChild;
  for (const node of element.childNodes) copy.append(plain(node, copy.ownerDocument));
  copy.normalize();
  return copy.innerHTML;
}

/** Return a copy of a node that has the attributes which count, and no others. */
function plain(node, document) {
  if (node.nodeType === Node.TEXT_NODE) return document.createTextNode(wordsOf(node));
  const parts = [...node.childNodes].map((child) => plain(child, document));
  const parent = node.parentElement.localName;
  const name = node.localName;
  const copy = document.createDocumentFragment();
  if (name === "button") return copy;
  const isBare = ["div", "span"].includes(name) || (name === "code" && parent === "pre");
  if (isBare) {
    copy.append(...parts);
  } else if (name === "p" && parent === "li") {
    copy.append(node.previousElementSibling ? " " : "", ...parts);
  } else {
    const element = document.createElement(NAMES[name] ?? name);
    element.append(...parts);
    if (name === "pre") element.textContent = element.textContent.replace(/\n$/, "");
    if (name === "a") element.setAttribute("href", node.getAttribute("href"));
    if (name === "ol" && node.start !== 1) element.setAttribute("start", node.start);
    copy.append(element);
  }
  return copy;
}

/** Return what a text node says; outside of code, white space is one space or newline. */
function wordsOf(node) {
  const parent = node.parentElement;
  if (parent.closest("pre")) return node.data;
  const isLast = !node.nextSibling;
  const words = node.data.replace(/[ \t]*\n[ \t]*/g, "\n");
  const isBetween = ["ul", "ol", "li", "div"].includes(parent.localName);
  if (isBetween && !words.trim()) return "";
  return isLast && parent.localName !== "code" ? words.trimEnd() : words;
}

const busy = (page) => page.answer.ariaBusy === "true";

/** Ask, send the pieces of an answer, and return what the page shows when it has ended. */
async function shown(page, ...pieces) {
  const answer = await page.ask("Hello?");
  for (const piece of pieces) answer.send(piece);
  answer.end();
  await page.soon(() => !busy(page));
  return htmlOf(page.answer);
}

/** Cut a text into pieces of that many characters; no letter is cut. */
function inPieces(text, size) {
  const pieces = [];
  for (let at = 0; at < text.length; at += size) pieces.push(text.slice(at, at + size));
  return pieces;
}

async function compare(page, table) {
  for (const [markdown, expected, hint] of table) {
    const html = await shown(page, markdown);
    page.must(
      html === expected,
      `The model wrote ${say(markdown)}. Expected ${say(expected)}, but the page shows ${say(html)}. ${hint}`,
    );
  }
}

/** Count the nodes and the letters that a page adds for an answer. */
async function costOf(page, pieces) {
  let cost = 0;
  const observer = new page.window.MutationObserver((changes) => {
    for (const { type, target, oldValue, addedNodes } of changes) {
      if (type === "characterData") cost += Math.max(target.data.length - oldValue.length, 0);
      for (const node of addedNodes) cost += 1 + node.textContent.length;
    }
  });
  const all = { childList: true, subtree: true, characterDataOldValue: true };
  observer.observe(page.answer, all);
  await shown(page, ...pieces);
  observer.disconnect();
  return cost;
}

export const checks = [
  {
    sentence: "The answer is on the page while it arrives",
    async run(page) {
      const answer = await page.ask("Hello?");
      answer.send("one");
      await page.soon(() => page.text.includes("one"));
      page.must(
        page.text === "one",
        `The server had sent "one" and was still writing, and the page showed ${say(page.text)}. Pass each piece to markdown.write, and show a line as soon as you know its block.`,
      );
      answer.send(" two");
      await page.soon(() => page.text.includes("two"));
      page.must(
        page.text === "one two",
        `The server sent "one" and " two", and the page shows ${say(page.text)}. Add the rest of a line to the open block.`,
      );
      page.must(busy(page), "The answer is being written, but #answer is not marked as busy. Keep answer.ariaBusy = true, where a question is asked.");
      answer.end();
      await page.soon(() => !busy(page));
      page.must(!busy(page), "The answer has ended, but #answer is still marked as busy. Set answer.ariaBusy to false at the end.");
      await shown(page, "- one\n-");
      await shown(page, "  two");
      page.must(
        page.text.split("two").length < 3,
        `The model wrote "  two", and the page shows ${say(page.text)}. When the line in start has begun, set start to "" again.`,
      );
      page.must(
        page.text.trim() === "two",
        `After other answers the model wrote "  two", and the page shows ${say(page.text)}. Make a new Markdown for each answer: the old one still knows the lists and the line of its answer.`,
      );
    },
  },
  {
    sentence: "What a model writes never becomes HTML",
    async run(page) {
      delete window.top.ran;
      const places = ["", "# ", "- ", "```\n", "`", "**", "[", "> ", "![", "[a](https://b.org/"];
      for (const before of places) {
        await shown(page, `${before}${HTML}\n`);
        const elements = [...page.answer.querySelectorAll("*")];
        const strange = elements.find(({ localName }) => !KNOWN.split(" ").includes(localName));
        page.must(
          !strange && !page.answer.querySelector("b") && !window.top.ran,
          `The model wrote ${say(before + HTML)}, and the page made it an element, <${strange?.localName ?? "b"}>. A script in it would run on this page. Create each element with document.createElement, and add the model's words as text, with append.`,
        );
        page.must(
          page.text.includes(HTML),
          `The model wrote ${say(before + HTML)}, and the page shows ${say(page.text)}. Show HTML as text, unchanged.`,
        );
      }
    },
  },
  {
    sentence: "Text that is still waiting is shown at the end",
    async run(page) {
      const ends = { "a\n\n12": "a12", "``": "``", "one `two": "one `two" };
      for (const [markdown, expected] of Object.entries(ends)) {
        await shown(page, ...markdown);
        page.must(
          page.text === expected,
          `The whole answer was ${say(markdown)}, and the page shows ${say(page.text)}. When the answer has ended, call markdown.end(): it starts the line that was waiting, and ends the open block.`,
        );
      }
      for (const markdown of ["```\nabc\n```", "-", "```js"]) {
        const expected = await shown(page, `${markdown}\n`);
        const html = await shown(page, ...markdown);
        page.must(
          !expected.includes("abc</pre><"),
          `The whole answer was ${say(`${markdown}\n`)}, and the page shows ${say(expected)}. A line of code is only code: in begin, return after you have written it, and after endBlock for the line that ends the code.`,
        );
        page.must(
          html === expected,
          `The whole answer was ${say(markdown)}, and the page shows ${say(html)}. With a line break at its end, the page shows ${say(expected)}. Wait while isUndecided says so. A start that still waits at the end is a whole line: begin it with "\\n" added.`,
        );
      }
      const answer = await page.ask("Hello?");
      answer.send("one\n\n12");
      await page.soon(() => page.text.includes("one"));
      answer.breakOff();
      await page.soon(() => !busy(page));
      page.must(
        page.text === "one12" && page.complaint,
        `The answer "one\\n\\n12" broke off, and the page shows ${say(page.text)} and says ${say(page.complaint)}. Keep the text that has arrived, even if the loop throws: call markdown.end() after the try.`,
      );
    },
  },
  {
    sentence: "The blocks are those that the model wrote",
    run: (page) => compare(page, BLOCKS),
  },
  {
    sentence: "Emphasis, inline code and links are those that the model wrote",
    run: (page) => compare(page, INLINE),
  },
  {
    sentence: "Links lead only to http and https",
    async run(page) {
      const addresses = ["javascript:top.ran=1", "JavaScript:alert()", "javascript:top.ran=1//https://b.org", "data:text/html,a", "data:text/html,http://b.org", "//b.org", "httpx://b.org", "b.html"];
      for (const address of addresses) {
        const markdown = `[a](${address})`;
        await shown(page, markdown);
        const link = page.answer.querySelector("a");
        page.must(
          !link,
          `The model wrote ${say(markdown)}, and the page has a link to ${say(link?.getAttribute("href"))}. Return null unless the address begins with http:// or https://, in upper or lower case.`,
        );
        page.must(
          page.text === markdown,
          `The model wrote ${say(markdown)}, and the page shows ${say(page.text)}. Show text that is not a link as it was written.`,
        );
      }
      const html = await shown(page, "[a](HTTPS://b.org)");
      page.must(
        html.includes("<a "),
        `The model wrote "[a](HTTPS://b.org)", and the page shows ${say(html)}. Ignore case there: HTTPS:// is a link, too.`,
      );
    },
  },
  {
    sentence: "Wherever the answer is cut, the page shows the same",
    async run(page) {
      const whole = await shown(page, ANSWER);
      for (const size of [1, 2, 3, 5, 7]) {
        const html = await shown(page, ...inPieces(ANSWER, size));
        let at = 0;
        while (html[at] === whole[at] && at < whole.length) at += 1;
        const around = (text) => say(text.slice(Math.max(at - 20, 0), at + 20));
        page.must(
          html === whole,
          `Cut into pieces of ${size} characters, an answer looks different. The page shows ${around(html)} where it shows ${around(whole)} for the answer in one piece. Wait while isUndecided says so, and remember whether you are in a line.`,
        );
      }
    },
  },
  {
    sentence: "A block is recognised as soon as it begins",
    async run(page) {
      const halves = [
        ["```js\nconst a", "<pre>const a</pre>"],
        ["# Tit", "<h1>Tit</h1>"],
        ["1. on", "<ol><li>on</li></ol>"],
      ];
      for (const [markdown, expected] of halves) {
        const answer = await page.ask("Hello?");
        answer.send(markdown);
        await page.soon(() => htmlOf(page.answer) === expected);
        const html = htmlOf(page.answer);
        page.must(
          html === expected,
          `The model has written ${say(markdown)} so far. Expected ${say(expected)}, but the page shows ${say(html)}. Start a block when the beginning of its line says what it is: do not wait for its end.`,
        );
        answer.end();
        await page.soon(() => !busy(page));
      }
    },
  },
  {
    sentence: "A block that has ended is never touched again",
    async run(page) {
      const answer = await page.ask("Hello?");
      answer.send("first *words* here\n\nsecond");
      await page.soon(() => page.text.includes("second"));
      const before = [...page.answer.querySelectorAll("p *, p")].slice(0, 2);
      const selection = page.window.getSelection();
      selection.selectAllChildren(before[0]);
      const selected = selection.toString();
      for (const piece of [" block\n", "\n- item", "\n\n```\ncode", "\n```\n\nlast"]) answer.send(piece);
      await page.soon(() => page.text.includes("last"));
      page.must(
        before.every((element) => page.answer.contains(element)) && selection.toString() === selected,
        "The first paragraph had ended and more of the answer came, and the page rebuilt that paragraph: a reader's selection in it is lost. Add to the open block, and leave the others as they are.",
      );
      answer.end();
    },
  },
  {
    sentence: "Four times the text costs four times the work",
    async run(page) {
      const texts = { "short paragraphs": "Some **bold** words.\n\n", "one long paragraph": "some *fine* words ", "one block of code": "a line\n", "one long list": "- a `short` item\n" };
      for (const [name, text] of Object.entries(texts)) {
        const before = name.endsWith("code") ? "```\n" : "";
        const once = await costOf(page, inPieces(before + text.repeat(12), 4));
        const often = await costOf(page, inPieces(before + text.repeat(48), 4));
        page.must(
          often < 5.5 * once,
          `For ${name} the page added ${once} nodes and characters, and for four times the text ${often}: it rebuilds what is already there. Add only what is new.`,
        );
      }
    },
  },
  {
    sentence: "An answer that was replaced changes nothing on the page",
    async run(page) {
      const old = await page.ask("Hello?");
      old.send("old\n\n-");
      await page.soon(() => page.text.includes("old"));
      const fresh = await page.ask("Another?");
      await page.soon(() => old.hungUp);
      page.must(old.hungUp, "A new question came, but the old answer's connection is still open. Abort it first.");
      fresh.send("new");
      await page.soon(() => page.text.includes("new"));
      fresh.end();
      await page.soon(() => !busy(page));
      const html = htmlOf(page.answer);
      page.must(
        html === "<p>new</p>",
        `A new question came while an answer arrived. Its answer is "new", and the page shows ${say(html)}. Make a new Markdown for each answer, and call end() only if the page still shows that answer.`,
      );
    },
  },
];
