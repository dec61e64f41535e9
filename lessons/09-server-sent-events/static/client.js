// A client that keeps a conversation, and tells in events what happens in it.

import { ask } from "./ask.js";

export class Client extends EventTarget {
  constructor(config) {
    super();
    Object.assign(this, { config, asking: new AbortController() });
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
    this.tell("reset");
  }

  async answer() {
    this.stop(); // one answer at a time
    const { signal } = (this.asking = new AbortController());
    const message = { role: "assistant", content: "" };
    this.tell("streaming-start");
    try {
      for await (const { type, detail } of ask(this.config, this.messages, signal)) {
        if (signal.aborted) break; // a last read can come late
        if (type === "token" && !message.content) this.add(message);
        if (type === "token") message.content += detail.token;
        if (type === "usage") this.usage = detail.usage;
        this.tell(type, detail);
      }
    } catch (error) {
      if (!signal.aborted) this.tell("error", { error: error.message });
    }
    if (signal === this.asking.signal) this.tell("streaming-end");
  }

  add(message) {
    this.messages.push(message);
    this.tell("message", message);
  }

  tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
