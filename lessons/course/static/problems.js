// The first script of a page in the frame of a lesson. It hears what breaks in the page,
// also in a script that cannot be read, and tells the lesson. See live/heard_pages.py.

{
  document.currentScript.remove(); // the page's own scripts find what was written
  const OWN = /\/(mine|program)\/(?:bad\/)?(.+)/; // the address of a file of the program

  const tell = (problem) => parent.postMessage({ problem }, location.origin);

  /** Return the name of a file of the program, "mine/static/page.js", by its address. */
  function nameOf(address) {
    const [, folder, name] = OWN.exec(new URL(address, location).pathname) ?? [];
    if (!name) return "the page";
    return folder === "mine" ? `mine/${name}` : name;
  }

  /** Say which file is missing: that of a script, or one that the script imports. */
  function tellWhatIsMissing({ src, href }) {
    const files = performance.getEntriesByType("resource");
    const missing = files.find(({ responseStatus }) => responseStatus >= 400);
    const name = nameOf(missing?.name ?? src ?? href);
    const why = missing ? `the server answered ${missing.responseStatus}` : "the console says why";
    tell(`${name} could not be loaded: ${why}. Look at its name, here and where it is asked for.`);
  }

  addEventListener(
    "error",
    ({ target, message, filename, lineno }) => {
      if (target instanceof Element) {
        setTimeout(tellWhatIsMissing, 0, target); // when the browser has noted its status
      } else {
        const words = message.replace(/^Uncaught /, "");
        tell(`${nameOf(filename)}, line ${lineno}: ${words}`);
      }
    },
    true, // an element that cannot load tells nobody around it
  );

  addEventListener("unhandledrejection", ({ reason }) => {
    if (reason?.name === "AbortError") return; // somebody has pressed Stop
    const [, address, line] = /(\S+?):(\d+)(?::\d+)?\)?$/m.exec(reason?.stack ?? "") ?? [];
    const place = line ? `${nameOf(address.replace(/^.*[(@]/, ""))}, line ${line}` : "the page";
    tell(`${place}: ${reason}`);
  });
}
