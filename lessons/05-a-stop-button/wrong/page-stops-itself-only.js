// Stop was pressed, the page looks stopped, and the connection is still open: the model writes on, for nobody. Let the button call abort() on the answer's AbortController, a new one for each, and give fetch its signal.
const form = document.querySelector("form");
const stop = document.querySelector("#stop");
const answer = document.querySelector("#answer");
const problem = document.querySelector("#problem");
let asking = new AbortController();

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  asking.abort();
  const { signal } = (asking = new AbortController());
  answer.textContent = problem.textContent = "";
  answer.ariaBusy = true;
  try {
    await ask(form.prompt.value, signal);
  } catch (error) {
    if (!signal.aborted) problem.textContent = `The answer is not whole: ${error.message}`;
  }
  if (signal === asking.signal) answer.ariaBusy = false;
});

stop.addEventListener("click", () => asking.abort());

async function ask(prompt, signal) {
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
    if (done || signal.aborted) break;
    answer.append(decoder.decode(value, { stream: true }));
  }
  answer.append(decoder.decode());
}
