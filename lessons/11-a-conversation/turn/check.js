// Your turn: the conversation survives a reload, for this tab and no other.

export const place = "#messages";

const say = (text) => JSON.stringify(text);

/** Open the page again, as a reload does: what it keeps for its tab stays. */
async function reload(page) {
  for (const leave of ["beforeunload", "pagehide"]) page.window.dispatchEvent(new page.window.Event(leave));
  const kept = Object.entries(sessionStorage);
  page.kept = sayAll(kept);
  const again = new page.constructor(page.address, page.place);
  const opened = again.open(); // which empties sessionStorage at once
  for (const [name, value] of kept) sessionStorage.setItem(name, value);
  try {
    await opened;
  } catch (error) {
    const sentence = again.explain(error);
    again.close();
    throw new Error(`${sentence} That was after a reload, with ${sayAll(kept)} in the storage. JSON.stringify turns a list into a string, and JSON.parse turns the string back into a list. A const has its value only below its line.`);
  }
  return again;
}

/** Return in short what sessionStorage holds. */
function sayAll(kept) {
  return kept.map(([name, value]) => `${name} = ${value.slice(0, 80)}`).join(", ") || "nothing";
}

/** Reload the page, and let a check look at it. */
async function afterReload(page, look) {
  const again = await reload(page);
  try {
    await look(again);
  } catch (error) {
    throw new Error(again.explain(error));
  } finally {
    again.close();
  }
}

/** Ask, and let the answer come whole. */
async function whole(page, prompt, text) {
  (await page.ask(prompt)).send(text).end();
  await page.soon(() => page.text.includes(text) && page.answer.ariaBusy !== "true");
  page.must(page.text.includes(text), `The answer was ${say(text)}, and #messages shows ${say(page.text)}.`);
}

/** Return what a question carries in short: user: One? / assistant: First. */
function body(question) {
  const turns = question.json?.messages;
  const inShort = turns?.map?.(({ role, content }) => `${role}: ${content}`);
  return inShort?.join(" / ") ?? question.body;
}

/** Press a button. */
function press(page, id) {
  const button = page.document.querySelector(id);
  page.must(button, `The page has no button with the id ${id.slice(1)}.`);
  button.click();
}

export const checks = [
  {
    sentence: "The conversation is there again after a reload",
    async run(page) {
      await whole(page, "One?", "<b>First.</b>");
      await afterReload(page, async (again) => {
        await again.soon(() => again.text.includes("<b>First.</b>"));
        const asked = again.window.performance.getEntriesByType("resource").filter(({ initiatorType }) => initiatorType === "fetch");
        again.must(
          !asked.length && !again.questions.length,
          "After a reload, the page asked the server at once. Show what was stored with add(role, content), and ask only when somebody asks.",
        );
        const shown = again.text;
        const isText = !shown.includes("undefined");
        if (!isText) again.answer.replaceChildren(); // or explain() would look for an await
        again.must(
          isText,
          `"One?" was asked and answered, and the page was reloaded. #messages shows ${say(shown.slice(0, 40))}. Store role and content of each turn, and call JSON.parse on the text before you add its turns.`,
        );
        again.must(
          again.text.includes("One?"),
          `"One?" was asked and answered, and the page was reloaded. #messages shows ${say(again.text)}. sessionStorage held: ${page.kept}. Store the turns as text with JSON.stringify, and add each of them when the page opens.`,
        );
        again.must(
          again.text.includes("<b>First.</b>"),
          `"One?" was answered "<b>First.</b>", and the page was reloaded. #messages shows ${say(again.text)}. Store the turns again when the answer has ended, and show them as text.`,
        );
        const roles = [...again.answer.children].map((node) => node.className).join(", ");
        again.must(
          roles === "user, assistant",
          `A question and its answer were stored, and the page was reloaded. Expected the classes "user, assistant" in #messages, got ${say(roles)}. Show each turn with add(role, content).`,
        );
      });
    },
  },
  {
    sentence: "Another tab knows nothing about it",
    async run(page) {
      localStorage.clear();
      await whole(page, "A secret?", "Yes.");
      const { cookie } = page.document;
      for (const each of cookie.split("; ")) page.document.cookie = `${each.split("=")[0]}=; max-age=0`;
      page.must(
        !cookie.includes("A secret?") && !cookie.includes(encodeURIComponent("A secret?")),
        "A cookie holds the conversation. All tabs share it, it travels with each request, and a few thousand characters fill it. Use sessionStorage, which belongs to one tab.",
      );
      const shared = Object.values(localStorage).join(" ");
      localStorage.clear();
      page.must(
        !shared.includes("A secret?"),
        "localStorage holds the conversation. All tabs share it, and it stays when they are closed. Use sessionStorage, which belongs to one tab.",
      );
    },
  },
  {
    sentence: "The model gets what was said before the reload",
    async run(page) {
      await whole(page, "One?", "First.");
      await whole(page, "Two?", "Second.");
      await afterReload(page, async (again) => {
        const question = await again.ask("Three?");
        const expected = "user: One? / assistant: First. / user: Two? / assistant: Second. / user: Three?";
        again.must(
          body(question) === expected,
          `Two questions had been answered, the page was reloaded, and the user asked "Three?". Expected ${say(expected)}, but the server got ${say(body(question))}. Store all turns, and put them into the list turns as well.`,
        );
      });
      await afterReload(page, async (again) => {
        press(again, "#again");
        await again.soon(() => again.questions.length);
        again.must(
          again.questions.length && again.answer.isConnected && again.text.includes("First."),
          `After a reload, someone pressed "Ask again", and #messages shows ${say(again.text)}. That button removes the node of the last answer: give each stored turn a node of its own, with add(role, content).`,
        );
      });
    },
  },
  {
    sentence: "A stopped answer is kept too",
    async run(page) {
      const answer = (await page.ask("One?")).send("Half an");
      await page.soon(() => page.text.includes("Half an"));
      press(page, "#stop");
      await page.soon(() => answer.hungUp && page.answer.ariaBusy !== "true");
      await afterReload(page, async (again) => {
        await again.soon(() => again.text.includes("Half an"));
        again.must(
          again.text.includes("Half an"),
          `An answer was stopped after "Half an", and the page was reloaded. #messages shows ${say(again.text)}. Store the turns however an answer ends.`,
        );
      });
    },
  },
  {
    sentence: "A new conversation is still empty after a reload",
    async run(page) {
      await whole(page, "One?", "First.");
      press(page, "#fresh");
      await page.soon(() => !page.text.trim());
      await afterReload(page, async (again) => {
        again.must(
          !again.text.includes("One?"),
          `A new conversation started, and the page was reloaded. #messages shows ${say(again.text)}. Store the empty list, too.`,
        );
      });
    },
  },
];
