// The first script of a page in the frame of a lesson. It hears what breaks in the page,
// also in a script that cannot be read, and tells the lesson. See live/heard_pages.py.

"use strict"; // else each function below would be a name that the page cannot give

{
  document.currentScript.remove(); // the page's own scripts find what was written
  const fetchUntapped = fetch; // the lesson draws what the page fetches: see tap.js
  const OWN = /\/(mine|program)\/(?:bad\/)?(.+)/; // the address of a file of the program

  const LONGEST = 400; // characters that are shown: a message can contain a whole file

  function tell(problem) {
    const end = problem.length > LONGEST ? "..." : "";
    parent.postMessage({ problem: problem.slice(0, LONGEST) + end }, location.origin);
  }

  /** Return the name of a file of the program, "mine/static/page.js", by its address. */
  function nameOf(address) {
    const { href, origin, pathname } = new URL(address, location);
    if (origin !== location.origin) return href; // of another server
    const [, folder, name] = OWN.exec(pathname) ?? [];
    if (!name) return "the page";
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
    ({ target, message, filename, lineno }) => {
      if (target instanceof Element) {
        setTimeout(tellWhatIsMissing, 0, target); // when the browser has noted its status
      } else {
        const words = message.replace(/^Uncaught /, "");
        tell(`${placeOf(filename, lineno)}: ${words}`);
      }
    },
    true, // an element that cannot load tells nobody around it
  );

  addEventListener("unhandledrejection", ({ reason }) => {
    if (reason?.name === "AbortError") return; // somebody has pressed Stop
    const [, address, line] = /(\S+?):(\d+)(?::\d+)?\)?$/m.exec(reason?.stack ?? "") ?? [];
    const place = line ? placeOf(address.replace(/^.*[(@]/, ""), line) : "the page";
    tell(`${place}: ${reason}`);
  });
}
