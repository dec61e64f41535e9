const form = document.querySelector("form");
const button = document.querySelector("button");
const answer = document.querySelector("#answer");
const problem = document.querySelector("#problem");

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  answer.textContent = "";
  problem.textContent = "";
  answer.ariaBusy = true;
  button.disabled = true;
  try {
    await ask(form.prompt.value);
  } catch (error) {
    problem.textContent = `The answer is not whole: ${error.message}`;
  } finally {
    answer.ariaBusy = false;
    button.disabled = false;
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
  const decoder = new TextDecoder();
  while (true) {
    const { done, value } = await reader.read();
    if (done) return;
    answer.append(decoder.decode(value));
  }
}
