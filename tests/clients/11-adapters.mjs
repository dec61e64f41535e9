// What of the adapters in its guide does the package have? Print code and names.

const adapters = import("@ainative/ai-kit-core/streaming/adapters");
console.log(JSON.stringify(await adapters.then(() => "there", ({ code }) => code)));
const streaming = await import("@ainative/ai-kit-core/streaming");
console.log(JSON.stringify(Object.keys(streaming)));
