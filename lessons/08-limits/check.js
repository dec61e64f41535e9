// The page that is given says whatever went wrong.

const say = (text) => JSON.stringify(text);
const busy = (page) => page.answer.ariaBusy === "true";

/** Return what the page says of an answer: not how long it took, which always differs. */
function said(page) {
  const places = page.document.querySelectorAll("#problem, #status, [role=alert], [role=status]");
  return places.length ? [...places].map((place) => place.textContent.trim()).join(" ").trim() : page.words;
}

export const checks = [
  {
    sentence: "The page's scripts and styles are allowed by its policy",
    async run(page) {
      const answer = (await page.ask("Hello?")).send("one");
      await page.soon(() => page.text === "one");
      page.must(page.text === "one", `The answer began with "one", and the page shows ${say(page.text)}. Its policy has to allow script-src 'self' and connect-src 'self'.`);
      const { fontFamily } = page.window.getComputedStyle(page.document.body);
      page.must(!/Times|^serif/.test(fontFamily), "The page has no style. Its policy has to allow style-src 'self'.");
      answer.end();
    },
  },
  {
    sentence: "One answer too many is shown in the server's own sentence",
    async run(page) {
      const error = "Too many answers are being written: ask again in 5 s.";
      await page.ask("Hello?", { status: 503, text: JSON.stringify({ error }) });
      await page.soon(() => said(page).includes(error));
      page.must(
        said(page).includes(error),
        `The server refused with {"error": ${say(error)}}, and the page says ${say(said(page))}. Read (await response.json()).error, and show it.`,
      );
    },
  },
  {
    sentence: "An answer that took too long does not look like a complete one",
    async run(page) {
      const whole = (await page.ask("Hello?")).send("one two");
      whole.end();
      await page.soon(() => page.text === "one two" && !busy(page));
      const before = said(page);
      const line = "\n[error: The answer took too long: ask for a shorter one.]\n";
      const broken = (await page.ask("Hello?")).send("one two").send(line);
      await page.soon(() => page.text.includes("[error:"));
      broken.breakOff();
      await page.soon(() => !busy(page));
      page.must(
        said(page) !== before,
        "One answer ended and another took too long and broke, but the page says the same about both. Look for the last line, as in lesson 07, and show that the answer is not complete.",
      );
    },
  },
];
