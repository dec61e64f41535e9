// A client that keeps a conversation, and says in events what happens in it.

import { ask } from "./ask.js";

const NOTHING = { promptTokens: 0, completionTokens: 0, totalTokens: 0 };
const CALLBACKS = { token: "onToken", usage: "onCost", error: "onError" };

export class Client extends EventTarget {
  constructor(config) {
    super();
    this.config = config; // address, budget, callbacks, and what ask.js needs
    this.asking = new AbortController();
    this.isStreaming = false;
    this.messages = []; // of {id, role, content, timestamp}
    this.usage = NOTHING; // of the last answer
    this.spent = 0; // tokens, in all of the conversation
  }

  send(content) {
    this.add({ role: "user", content });
    return this.answer();
  }

  async answer() {
    this.asking = new AbortController();
    const { signal } = this.asking;
    this.isStreaming = true;
    this.dispatch("streaming-start");
    try {
      await this.read(signal);
    } catch (error) {
      if (!signal.aborted) this.dispatch("error", { error: error.message });
    }
    if (signal !== this.asking.signal) return; // another answer has begun
    this.isStreaming = false;
    this.dispatch("streaming-end");
  }

  async read(signal) {
    const message = { role: "assistant", content: "" };
    for await (const { type, detail } of ask(this.config, this.messages, signal)) {
      if (type === "token" && message.content === "") this.add(message);
      if (type === "token") message.content += detail.token;
      if (type === "usage") this.count(detail.usage);
      this.dispatch(type, detail);
    }
  }

  count(usage) {
    this.usage = usage;
    this.spent += usage.totalTokens;
  }

  add(message) {
    const timestamp = Date.now(); // ms
    const id = `${timestamp}-${this.messages.length}`;
    this.messages.push(Object.assign(message, { id, timestamp }));
    this.dispatch("message", message);
  }

  dispatch(type, detail) {
    this.config[CALLBACKS[type]]?.(detail);
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
