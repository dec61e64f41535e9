// A client that keeps a conversation, and says in events what happens in it.

import { ask } from "./ask.js";

export class Client extends EventTarget {
  constructor(config) {
    super();
    this.config = config;
    this.asking = new AbortController();
    this.reset();
  }

  send(content) {
    this.add({ role: "user", content });
    return this.answer();
  }

  retry() {
    if (this.messages.at(-1)?.role === "assistant") this.messages.pop();
    return this.answer();
  }

  stop() {
    this.asking.abort();
  }

  reset() {
    this.stop();
    this.messages = []; // of {role, content}
    this.usage = { promptTokens: 0, completionTokens: 0, totalTokens: 0 };
    this.dispatch("reset");
  }

  async answer() {
    this.stop(); // one answer at a time
    this.asking = new AbortController();
    const { signal } = this.asking;
    const message = { role: "assistant", content: "" };
    this.dispatch("streaming-start");
    try {
      for await (const { type, detail } of ask(this.config, this.messages, signal)) {
        if (signal.aborted) break; // a last read can come late
        if (type === "token" && message.content === "") this.add(message);
        if (type === "token") message.content += detail.token;
        if (type === "usage") this.usage = detail.usage;
        this.dispatch(type, detail);
      }
    } catch (error) {
      if (!signal.aborted) this.dispatch("error", { error: error.message });
    }
    if (signal === this.asking.signal) this.dispatch("streaming-end");
  }

  add(message) {
    this.messages.push(message);
    this.dispatch("message", message);
  }

  dispatch(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
