// The way through: which lessons are green, in order, up to the first that is not.

import { check, onPress, outcomeOf, redOf } from "./work.js";

const lessons = document.querySelectorAll("#lessons [data-checks]");
const button = document.querySelector("#check");
const status = document.querySelector("#status");

onPress([button], status, async () => {
  for (const lesson of lessons) mark(lesson, "");
  for (const lesson of lessons) {
    const { href, textContent: title } = lesson.querySelector("a");
    status.textContent = `${title}: checking mine/`;
    const inBrowser = "browser" in lesson.dataset;
    const { all } = await check(href, { inBrowser }, () => {});
    mark(lesson, outcomeOf(all));
    const red = redOf(all);
    if (red) return `You are at ${title}. ${red.sentence}: ${red.message}`;
  }
  return "All is green.";
});

/** Write the outcome beside a lesson: "green", "red", "gone on", or "" for none yet. */
function mark(lesson, outcome) {
  lesson.dataset.outcome = outcome;
  lesson.querySelector(".found").textContent = outcome;
}
