// The way through: which lessons are green, in order, up to the first that is not.

import { check, goneOn, onPress, redOf } from "./work.js";

const lessons = document.querySelectorAll("#lessons [data-checks]");
const status = document.querySelector("#status");

onPress(document.querySelector("#check"), status, async () => {
  for (const lesson of lessons) {
    delete lesson.dataset.outcome;
    lesson.querySelector(".found").textContent = "";
  }
  for (const lesson of lessons) {
    const { href, textContent: title } = lesson.querySelector("a");
    status.textContent = `${title}: checking mine/`;
    const all = await check(href, "browser" in lesson.dataset, () => {});
    const red = redOf(all);
    const outcome = red ? "red" : goneOn(all) ? "gone on" : "green";
    lesson.dataset.outcome = outcome;
    lesson.querySelector(".found").textContent = outcome;
    if (red) return `You are at ${title}. ${red.sentence}: ${red.message}`;
  }
  return "All is green.";
});
