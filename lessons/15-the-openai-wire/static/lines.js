/** Yield the lines of a body, each when it is whole, wherever the bytes are cut. */
export async function* lines(reader) {
  const decoder = new TextDecoder();
  let begun = "";
  while (true) {
    const { done, value } = await reader.read();
    if (done) return;
    begun += decoder.decode(value, { stream: true });
    const whole = begun.split("\n");
    begun = whole.pop(); // the line that the next read continues
    yield* whole;
  }
}
