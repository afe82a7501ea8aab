// An instruction from the panel: the words, how the result should be, and the job that makes it.

import { address, button, choice, disable, labelled, make } from "./page.js";
import { percent, plain } from "./text.js";

const SIZES = ["auto", "1024x1024", "1536x1024", "1024x1536"];
const QUALITIES = ["low", "medium", "high", "auto", "xhigh", "max"];
const MOST_REFERENCES = 15;
const SILENCE = 10_000; // ms

export class Refine {
  /**
   * @param {import("./wire.js").Wire} wire
   * @param {{say: (text: string) => void, fail: (error: unknown) => void, made: (numbers: number[]) => void}} tell
   */
  constructor(wire, tell) {
    this.wire = wire;
    this.tell = tell;
    /** @type {number | null} */
    this.number = null;
    this.running = false;
    this.said = 0;
    /** @type {File[]} */
    this.references = [];
    this.words = make("textarea", { rows: 2, class: "imgmagic-input imgmagic-words", "aria-label": "Instruction", dir: "auto", maxlength: 32000 });
    this.words.addEventListener("keydown", (event) => {
      // While a word is being composed, Enter ends the word.
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      this.begin();
    });
    this.words.addEventListener("input", () => this.switches());
    const same = /** @type {[string, string]} */ (["", "same"]);
    this.size = choice("Size of the result", [same, ...SIZES.map((each) => /** @type {[string, string]} */ ([each, each]))]);
    this.quality = choice("Quality of the result", [same, ...QUALITIES.map((each) => /** @type {[string, string]} */ ([each, each]))]);
    this.count = make("input", { type: "number", min: 1, max: 10, value: 1, class: "imgmagic-input imgmagic-short", "aria-label": "How many variations" });
    this.file = make("input", { type: "file", multiple: true, accept: "image/png,image/jpeg,image/webp", hidden: true, onchange: () => this.add() });
    this.chips = make("span", { class: "imgmagic-chips" });
    this.masked = make("input", { type: "checkbox" });
    this.soft = make("input", { type: "checkbox" });
    this.maskText = make("span", {});
    this.mask = make(
      "span",
      { class: "imgmagic-pair", hidden: true },
      make("label", { class: "imgmagic-field" }, this.masked, this.maskText),
      make("label", { class: "imgmagic-field", title: "Take the answer as it is, outside the mask too" }, this.soft, make("span", {}, "soft")),
    );
    this.start = button("Refine", "Edit the picture that is shown (Enter)", () => this.begin(), "imgmagic-primary");
    this.stop = button("Stop", "Stop the instruction that is under way", () => this.wire.ask("stop").catch(this.tell.fail));
    this.progress = make("span", { class: "imgmagic-progress" });
    this.partial = make("img", { class: "imgmagic-partial", alt: "", hidden: true });
    this.element = make(
      "div",
      { class: "imgmagic-refine", role: "group", "aria-label": "Refine" },
      make("div", { class: "imgmagic-row" }, this.words, make("div", { class: "imgmagic-column" }, this.start, this.stop)),
      make(
        "div",
        { class: "imgmagic-tools" },
        labelled("Size", this.size),
        labelled("Quality", this.quality),
        labelled("Variations", this.count),
        button("Add reference", "A picture to look at, sent along", () => this.file.click()),
        this.file,
        this.chips,
        this.mask,
      ),
      make("div", { class: "imgmagic-tools" }, this.partial, this.progress),
    );
    this.switches();
  }

  /** @param {number | null} number the picture that would be edited */
  show(number) {
    this.number = number;
    this.words.placeholder = number === null ? "No picture to edit yet" : `What should change in #${number}?`;
    this.switches();
  }

  switches() {
    const words = () => this.words.focus();
    disable(this.start, this.running || this.number === null || !this.words.value.trim(), words);
    disable(this.stop, !this.running, words);
  }

  /**
   * Offer the mask that was painted.
   * @param {number} number
   * @param {number} share
   */
  offer(number, share) {
    this.mask.hidden = false;
    this.masked.checked = true;
    this.maskText.textContent = `only where painted (${percent(share)} of #${number})`;
    this.words.focus();
  }

  /** @param {boolean} kept whether the kernel has a mask for the next instruction */
  masks(kept) {
    if (!kept) {
      this.mask.hidden = true;
      this.masked.checked = false;
    } else if (this.mask.hidden) {
      this.mask.hidden = false;
      this.maskText.textContent = "only where painted";
    }
  }

  add() {
    this.references = [...this.references, ...(this.file.files ?? [])].slice(0, MOST_REFERENCES);
    this.file.value = "";
    this.list();
  }

  list() {
    this.chips.replaceChildren(
      ...this.references.map((file, i) => {
        const name = plain(file.name, 30);
        const drop = make("button", { type: "button", class: "imgmagic-button", title: "Leave it out", "aria-label": `Leave out ${name}` }, "×");
        drop.addEventListener("click", () => {
          this.references.splice(i, 1);
          this.list();
        });
        return make("span", { class: "imgmagic-chip-item", dir: "auto" }, name, drop);
      }),
    );
  }

  async begin() {
    if (this.start.disabled) return;
    try {
      const parts = await Promise.all(this.references.map((file) => file.arrayBuffer()));
      const more = {
        number: this.number,
        prompt: this.words.value,
        size: this.size.value,
        quality: this.quality.value,
        n: Number(this.count.value) || 1,
        mask: this.masked.checked && !this.mask.hidden,
        soft: this.soft.checked,
      };
      await this.wire.ask("refine", more, parts);
    } catch (error) {
      this.tell.fail(error);
    }
  }

  /**
   * Take what the job tells.
   * @param {import("./wire.js").Content} content
   * @param {DataView[]} parts
   */
  heard(content, parts) {
    if (content.news === "begun") this.run(content.line);
    if (content.news === "told") {
      this.progress.textContent = content.line;
      this.announce(content.line);
      if (parts.length) this.unfinished(parts[0], content);
    }
    if (content.news === "ended") this.end(content);
  }

  /** @param {string | null} line what is being waited for, if anything is */
  run(line) {
    this.running = line !== null;
    this.progress.textContent = line ?? "";
    if (line) this.tell.say(line);
    this.said = Date.now();
    this.switches();
  }

  /**
   * Let a screen reader say now and then what is waited for.
   * @param {string} line
   */
  announce(line) {
    if (Date.now() - this.said < SILENCE) return;
    this.said = Date.now();
    this.tell.say(line);
  }

  /**
   * @param {DataView} bytes
   * @param {import("./wire.js").Content} content
   */
  unfinished(bytes, { mime: type, alt }) {
    this.partial.alt = alt;
    URL.revokeObjectURL(this.partial.src);
    this.partial.src = address(/** @type {any} */ (bytes), type);
    this.partial.hidden = false;
  }

  /** @param {import("./wire.js").Content} content */
  end(content) {
    this.run(null);
    this.partial.hidden = true;
    URL.revokeObjectURL(this.partial.src);
    if (content.error) this.tell.fail(new Error(content.error));
    else if (content.numbers.length) {
      this.words.value = "";
      this.masked.checked = false;
      this.references = [];
      this.list();
      this.switches();
      const notes = (content.notes ?? []).map((/** @type {string} */ note) => ` ${plain(note, 200)}`).join("");
      this.tell.say(`Done: ${content.numbers.map((/** @type {number} */ number) => `#${number}`).join(", ")}.${notes}`);
      this.tell.made(content.numbers);
    }
  }
}
