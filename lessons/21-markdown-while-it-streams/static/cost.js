// What an answer costs: how many nodes (elements and texts) the page had to add.

/** Count the nodes added to an element, and show the number in another. */
export function countNodes(element, place) {
  let added = 0;
  const observer = new MutationObserver((changes) => {
    for (const { addedNodes } of changes) {
      for (const node of addedNodes) added += sizeOf(node);
    }
    place.textContent = `${added} nodes were added to the page for this answer.`;
  });
  observer.observe(element, { childList: true, subtree: true });
  return {
    /** Count from 0 again. */
    begin() {
      observer.takeRecords();
      added = 0;
      place.textContent = "";
    },
  };
}

/** Return the number of nodes in a node, itself included. */
function sizeOf(node) {
  let size = 1;
  for (const child of node.childNodes) size += sizeOf(child);
  return size;
}
