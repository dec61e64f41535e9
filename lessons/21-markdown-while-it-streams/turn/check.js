// Your turn: each code block has a button that copies the code, and nothing but the code.

const say = (text) => JSON.stringify(text);
const FIRST = "let *a* = 1;\n  <b>\n";
const SECOND = "print(2)\n";

const buttonsOf = (page) => [...page.answer.querySelectorAll("button")];

/** Keep what a page copies, in a list. */
function copiesOf(page) {
  const copied = [];
  const writeText = async (text) => void copied.push(text);
  Object.defineProperty(page.window.navigator, "clipboard", { value: { writeText } });
  return copied;
}

export const checks = [
  {
    sentence: "Each code block has a button, and nothing else has one",
    async run(page) {
      const answer = await page.ask("Hello?");
      answer.send(`# One\n\n\`\`\`js\n${FIRST}`);
      await page.soon(() => buttonsOf(page).length > 0);
      page.must(
        buttonsOf(page).length === 1,
        `A code block is being written, and the answer has ${buttonsOf(page).length} buttons. Expected one: make it when the block begins, where the page makes its <code>.`,
      );
      answer.send(`\`\`\`\n\n- two\n\n  \`\`\`\n  ${SECOND}  \`\`\`\n\nlast \`code\``);
      answer.end();
      await page.soon(() => page.answer.ariaBusy !== "true");
      page.must(
        buttonsOf(page).length === 2,
        `The answer has two code blocks, a heading, a list and inline code, and ${buttonsOf(page).length} buttons. Make one for each code block.`,
      );
      const wrong = buttonsOf(page).find(({ type }) => type !== "button");
      page.must(!wrong, `A copy button has type ${say(wrong?.type)}. Set button.type = "button": otherwise it would submit a form around it.`);
      const nameless = buttonsOf(page).find((button) => !(button.textContent.trim() || button.ariaLabel));
      page.must(!nameless, 'A copy button has no text. Append "Copy" to it.');
    },
  },
  {
    sentence: "A button copies its own code, as it is at that moment",
    async run(page) {
      const copied = copiesOf(page);
      const answer = await page.ask("Hello?");
      answer.send(`\`\`\`\n${FIRST}`);
      await page.soon(() => page.text.includes("<b>\n"));
      const [first] = buttonsOf(page);
      first.click();
      await page.soon(() => copied.length > 0);
      page.must(
        copied.length > 0,
        "Someone clicked the button, but nothing was copied. Listen to its click, and call navigator.clipboard.writeText(...) there.",
      );
      page.must(
        copied[0] === FIRST,
        `The code so far was ${say(FIRST)}, and the button copied ${say(copied[0])}. Read the textContent of the <code> when someone clicks, and keep the button outside it.`,
      );
      answer.send(`more\n\`\`\`\n\n\`\`\`\n${SECOND}\`\`\`\n`);
      answer.end();
      await page.soon(() => page.answer.ariaBusy !== "true");
      for (const [at, code] of [`${FIRST}more\n`, SECOND].entries()) {
        const before = copied.length;
        buttonsOf(page)[at]?.click();
        await page.soon(() => copied.length > before);
        page.must(
          copied.at(-1) === code && copied.length === before + 1,
          `The code of block ${at + 1} is ${say(code)}, and its button copied ${say(copied.slice(before).join())}. Let each button copy the code of its own block, once.`,
        );
      }
    },
  },
  {
    sentence: "The button stays while its code grows",
    async run(page) {
      const answer = await page.ask("Hello?");
      answer.send("```\none\n");
      await page.soon(() => buttonsOf(page).length > 0);
      const [button] = buttonsOf(page);
      answer.send("two\n");
      await page.soon(() => page.text.includes("two"));
      page.must(
        page.answer.contains(button) && buttonsOf(page).length === 1,
        "A line was added to the code, and the button was replaced. Make it once, when the block begins.",
      );
      const code = page.answer.querySelector("code");
      page.must(
        code?.textContent === "one\ntwo\n",
        `The code is "one\\ntwo\\n", and the <code> contains ${say(code?.textContent)}. Put the button after the <code>, not inside it.`,
      );
      answer.end();
    },
  },
];
