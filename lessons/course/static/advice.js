// What a student may try, depending on what the browser says about a mistake in a page.

// The first one that matches is shown. Chromium and Firefox word a mistake differently.
const ADVICE = [
  [
    /(^|console says: )\/[^ ]+(, line \d+:| could not be loaded)/,
    "That file is not part of your program. In the line that loads it, do not begin the address with / or ../: write static/page.js.",
  ],
  [
    /not a valid selector|selector is empty/,
    'A selector names an element: "form", or "#answer" for the one whose id is answer.',
  ],
  [
    /: \[object (?!Promise)\w+\]$/,
    'What was thrown is not an Error. Write throw new Error("...") with words that say what went wrong.',
  ],
  [
    /'object null'|\(destructured parameter\) is null/,
    "A function takes an object, but got null. Look at what is passed to it. In a page that passes events on, each event is an object with a type and a detail.",
  ],
  [
    /of null \(reading '(end|isError|late|limit|message|token)'|"(end|isError|late|limit|message|token)", .* is null/,
    "A message can be null, and so can a value that is thrown. Write ?. instead of the dot before that name.",
  ],
  [
    /of null|reading 'addEventListener'|property .* is null|"addEventListener"/,
    'The script looks for an element that index.html does not have. Check its id, which follows a # in querySelector. A script without type="module" also misses elements below it.',
  ],
  [
    /Unexpected reserved word|await is only valid|await is a reserved/,
    "Use await only in a function that is marked async.",
  ],
  [
    /(client|markdown)\.js.*Unexpected identifier '/,
    "Inside a class, a method begins with its name, without function, const, let or def: stop() { ... }. Elsewhere a comma, a bracket or an operator is missing.",
  ],
  [
    /stop\.addEventListener is not a function/,
    'Every page has a built-in function stop(). Write const stop = document.querySelector("#stop"), so that the name means your button.',
  ],
  [
    /Illegal invocation|does not implement interface/,
    "A method was passed without its object. Pass a function that calls it, such as () => asking.abort() or (text) => code.append(text), not just the method.",
  ],
  [
    /of undefined \(reading 'abort'\)|property "abort"/,
    "At the first question there is no controller yet. Start with one: let asking = new AbortController().",
  ],
  [
    /'TextDecodeOptions'|decode: Argument 2|\bstream is not defined/,
    "The second argument of decode is an object, in braces: { stream: true }.",
  ],
  [
    /of undefined \(reading 'is[A-Z]|property "is[A-Z]\w+", .* is undefined/,
    "An object with options is missing in a call, as in new Inline(element, { isParagraph: true }).",
  ],
  [
    /(True|False|None) is not defined/,
    "JavaScript writes true, false and null.",
  ],
  [
    /\bask is not defined/,
    "The listener calls a function ask, which asks the server. Write async function ask(prompt) { ... } outside the listener\'s braces.",
  ],
  [
    /\w is not defined/,
    "A name is known only inside the braces where it was declared. Is it declared there, with the same spelling?",
  ],
  [
    /Assignment to constant variable|invalid assignment to const/,
    "A const cannot be given a second value. Declare the name with let.",
  ],
  [
    /'ReadableWritablePair'|pipeThrough: Argument 1/,
    "pipeThrough takes an object with a writable and a readable side, such as new TextDecoderStream().",
  ],
  [
    /\Sundefined$/,
    "When done is true, there is no value. Leave the loop before you append.",
  ],
  [
    /undefined|\[object Promise\]/,
    "Something is used before it has a value. Is an await or a return missing?",
  ],
  [
    /'new' (operator|is required)|with(out)? 'new'/,
    "Write new before its name.",
  ],
  [
    /is not async iterable/,
    "for await needs what a generator function returns when it is called. Pass the reader itself as the third argument, without (), or pass undefined to get the usual reader.",
  ],
  [
    /(return value|\w\(\.\.\.\)) is not iterable/,
    "To loop over what an async generator yields, write for await. A loop with for ... of alone needs a list.",
  ],
  [
    /is not iterable/,
    "Use braces to unpack an object, and brackets to unpack a list: const { done, value } = ... A loop with for ... of needs a list. getItem returns null for an unknown name, and JSON.parse(null) is null, too. An async generator needs for await.",
  ],
  [
    /is not a function/,
    "The value before the () is not a function. Check the spelling of its name, and what is before the dot.",
  ],
  [
    /not of type 'Node'|appendChild: Argument 1/,
    "appendChild takes only elements. Use append for text.",
  ],
  [
    /Unexpected token '-'|[Ii]nvalid (assignment )?left-hand side/,
    "A name cannot contain a dash. Put a header's name in quotation marks, and write ariaBusy for aria-busy.",
  ],
  [
    /provide an export named:? '?default/,
    'That file exports names, and no default. Import the names in braces, as in import { ask } from "./ask.js", or all of them, as in import * as lines from "./lines.js".',
  ],
  [
    /(does not|doesn't) provide an export/,
    "Write export before that name in the file that it is imported from, and spell it the same way in both files.",
  ],
  [
    /strict mode reserved word|yield is a reserved/,
    "yield needs a function with a star: function*, or async function* if it awaits.",
  ],
  [
    /Invalid shorthand property initializer|missing : after property id/,
    'In an object, a colon follows each name, not an equals sign: { method: "POST" }.',
  ],
  [
    /Invalid or unexpected token|illegal character|string literal contains/,
    "The browser cannot read a character in that line. Use straight quotation marks, end each string in the line where it begins, write comments with // and not with #, and save the file as UTF-8.",
  ],
  [
    /SyntaxError(?!.* is not valid JSON)/,
    "The browser cannot read that line, or the one before it. Check the brackets, commas and quotation marks. Python's not, and, or, raise are !, &&, ||, throw in JavaScript.",
  ],
];

/** Return what to try, in a list; for an unknown mistake, the list is empty. */
export function adviceOn(words) {
  const found = ADVICE.find(([pattern]) => pattern.test(words));
  return found ? [found[1]] : [];
}
