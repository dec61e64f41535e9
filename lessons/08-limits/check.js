// Whatever went wrong, the page says it, and in the server's words where it has any.

const say = (text) => JSON.stringify(text);
const busy = (page) => page.answer.ariaBusy === "true";

/** Return what the page says of an answer: not how long it took, which always differs. */
function said(page) {
  const places = page.document.querySelectorAll("#problem, #status, [role=alert], [role=status]");
  return places.length ? [...places].map((place) => place.textContent.trim()).join(" ").trim() : page.words;
}

export const checks = [
  {
    sentence: "A refusal is shown in the server's own sentence",
    async run(page) {
      const error = "The model has too much to do: ask again in 4 s.";
      await page.ask("Hello?", { status: 429, text: JSON.stringify({ error }) });
      await page.soon(() => said(page).includes(error));
      page.must(
        said(page).includes(error),
        `The server refused with {"error": ${say(error)}}, and the page says ${say(said(page))}: read (await response.json()).error, and show it.`,
      );
      page.must(
        !/[{}]/.test(said(page) + page.text),
        `The server refused with {"error": ${say(error)}}, and the page shows the braces too: show the sentence in it.`,
      );
    },
  },
  {
    sentence: "A refusal without a sentence is shown too",
    async run(page) {
      const before = said(page);
      await page.ask("Hello?", { status: 502, text: "<h1>Bad Gateway</h1>" });
      await page.soon(() => said(page) !== before && !busy(page));
      page.must(
        said(page) !== before && /502/.test(said(page)),
        `A server in between refused with status 502 and a page of its own, and the page says ${say(said(page))}: when there is no JSON to read, name the status.`,
      );
    },
  },
  {
    sentence: "A broken answer does not look like a whole one",
    async run(page) {
      const whole = (await page.ask("Hello?")).send("one two");
      whole.end();
      await page.soon(() => page.text === "one two" && !busy(page));
      const before = said(page);
      const broken = (await page.ask("Hello?")).send("one two");
      await page.soon(() => page.text === "one two");
      broken.breakOff();
      await page.soon(() => !busy(page));
      page.must(
        said(page) !== before,
        'One answer ended and another broke, both after "one two", and the page says the same of both: catch what read() throws, and say that it broke off.',
      );
    },
  },
  {
    sentence: "An answer with a last line is broken, whatever the browser says",
    async run(page) {
      const whole = (await page.ask("Hello?")).send("one two");
      whole.end();
      await page.soon(() => page.text === "one two" && !busy(page));
      const before = said(page);
      const line = "\n[error: The model's server failed: ask again.]\n";
      const broken = (await page.ask("Hello?")).send("one two").send(line);
      await page.soon(() => page.text.includes("[error:"));
      broken.end(); // as Safari has it
      await page.soon(() => !busy(page));
      page.must(
        said(page) !== before,
        `The answer ended with the line ${say(line.trim())}, and the page says of it what it says of a whole one: some browsers take a broken body for a whole one, so look for the line.`,
      );
    },
  },
];
