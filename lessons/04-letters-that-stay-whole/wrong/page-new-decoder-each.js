// The server sent "Tragödie, 語, 👋!"; cut after byte 5 the page showed "Trag�die, 語, 👋!". One decoder has to see all pieces of an answer: make it before the loop, call decode(value, { stream: true }) inside, and decode() without bytes only after it.
const form = document.querySelector("form");
const button = document.querySelector("button");
const answer = document.querySelector("#answer");
const problem = document.querySelector("#problem");

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  answer.textContent = problem.textContent = "";
  answer.ariaBusy = button.disabled = true;
  try {
    await ask(form.prompt.value);
  } catch (error) {
    problem.textContent = `The answer is not whole: ${error.message}`;
  } finally {
    answer.ariaBusy = button.disabled = false;
  }
});

async function ask(prompt) {
  const response = await fetch("ask", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ prompt }),
  });
  if (!response.ok) throw new Error(`the server said ${response.status}.`);
  const reader = response.body.getReader();
  while (true) {
    const { done, value } = await reader.read();
    if (done) return;
    const decoder = new TextDecoder();
    answer.append(decoder.decode(value, { stream: true }));
  }
}
