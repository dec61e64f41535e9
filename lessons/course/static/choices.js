// What somebody has chosen: the browser remembers it, unless it may not, or has no room.

/** Return what was chosen under that name, or null. */
export function chosen(name) {
  try {
    return localStorage.getItem(name);
  } catch {
    return null;
  }
}

/** Remember a choice for the next page. */
export function choose(name, value) {
  try {
    localStorage.setItem(name, value);
  } catch {
    // it is chosen on this page only
  }
}
