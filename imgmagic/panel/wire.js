// The line to the kernel: questions with an id, their answers, and news that nobody asked for.

/**
 * An answer, or news.
 * @typedef {Record<string, any>} Content
 * @typedef {{content: Content, parts: DataView[]}} Said
 */

const PATIENCE = 1000;
const GONE = "The panel's kernel is gone: run this cell again to open the panel anew.";

export class Wire {
  /**
   * @param {any} model anywidget's
   * @param {(content: Content, parts: DataView[]) => void} news
   * @param {(waiting: boolean) => void} slow told when an answer takes long, and when none does any more
   */
  constructor(model, news, slow) {
    this.model = model;
    this.slow = slow;
    this.last = Math.floor(Math.random() * 2 ** 40);
    /** @type {Map<number, {resolve: (said: Said) => void, reject: (error: Error) => void}>} */
    this.open = new Map();
    this.heard = (/** @type {Content} */ content, /** @type {DataView[]} */ parts) => {
      if (content.news) news(content, parts);
      const asked = this.open.get(content.re);
      if (!asked) return; // another view of the same panel has asked
      this.open.delete(content.re);
      if (!this.open.size) slow(false);
      if (content.error) asked.reject(new Error(content.error));
      else asked.resolve({ content, parts });
    };
    model.on("msg:custom", this.heard);
  }

  /**
   * Ask the kernel; rejected with the sentence that it answers if it cannot.
   * @param {string} ask
   * @param {Content} [more]
   * @param {ArrayBuffer[]} [parts]
   * @returns {Promise<Said>}
   */
  ask(ask, more = {}, parts = []) {
    this.last += 1;
    const id = this.last;
    return new Promise((resolve, reject) => {
      this.open.set(id, { resolve, reject });
      try {
        this.model.send({ ...more, id, ask }, undefined, parts);
      } catch {
        this.open.delete(id);
        reject(new Error(GONE));
      }
      setTimeout(() => this.open.has(id) && this.slow(true), PATIENCE);
    });
  }

  close() {
    this.open.clear();
    this.model.off("msg:custom", this.heard);
    try {
      this.model.send({ id: 0, ask: "bye" });
    } catch {
      // A kernel that is gone misses nobody.
    }
  }
}
