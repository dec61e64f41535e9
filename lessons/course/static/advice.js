// What a student may try, by what the browser says of a mistake in a page.

// The first that fits is said.
const ADVICE = [
  [
    /of null|reading 'addEventListener'/,
    'The script looks for an element that index.html does not have: look at its id, which stands after a # in querySelector. A script without type="module" also misses what comes below it.',
  ],
  [
    /Unexpected reserved word|await is only valid/,
    "await may stand only in a function that is marked async.",
  ],
  [
    /stop\.addEventListener is not a function/,
    'Each page has a stop() of the browser\'s own: const stop = document.querySelector("#stop") makes it the name of your button.',
  ],
  [
    /Illegal invocation/,
    "A function was passed without the object that it belongs to: write () => asking.abort(), and not asking.abort alone.",
  ],
  [
    /of undefined \(reading 'abort'\)/,
    "At the first question there is no controller yet: let asking begin with one, let asking = new AbortController().",
  ],
  [
    /'TextDecodeOptions'|\bstream is not defined/,
    "The second argument of decode is an object, in braces: { stream: true }.",
  ],
  [
    /(True|False|None) is not defined/,
    "JavaScript writes true, false and null.",
  ],
  [
    /\bask is not defined/,
    "The listener calls a function ask: write it, async function ask(prompt) { ... }, outside of the braces of the listener. It asks the server.",
  ],
  [
    /\w is not defined/,
    "A name is known only inside the braces in which it was made: is it made there, and written the same?",
  ],
  [
    /Assignment to constant variable/,
    "const forbids a second value: make the name with let.",
  ],
  [
    /'ReadableWritablePair'/,
    "pipeThrough wants something to write into and to read from, such as new TextDecoderStream().",
  ],
  [
    /\Sundefined$/,
    "When done is true there is no value: leave the loop first, then append.",
  ],
  [
    /undefined|\[object Promise\]/,
    "Something is used before it is there: is an await missing? Or a return?",
  ],
  [
    /'new' operator/,
    "Write new before its name.",
  ],
  [
    /is not async iterable/,
    "for await loops over what a generator gives when it is called: is the reader passed without (), as the third argument?",
  ],
  [
    /is not iterable/,
    "Braces take an object apart, brackets a list: const { done, value } = ... And for ... of loops over a list: JSON.parse(null) is null, which getItem gives for a name that has none.",
  ],
  [
    /is not a function/,
    "The value before the () is not a function: look how its name is written, and what is before the dot.",
  ],
  [
    /not of type 'Node'/,
    "appendChild takes elements only; append takes a text.",
  ],
  [
    /Unexpected token '-'|Invalid left-hand side/,
    "A name has no dash in it: a header's is written in quotation marks, and aria-busy is called ariaBusy.",
  ],
  [
    /SyntaxError(?!.* is not valid JSON)/,
    "The browser cannot read that line, or the one before it: look at the brackets, commas and quotation marks.",
  ],
];

/** Return what to try, in a list: of a mistake about which nothing is known, none. */
export function adviceOn(words) {
  const found = ADVICE.find(([pattern]) => pattern.test(words));
  return found ? [found[1]] : [];
}
