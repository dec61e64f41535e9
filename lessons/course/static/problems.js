// The first script of a page in the frame of a lesson. It hears what breaks in the page,
// also in a script that cannot be read, and tells the lesson. See live/heard_pages.py.

{
  document.currentScript.remove(); // the page's own scripts find what was written
  const OWN = /\/(mine|program)\/(?:bad\/)?(.+)/; // the address of a file of the program

  const LONGEST = 400; // letters that are shown: a message can hold a whole file

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

  /** Say which file is missing: that of a script, or one that the script imports. */
  function tellWhatIsMissing({ src, href }) {
    const files = performance.getEntriesByType("resource");
    const missing = files.find(({ responseStatus }) => responseStatus >= 400);
    const name = nameOf(missing?.name ?? src ?? href);
    const why = missing ? `the server answered ${missing.responseStatus}` : "the console says why";
    tell(`${name} could not be loaded: ${why}. Check the name of the file, and the name in the line that loads it.`);
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
