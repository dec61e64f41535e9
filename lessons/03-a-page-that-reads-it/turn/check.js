// Your turn: the page shows below the answer how many pieces it took.

const say = (text) => JSON.stringify(text);

/** Ask, send each piece when the one before it is on the page, and return the words. */
async function wordsAfter(page, pieces) {
  const answer = await page.ask("Hello?");
  let sent = "";
  for (const piece of pieces) {
    answer.send(piece);
    sent += piece;
    await page.soon(() => page.text.startsWith(sent));
  }
  answer.end();
  const number = String(pieces.length);
  await page.soon(() => numbersIn(page.words).includes(number) || page.text !== sent);
  await page.soon(() => page.answer.ariaBusy !== "true");
  page.must(
    page.text.startsWith(sent),
    `The answer was ${say(sent)}, and the page shows ${say(page.text)}. The answer must still grow as before.`,
  );
  page.must(
    page.text === sent,
    `The answer was ${say(sent)}, and #answer shows ${say(page.text)}. Write the number into its own element, below #answer.`,
  );
  return page.words;
}

function numbersIn(words) {
  return words.match(/\d+/g) ?? [];
}

export const checks = [
  {
    sentence: "The number of pieces is shown below the answer",
    async run(page) {
      const before = numbersIn(page.words);
      const words = await wordsAfter(page, ["one", " and two", " three", " four or so", " five"]);
      const numbers = numbersIn(words);
      page.must(
        !words.includes("[object Promise]"),
        `The answer came in 5 pieces, and the page says ${say(words)}. ask is async: you have its number only after await ask(...).`,
      );
      page.must(
        !words.includes("undefined"),
        `The answer came in 5 pieces, and the page says ${say(words)}. Return the number from ask when it leaves its loop.`,
      );
      page.must(
        !words.includes("${"),
        `The answer came in 5 pieces, and the page says ${say(words)}. \${...} works only between backquotes.`,
      );
      page.must(
        numbers.length > 0 && numbers.join() !== before.join(),
        `The answer came in 5 pieces, and the page says ${say(words)}, without a new number. Return the number of pieces from ask, and write it into an element below #answer.`,
      );
      page.must(
        !numbers.includes("6"),
        "The answer came in 5 pieces, but the page says 6. The last read gives no piece: its done is true. Count after the check for done.",
      );
      page.must(
        numbers.includes("5"),
        `The answer came in 5 pieces, and the page says ${say(words)}. Add one for each read that gives a piece.`,
      );
      const top = (element) => element.getBoundingClientRect().top;
      const shown = page.elsewhere().filter((node) => page.isNew(node));
      const place = shown.find(({ textContent }) => textContent.includes("5"));
      page.must(
        !place || top(place.parentElement) >= top(page.answer),
        "The number is above the answer. Move its element below #answer in index.html.",
      );
    },
  },
  {
    sentence: "Each answer has its own number",
    async run(page) {
      await wordsAfter(page, ["one", " two", " three"]);
      const words = await wordsAfter(page, ["four", " five"]);
      page.must(
        numbersIn(words).includes("2") && !numbersIn(words).includes("3"),
        `The first answer came in 3 pieces and the next one in 2. Then the page says ${say(words)}. Start counting at 0 in ask, and replace the old number.`,
      );
    },
  },
  {
    sentence: "The number goes away when a new question is asked",
    async run(page) {
      const before = numbersIn(page.words).join();
      for (const which of ["first", "second"]) {
        const answer = await page.ask("Hello?");
        await page.soon(() => numbersIn(page.words).join() === before);
        page.must(
          numbersIn(page.words).join() === before,
          `The ${which} question was asked and no part of its answer has arrived, but the page says ${say(page.words)}. Empty the element with the number before you ask.`,
        );
        answer.send("one").end();
        await page.soon(() => page.answer.ariaBusy !== "true");
      }
    },
  },
  {
    sentence: "A refused question has no pieces",
    async run(page) {
      await wordsAfter(page, ["one", " two", " three"]);
      await page.ask("Hello?", { status: 500, text: "Internal Server Error" });
      await page.soon(() => page.words.includes("500") || page.complaint);
      await page.soon(() => page.answer.ariaBusy !== "true");
      const words = page.words;
      page.must(
        !numbersIn(words).includes("3"),
        `An answer came in 3 pieces, the next question was refused, and the page says ${say(words)}. The number belongs to the earlier answer. Empty its element before you ask.`,
      );
    },
  },
];
