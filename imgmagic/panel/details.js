// The words about a picture: the way that led to it, what is known of it, and what can be done with it.

import { line, position } from "./layout.js";
import { button, copy, disable, download, labelled, make, set } from "./page.js";
import { lines, plain } from "./text.js";

const LONGEST_WAY = 60;
const MARKS = /** @type {[string, string][]} */ ([
  ["current", "What the next refine edits"],
  ["stale", "Something that it was made from has been made anew since"],
  ["replayed", "A cell has shown it again from what is recorded: nothing was sent"],
  ["sketch", "Drawn by rules, not by an AI model"],
  ["imported", "Brought in, not made here"],
]);

/**
 * @param {string} word
 * @param {number | null} number
 * @param {string} engine
 * @param {import("./filmstrip.js").Marks} marks
 */
function isMarked(word, number, engine, marks) {
  if (number === null) return false;
  if (word === "current") return number === marks.current;
  if (word === "stale") return marks.stale.has(number);
  if (word === "replayed") return marks.replayed.has(number);
  return engine === word;
}

export class Details {
  /**
   * @param {import("./wire.js").Wire} wire
   * @param {{select: (number: number) => void, describe: (alt: string, lang: string) => void, say: (text: string) => void, fail: (error: unknown) => void}} tell
   */
  constructor(wire, tell) {
    this.wire = wire;
    this.tell = tell;
    /** @type {number | null} */
    this.number = null;
    /** @type {import("./wire.js").Content | null} */
    this.known = null;
    this.name = make("strong", { class: "imgmagic-name" });
    this.badges = make("div", { class: "imgmagic-tools imgmagic-badges", role: "group", "aria-label": "Marks" });
    this.prompt = make("p", { class: "imgmagic-prompt", dir: "auto", tabindex: 0, role: "group", "aria-label": "Prompt" });
    this.caption = make("p", { class: "imgmagic-quiet", dir: "auto" });
    this.way = make("ol", { class: "imgmagic-way", "aria-label": "Way from the root" });
    this.facts = make("dl", { class: "imgmagic-facts" });
    this.unlabel = button("×", "Take the label away", () => this.ask("label", { label: "" }), "imgmagic-small");
    set(this.unlabel, "aria-label", "Remove label");
    this.star = button("Star", "Mark it with a star (S)", () => this.flip(), "imgmagic-star");
    this.label = make("input", { type: "text", class: "imgmagic-input", maxlength: 80, placeholder: "none", "aria-label": "Label", onchange: () => this.rename() });
    this.take = button("Another take", "The same request once more, as a sibling", () => this.ask("retake"));
    this.save = button("Save original", "Save the file exactly as it was made", () => this.download());
    this.cell = button("Copy cell", "Copy the cell that asks for it", () => this.copied(async () => this.known?.cell));
    this.code = button("Copy code", "Copy plain Python that makes it", () =>
      this.copied(async () => (await this.wire.ask("code of", { number: this.number })).content.text),
    );
    this.element = make(
      "div",
      { class: "imgmagic-details", role: "group", "aria-label": "About the picture" },
      make("div", { class: "imgmagic-tools" }, this.name, make("span", { class: "imgmagic-gap" }), this.star),
      this.badges,
      this.prompt,
      this.caption,
      make("div", { class: "imgmagic-row" }, labelled("Label", this.label), this.unlabel),
      make("div", { class: "imgmagic-tools" }, this.take, this.save, this.cell, this.code),
      this.facts,
      this.way,
    );
  }

  /**
   * Show a picture's words.
   * @param {import("./layout.js").Rows} rows
   * @param {import("./filmstrip.js").Marks} marks
   */
  show(rows, marks) {
    const { selected } = marks;
    const label = selected === null ? "" : plain(marks.labels.get(selected) ?? "", 80);
    this.name.textContent = selected === null ? "" : `#${selected}${label ? ` ${label}` : ""}`;
    const i = position(rows.number, selected);
    this.mark(MARKS.filter(([word]) => isMarked(word, selected, rows.engine[i], marks)));
    const starred = selected !== null && marks.stars.has(selected);
    set(this.star, "aria-pressed", String(starred));
    if (document.activeElement !== this.label || !label) this.label.value = label;
    this.unlabel.hidden = !label;
    const nothing = selected === null;
    const unmade = nothing || rows.engine[i] === "imported"; // no request made it
    [this.star, this.save].forEach((each) => disable(each, nothing, () => {}));
    [this.take, this.cell, this.code].forEach((each) => disable(each, unmade, () => {}));
    this.label.disabled = nothing;
    this.element.hidden = nothing;
    if (selected === this.number) return;
    this.number = selected;
    this.known = null;
    this.path(rows, selected);
    if (selected === null) return;
    this.wire
      .ask("look", { number: selected })
      .then(({ content }) => this.number === selected && this.fill(content))
      .catch(this.tell.fail);
  }

  /** @param {import("./wire.js").Content} content */
  fill(content) {
    this.known = content;
    this.prompt.textContent = lines(content.prompt);
    set(this.prompt, "lang", content.lang || null);
    this.caption.textContent = content.caption;
    this.facts.replaceChildren(
      ...content.facts.map((/** @type {[string, string]} */ [name, value]) =>
        make("div", {}, make("dt", {}, name), make("dd", { dir: "auto" }, value)),
      ),
    );
    this.tell.describe(content.alt, content.lang);
  }

  /**
   * List the prompts from the root to the picture.
   * @param {import("./layout.js").Rows} rows
   * @param {number | null} number
   */
  path(rows, number) {
    const way = number === null ? [] : line(rows, number);
    const items = way.slice(-LONGEST_WAY).map((i) => {
      const go = () => this.tell.select(rows.number[i]);
      const link = make(
        "span",
        {
          role: "link",
          tabindex: 0,
          class: "imgmagic-link",
          dir: "auto",
          "aria-current": rows.number[i] === number ? "step" : null,
          onclick: go,
          onkeydown: (/** @type {KeyboardEvent} */ event) => {
            if (event.key !== "Enter") return;
            event.stopPropagation();
            go();
          },
        },
        `#${rows.number[i]} ${plain(rows.prompt[i], 160)}`,
      );
      return make("li", {}, link);
    });
    if (way.length > LONGEST_WAY) items.unshift(make("li", {}, `… ${way.length - LONGEST_WAY} before`));
    this.way.replaceChildren(...items);
    this.way.hidden = way.length < 2;
  }

  /** @param {[string, string][]} marks words, each with what it means */
  mark(marks) {
    this.badges.replaceChildren(
      ...marks.map(([word, meaning]) => make("span", { class: `imgmagic-badge imgmagic-is-${word}`, title: meaning }, word)),
    );
    this.badges.hidden = !marks.length;
  }

  flip() {
    const on = this.star.getAttribute("aria-pressed") !== "true";
    this.ask("star", { on });
  }

  rename() {
    this.ask("label", { label: this.label.value.trim() });
  }

  /**
   * @param {string} what
   * @param {import("./wire.js").Content} [more]
   */
  ask(what, more = {}) {
    if (this.number !== null) this.wire.ask(what, { number: this.number, ...more }).catch(this.tell.fail);
  }

  async download() {
    const { number, known } = this;
    try {
      const { content, parts } = await this.wire.ask("original", { number });
      download(/** @type {any} */ (parts[0]), content.mime, known?.file ?? `imgmagic-${number}`);
      this.tell.say(`#${number} is being saved.`);
    } catch (error) {
      this.tell.fail(error);
    }
  }

  /** @param {() => Promise<string | undefined>} text */
  async copied(text) {
    try {
      await copy((await text()) ?? "");
      this.tell.say("Copied.");
    } catch (error) {
      this.tell.fail(error);
    }
  }
}
