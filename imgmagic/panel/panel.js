// The panel: its parts, what they share, and what reaches them from the kernel.
//
// What is known of the history lives here, once; the parts are told to show it. Nothing is moved or marked on the page
// before the kernel has said that it is so: the history is the truth, and two panels and all cells share it.

import { Details } from "./details.js";
import { Filmstrip } from "./filmstrip.js";
import { contracted, kept, merged, nothing, position } from "./layout.js";
import { button, choice, disable, make, set } from "./page.js";
import { Refine } from "./refine.js";
import { plain } from "./text.js";
import { Viewer } from "./viewer.js";
import { Wire } from "./wire.js";

const PAUSE = 200;
const PAINTED = "painted";
const BUSY = "The kernel does not answer yet. Is a cell running?";

class Panel {
  /**
   * @param {any} model
   * @param {HTMLElement} place
   */
  constructor(model, place) {
    this.wire = new Wire(
      model,
      (content, parts) => this.heard(content, parts),
      (waiting) => this.slow(waiting),
    );
    this.rows = nothing();
    this.shown = this.rows;
    /** @type {import("./filmstrip.js").Marks} */
    this.marks = { current: null, selected: null, labels: new Map(), stars: new Set(), stale: new Set(), replayed: new Set() };
    /** @type {Set<number>} */
    this.found = new Set();
    this.asked = "";
    this.pause = 0;
    this.canUndo = false;
    this.canRedo = false;
    const say = (/** @type {string} */ text) => this.say(text);
    const fail = (/** @type {unknown} */ error) => this.fail(error);
    const select = (/** @type {number} */ number) => this.select(number);
    this.strip = new Filmstrip(this.wire, select, () => this.rollBack(), (number) => this.viewer.against(number));
    this.viewer = new Viewer(this.wire, { say, fail, find: (text) => this.find(text), kept: (number, share) => this.offer(number, share) });
    this.details = new Details(this.wire, { select, say, fail, describe: (alt, lang) => this.viewer.describe(alt, lang) });
    this.refine = new Refine(this.wire, { say, fail, made: (numbers) => this.made(numbers) });
    this.back = button("Roll back here", "Make the picture that is shown the current one; nothing is deleted (Enter)", () => this.rollBack(), "imgmagic-primary");
    this.undo = button("Undo", "Take back the last move (Z)", () => this.ask("undo"));
    this.redo = button("Redo", "Make the move again (Shift+Z)", () => this.ask("redo"));
    this.words = make("input", { type: "search", class: "imgmagic-input", placeholder: "Filter by words", "aria-label": "Filter by words", oninput: () => this.filter() });
    this.starred = make("input", { type: "checkbox", onchange: () => this.filter() });
    this.engine = choice("Filter by engine", [["", "any engine"]], () => this.filter());
    this.file = make("input", { type: "file", accept: "image/png,image/jpeg,image/webp", hidden: true, onchange: () => this.upload([...(this.file.files ?? [])]) });
    this.message = make("div", { class: "imgmagic-message", role: "status", "aria-live": "polite", dir: "auto" });
    this.root = make(
      "section",
      { class: "imgmagic-panel", role: "region", "aria-label": "Image history" },
      make(
        "div",
        { class: "imgmagic-tools imgmagic-bar" },
        this.back,
        this.undo,
        this.redo,
        make("span", { class: "imgmagic-gap" }),
        this.words,
        make("label", { class: "imgmagic-field" }, this.starred, make("span", {}, "starred")),
        this.engine,
        button("Upload", "Bring a picture: it becomes a root; dropping or pasting one does the same", () => this.file.click()),
        this.file,
      ),
      this.strip.element,
      this.message,
      make("div", { class: "imgmagic-body" }, this.viewer.element, this.details.element),
      this.refine.element,
      this.help(),
    );
    this.root.addEventListener("keydown", (event) => this.pressed(event));
    this.root.addEventListener("paste", (event) => this.pasted(event));
    this.root.addEventListener("dragover", (event) => {
      if (!event.dataTransfer?.types.includes("Files")) return;
      event.preventDefault();
      this.root.classList.add("imgmagic-dropping");
    });
    this.root.addEventListener("dragleave", () => this.root.classList.remove("imgmagic-dropping"));
    this.root.addEventListener("drop", (event) => {
      this.root.classList.remove("imgmagic-dropping");
      if (!event.dataTransfer?.files.length) return;
      event.preventDefault();
      event.stopPropagation();
      this.upload([...event.dataTransfer.files]);
    });
    place.append(this.root);
    this.shortcuts = (/** @type {KeyboardEvent} */ event) => this.ours(event);
    window.addEventListener("keydown", this.shortcuts, true);
    this.hidden = cover(this.root);
    this.wire
      .ask("open")
      .then(({ content }) => {
        this.take(content);
        this.refine.run(content.job);
        this.root.dataset.loaded = "1";
      })
      .catch(fail);
  }

  help() {
    const keys = [
      ["arrows", "walk the tree"],
      ["− +", "fold and unfold a branch"],
      ["Enter", "roll back here"],
      ["C", "compare"],
      ["Shift+click", "compare with a picture of the tree"],
      ["Z", "undo"],
      ["Shift+Z", "redo"],
      ["S", "star"],
      ["+ − 0 1", "zoom, in the picture"],
      ["Space", "hold to flip"],
      ["arrows, Space, Shift+arrows", "move the brush, dab, draw"],
    ];
    const items = keys.map(([key, what]) => make("span", {}, make("kbd", {}, key), ` ${what}`));
    return make("details", { class: "imgmagic-help" }, make("summary", {}, "Keys"), make("div", { class: "imgmagic-tools" }, ...items));
  }

  close() {
    window.removeEventListener("keydown", this.shortcuts, true);
    this.hidden.forEach((element) => element.classList.remove("imgmagic-covered"));
    this.strip.close();
    this.viewer.close();
    this.wire.close();
    this.root.remove();
  }

  // --- what comes from the kernel ---

  /**
   * @param {import("./wire.js").Content} content
   * @param {DataView[]} parts
   */
  heard(content, parts) {
    if (content.news === "tree") this.take(content);
    else if (content.news === "error") this.fail(new Error(content.error));
    else this.refine.heard(content, parts);
  }

  /**
   * Take in what has changed.
   * @param {import("./wire.js").Content} content
   */
  take(content) {
    const { marks } = this;
    if (content.columns) {
      this.rows = merged(this.rows, content.columns, content.whole !== false);
      this.engines();
    }
    if (content.labels) marks.labels = new Map(Object.entries(content.labels).map(([number, name]) => [Number(number), name]));
    if (content.stars) marks.stars = new Set(content.stars);
    if (content.stale) marks.stale = new Set(content.stale);
    if (content.replayed) marks.replayed = new Set(content.replayed);
    if (content.masks) this.refine.masks(content.masks.includes(PAINTED));
    if (content.undo !== undefined) this.canUndo = content.undo;
    if (content.redo !== undefined) this.canRedo = content.redo;
    if (content.current !== undefined) {
      marks.current = content.current;
      // Whoever paints is not called away.
      if (!this.viewer.toPaint) marks.selected = content.current ?? marks.selected;
    }
    if (position(this.rows.number, marks.selected) < 0) {
      marks.selected = this.rows.number.length ? this.rows.number[this.rows.number.length - 1] : null;
    }
    const focused = this.strip.element.contains(document.activeElement);
    this.choose();
    this.draw();
    if (content.current !== undefined) this.strip.reveal(marks.selected);
    if (focused) this.strip.focus();
  }

  engines() {
    const names = [...new Set(this.rows.engine)].sort();
    const select = this.engine;
    if (select.options.length === names.length + 1) return;
    const chosen = select.value;
    select.replaceChildren(
      make("option", { value: "" }, "any engine"),
      ...names.map((name) => make("option", { value: name }, plain(name, 40))),
    );
    select.value = names.includes(chosen) ? chosen : "";
  }

  // --- what is shown ---

  /** Choose the pictures that pass the filter. */
  choose() {
    const filter = { words: this.words.value.trim(), starred: this.starred.checked, engine: this.engine.value };
    if (!filter.words && !filter.starred && !filter.engine) {
      this.shown = this.rows;
      return;
    }
    const found = filter.words === this.asked ? this.found : new Set();
    const positions = kept(this.rows, filter, this.marks.labels, this.marks.stars, found);
    this.shown = contracted(this.rows, positions);
  }

  filter() {
    this.choose();
    this.draw();
    this.strip.reveal(this.marks.selected);
    const count = this.shown.number.length;
    this.say(this.shown === this.rows ? "" : `${count} of ${this.rows.number.length} pictures`);
    clearTimeout(this.pause);
    // Here is only the beginning of each prompt; the kernel knows the rest.
    this.pause = window.setTimeout(() => this.search(this.words.value.trim()), PAUSE);
  }

  /** @param {string} words */
  async search(words) {
    if (!words) return;
    try {
      const { content } = await this.wire.ask("find", { words });
      if (words !== this.words.value.trim()) return;
      this.asked = words;
      this.found = new Set(content.numbers);
      this.choose();
      this.draw();
      this.say(`${this.shown.number.length} of ${this.rows.number.length} pictures`);
    } catch (error) {
      this.fail(error);
    }
  }

  draw() {
    const { marks, rows } = this;
    const i = position(rows.number, marks.selected);
    const parent = i < 0 ? -1 : position(rows.number, rows.parent[i]);
    const strip = () => this.strip.focus();
    disable(this.back, marks.selected === null || marks.selected === marks.current, strip);
    disable(this.undo, !this.canUndo, strip);
    disable(this.redo, !this.canRedo, strip);
    this.strip.element.hidden = !rows.number.length;
    this.strip.show(this.shown, { ...marks });
    this.viewer.show(marks.selected, parent < 0 ? null : rows.number[parent]);
    this.details.show(rows, marks);
    this.refine.show(marks.selected);
  }

  /** @param {number} number */
  select(number) {
    if (this.marks.selected === number) return;
    this.marks.selected = number;
    this.say("");
    this.draw();
    this.strip.reveal(number);
  }

  /** @param {string} text */
  say(text) {
    this.message.classList.remove("imgmagic-error");
    this.message.textContent = text;
  }

  /** @param {unknown} error */
  fail(error) {
    this.message.classList.add("imgmagic-error");
    this.message.textContent = error instanceof Error ? error.message : String(error);
    this.message.scrollIntoView({ block: "nearest" });
  }

  /** @param {boolean} waiting for the kernel */
  slow(waiting) {
    const { textContent } = this.message;
    if (waiting && !textContent) this.say(BUSY);
    if (!waiting && textContent === BUSY) this.say("");
  }

  // --- what a person does ---

  /**
   * @param {string} what
   * @param {import("./wire.js").Content} [more]
   */
  ask(what, more = {}) {
    return this.wire.ask(what, more).then(() => this.say(""), (error) => this.fail(error));
  }

  /**
   * Say so where a result has not become current, since somebody has moved on meanwhile.
   * @param {number[]} numbers
   */
  made(numbers) {
    const { current } = this.marks;
    if (current === null || numbers.includes(current)) return;
    this.say(`Done: ${numbers.map((number) => `#${number}`).join(", ")}. #${current} stays current: it was chosen meanwhile.`);
  }

  rollBack() {
    const { selected, current } = this.marks;
    if (selected !== null && selected !== current) this.ask("pick", { number: selected });
  }

  /**
   * Find a picture by what a person calls it: 7, #7, or a label.
   * @param {string} text
   */
  find(text) {
    const number = Number(text.replace(/^#/, ""));
    if (position(this.rows.number, number) >= 0) return number;
    return [...this.marks.labels].find(([, name]) => name === text)?.[0] ?? null;
  }

  /**
   * @param {number} number
   * @param {number} share
   */
  offer(number, share) {
    this.viewer.paint(false);
    this.refine.offer(number, share);
    this.say("The mask is kept for the next instruction.");
  }

  /** @param {File[]} files */
  async upload(files) {
    this.file.value = "";
    for (const file of files) {
      try {
        const bytes = await file.arrayBuffer();
        this.say(`Bringing ${plain(file.name, 60)} …`);
        const { content } = await this.wire.ask("upload", { name: file.name.slice(0, 200) }, [bytes]);
        this.say(`${plain(file.name, 60)} is #${content.number} now.`);
      } catch (error) {
        this.fail(error);
      }
    }
  }

  /** @param {ClipboardEvent} event */
  pasted(event) {
    const files = [...(event.clipboardData?.files ?? [])].filter((file) => file.type.startsWith("image/"));
    if (!files.length) return;
    event.preventDefault();
    event.stopPropagation();
    this.upload(files);
  }

  /** @param {KeyboardEvent} event */
  pressed(event) {
    const target = /** @type {HTMLElement} */ (event.target);
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (!target.closest("input:not([type=checkbox]):not([type=range]), textarea, select")) {
      const key = event.key.toLowerCase();
      if (key === "c") this.viewer.toggle();
      else if (key === "z") this.ask(event.shiftKey ? "redo" : "undo");
      else if (key === "s") this.details.flip();
      else return event.stopPropagation();
      event.preventDefault();
    }
    event.stopPropagation();
  }

  /**
   * JupyterLab listens before the page does: in command mode C would copy the cell, Z undo an edit, Enter begin one.
   * Its own attribute keeps it off; with Ctrl, Alt or Cmd the keys are left to it.
   * @param {KeyboardEvent} event
   */
  ours(event) {
    if (!this.root.contains(/** @type {Node} */ (event.target))) return;
    set(this.root, "data-lm-suppress-shortcuts", event.ctrlKey || event.metaKey || event.altKey ? null : "true");
  }
}

/**
 * Cover the plain HTML that stands before the panel for readers without a kernel, as long as the panel is there.
 * @param {HTMLElement} root
 */
function cover(root) {
  const before = root.closest(".jp-OutputArea-child, .output_area")?.previousElementSibling;
  const covered = before?.querySelector(".imgmagic-static") ? [before] : [];
  covered.forEach((element) => element.classList.add("imgmagic-covered"));
  return covered;
}

/**
 * Show the panel; gives what ends it.
 * @param {any} model
 * @param {HTMLElement} place
 */
export function mount(model, place) {
  const panel = new Panel(model, place);
  return () => panel.close();
}
