export async function* ask(messages, signal) {
  const headers = { "Content-Type": "application/json" };
  const body = JSON.stringify({ messages }, ["messages", "role", "content"]);
  const response = await fetch("ask", { method: "POST", headers, body, signal });
  if (!response.ok) {
    const sentence = await response.json().then(({ error }) => error).catch(() => {});
    throw new Error(sentence || `The server said ${response.status}.`);
  }
  const reader = response.body.getReader();
  const decoder = new TextDecoder();
  while (true) {
    const { done, value } = await reader.read();
    if (done) break;
    yield decoder.decode(value, { stream: true });
  }
  yield decoder.decode();
}
