// The first script of a page in the frame of a lesson. It hears what breaks in the page,
// also in a script that cannot be read, and tells the lesson. See live/heard_pages.py.

"use strict"; // else each function below would be a name that the page cannot give

{
  document.currentScript.remove(); // the page's own scripts find what was written
  const { parent, performance } = window; // a page may give these names to its own
  const fetchUntapped = fetch; // the lesson draws what the page fetches: see tap.js
  const OWN = /\/(mine|program)\/(?:bad\/)?(.+)/; // the address of a file of the program
  const RUNS = ["", "module", "text/javascript", "application/javascript"]; // types of scripts
  const LONGEST = 400; // characters that are shown: a message can contain a whole file

  let hasFailed = false; // to load or to run a file: the first cause of all else

  function tell(problem) {
    const end = problem.length > LONGEST ? "..." : "";
    parent.postMessage({ problem: problem.slice(0, LONGEST) + end }, location.origin);
  }

  /** Return the name of a file of the program, "mine/static/page.js", by its address. */
  function nameOf(address) {
    const { href, origin, pathname } = new URL(address, location);
    if (origin !== location.origin) return href; // of another server
    if (pathname === location.pathname) return "the page";
    const [, folder, name] = OWN.exec(pathname) ?? [];
    if (!name) return pathname; // not of the program
    return folder === "mine" ? `mine/${name}` : name;
  }

  /** Return "mine/static/page.js, line 3"; a browser does not always know the line. */
  function placeOf(address, line) {
    const name = nameOf(address);
    return Number(line) ? `${name}, line ${line}` : name;
  }

  /** Say which file is missing: that of a script or a style, or one that it imports. */
  async function tellWhatIsMissing({ src, href }) {
    const missing = await missingFile();
    const name = nameOf(missing?.address ?? src ?? href);
    const why = missing ? `the server answered ${missing.status}` : "the console says why";
    tell(`${name} could not be loaded: ${why}. Check the name of the file, and the name in the line that loads it.`);
  }

  /** Return the {address, status} of the first file that is missing, or undefined. */
  async function missingFile() {
    for (const { name: address, responseStatus } of performance.getEntriesByType("resource")) {
      let status = responseStatus;
      // 0 is another server's file, or in Chromium a style that is missing: ask again.
      const isOurs = address.startsWith(`${location.origin}/`);
      if (status === 0 && isOurs) status = await statusOf(address);
      if (status >= 400) return { address, status };
    }
  }

  async function statusOf(address) {
    try {
      return (await fetchUntapped(address, { method: "HEAD" })).status;
    } catch {
      return 0; // the page's own policy can forbid it
    }
  }

  addEventListener(
    "error",
    ({ target, message, error, filename, lineno }) => {
      hasFailed = true;
      if (target instanceof Element) {
        setTimeout(tellWhatIsMissing, 0, target); // when the browser has noted its status
      } else {
        // Chromium can have no words in a module, or words of its own for an object.
        const words = message.replace(/^Uncaught *(exception: )?/i, "");
        const isSaid = words && (!error || error instanceof Error);
        tell(`${placeOf(filename, lineno)}: ${isSaid ? words : String(error)}`);
      }
    },
    true, // an element that cannot load tells nobody around it
  );

  addEventListener("unhandledrejection", ({ reason }) => {
    if (reason?.name === "AbortError") return; // somebody has pressed Stop
    const [, address, line] = /(\S+?):(\d+)(?::\d+)?\)?$/m.exec(reason?.stack ?? "") ?? [];
    const place = line ? placeOf(address.replace(/^.*[(@]/, ""), line) : "the page";
    tell(`${place}: ${String(reason)}`); // a symbol, too
  });

  /** Say why a script does not run, or why nothing is shown: no browser says that. */
  addEventListener("load", () => {
    if (hasFailed) return;
    for (const { src, text, type } of document.scripts) {
      if (!src) continue;
      if (!RUNS.includes(type)) {
        tell(`A browser runs no script with the type "${type}". Write type="module".`);
      } else if (text.trim()) {
        tell(`The <script> of ${nameOf(src)} has no end tag, so it does not run. Write </script> after it.`);
      }
    }
    const { body } = document;
    if (!body.innerText.trim() && !body.querySelector(":not(script, style)")) {
      tell("The page shows nothing. Check that each tag and each comment in index.html has its end.");
    }
  });
}
