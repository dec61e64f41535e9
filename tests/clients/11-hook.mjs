// A React component around a hook, in a DOM, for the clients of lesson 11.

import { Window } from "happy-dom";

const window = new Window({ url: "http://localhost:3000" });
Object.assign(globalThis, { window, document: window.document });
globalThis.navigator ??= window.navigator; // Node 21 and later have one
globalThis.IS_REACT_ACT_ENVIRONMENT = true;
const { act, createElement } = await import("react");
const { createRoot } = await import("react-dom/client");

/** Render a component that calls the hook. Return what it gives, and ways to use it. */
export async function use(hook) {
  const shown = {};
  const Component = () => {
    shown.now = hook();
    return null;
  };
  const root = createRoot(document.createElement("div"));
  await act(() => root.render(createElement(Component)));
  return {
    get now() {
      return shown.now;
    },
    /** Do something with the hook, and wait for what comes of it. */
    do: (step) => act(() => step(shown.now)),
    /** Wait until it is so. */
    async until(so) {
      for (let n = 0; !so(shown.now); n++) {
        if (n > 3000) throw new Error(`it never was: ${so}`);
        await act(() => new Promise((go) => setTimeout(go, 5)));
      }
    },
  };
}

/** Print one JSON value. */
export const print = (value) => console.log(JSON.stringify(value ?? null));
