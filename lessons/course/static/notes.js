// The notes: what a page of notes does besides being read.

const contents = document.querySelector(".contents"); // null: not a lesson

// A link to this server leads to the address that the page came from. Its text names
// port 8000, but the server may use a different one.
for (const link of document.querySelectorAll(".notes a.address")) {
  link.textContent = link.href;
}

// The table of contents is folded when it has been used, or is not wanted any more.

contents?.addEventListener("click", ({ target }) => {
  if (target.closest("a")) contents.open = false;
});

document.addEventListener("click", ({ target }) => {
  if (contents && !contents.contains(target)) contents.open = false;
});

contents?.addEventListener("keydown", ({ key }) => {
  if (key !== "Escape" || !contents.open) return;
  contents.open = false;
  contents.querySelector("summary").focus();
});

// On paper, what is folded is open.

let unfolded = [];

addEventListener("beforeprint", () => {
  unfolded = [...document.querySelectorAll(".notes details:not([open])")];
  for (const fold of unfolded) fold.open = true;
});

addEventListener("afterprint", () => {
  for (const fold of unfolded) fold.open = false;
});
