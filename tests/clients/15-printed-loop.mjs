// Read one answer with a loop that many guides print, cut after each of its bytes.
// Prints at how many cuts text was lost, and how many cuts there are.

const WHOLE = [
  'data: {"choices":[{"delta":{"content":"Streams"}}]}\n\n',
  'data: {"choices":[{"delta":{"content":" are fun here."}}]}\n\n',
  "data: [DONE]\n\n",
].join("");

/** The loop as it is printed: no line is carried over, no letter either. */
function printed(reads) {
  const decoder = new TextDecoder();
  let text = "";
  for (const value of reads) {
    const chunk = decoder.decode(value);
    for (const line of chunk.split("\n")) {
      if (line.startsWith("data: ")) {
        const data = line.slice(6);
        if (data === "[DONE]") continue;
        try {
          text += JSON.parse(data).choices[0]?.delta?.content || "";
        } catch {
          // Skip malformed JSON
        }
      }
    }
  }
  return text;
}
const bytes = new TextEncoder().encode(WHOLE);
let lost = 0;
for (let cut = 1; cut < bytes.length; cut++) {
  lost += printed([bytes.slice(0, cut), bytes.slice(cut)]) !== "Streams are fun here.";
}
console.log(lost);
console.log(bytes.length - 1);
