// Painting where to edit. The selection has the picture's own pixels, however small it is shown; see mask.js.

import * as masks from "./mask.js";
import { button, choice, disable, labelled, make } from "./page.js";
import { percent } from "./text.js";

/** @typedef {import("./mask.js").Point} Point */

const COLOUR = /** @type {[number, number, number]} */ ([255, 0, 128]);
const REMEMBERED = 64_000_000; // bytes of strokes that can be taken back

export class Painter {
  /**
   * @param {import("./wire.js").Wire} wire
   * @param {{done: () => void, kept: (number: number, share: number) => void, say: (text: string) => void, fail: (error: unknown) => void}} tell
   */
  constructor(wire, tell) {
    this.wire = wire;
    this.tell = tell;
    this.number = 0;
    this.active = false;
    this.mask = masks.blank(0, 0);
    this.selected = 0;
    /** @type {masks.Patch[][]} */
    this.past = [];
    /** @type {masks.Patch[][]} */
    this.future = [];
    /** @type {Point | null} */
    this.from = null;
    this.canvas = make("canvas", { class: "imgmagic-mask", "aria-hidden": "true" });
    this.ring = make("div", { class: "imgmagic-ring", "aria-hidden": "true", hidden: true });
    this.tool = choice("Tool", [["brush", "Brush"], ["eraser", "Eraser"], ["rectangle", "Rectangle"]]);
    this.size = make("input", { type: "range", min: 2, max: 400, value: 80, "aria-label": "Brush size" });
    this.shown = make("input", { type: "checkbox", checked: true, onchange: () => this.showing() });
    this.softness = make("input", { type: "number", min: 1, max: 200, value: 12, class: "imgmagic-input imgmagic-short imgmagic-number", "aria-label": "Feather by px" });
    this.name = make("input", { type: "text", maxlength: 80, class: "imgmagic-input imgmagic-mask-name", placeholder: "name", "aria-label": "Mask name" });
    this.back = button("Take back", "Take the last stroke back", () => this.step(this.past, this.future));
    this.again = button("Paint again", "Paint again what was taken back", () => this.step(this.future, this.past));
    this.share = make("output", { class: "imgmagic-share" });
    const all = (/** @type {(mask: masks.Mask) => masks.Rect} */ change) => () => this.whole(change);
    const row = (/** @type {HTMLElement[]} */ ...parts) => make("div", { class: "imgmagic-tools" }, ...parts);
    this.element = make(
      "div",
      { class: "imgmagic-shelf", role: "group", "aria-label": "Mask painter" },
      row(
        this.tool,
        labelled("Size", this.size),
        make("label", { class: "imgmagic-field" }, this.shown, make("span", {}, "Show")),
        make("span", { class: "imgmagic-gap" }),
        this.share,
      ),
      row(
        this.back,
        this.again,
        button("Clear", "Select nothing", all(masks.clear)),
        button("Invert", "Select what is not selected", all(masks.invert)),
        make(
          "span",
          { class: "imgmagic-pair" },
          button("Feather", "Soften the edge of the selection", all((mask) => masks.feather(mask, this.radiusOf(this.softness)))),
          this.softness,
          make("span", {}, "px"),
        ),
      ),
      row(
        make(
          "span",
          { class: "imgmagic-pair" },
          this.name,
          button("Save mask", "Keep it under this name: --mask name:NAME in a cell", () => this.keep(this.name.value.trim(), true)),
        ),
        make("span", { class: "imgmagic-gap" }),
        button("Keep for next instruction", "Edit only where it is painted", () => this.keep("", false), "imgmagic-primary"),
        button("Done", "Leave the painter", () => this.tell.done()),
      ),
    );
    this.element.hidden = true;
  }

  /** @param {HTMLInputElement} input */
  radiusOf(input) {
    return Math.min(200, Math.max(1, Number(input.value) || 1));
  }

  /**
   * Begin to paint over a picture; what was painted over it before is there again.
   * @param {number} number
   * @param {import("./zoom.js").Size} size
   */
  open(number, size) {
    this.active = true;
    this.element.hidden = false;
    if (number !== this.number) {
      this.number = number;
      this.mask = masks.blank(size.width, size.height);
      this.past = [];
      this.future = [];
      this.canvas.width = size.width;
      this.canvas.height = size.height;
      this.size.max = String(Math.round(Math.max(size.width, size.height) / 2));
      this.size.value = String(Math.round(Math.max(size.width, size.height) / 10));
      this.paint(masks.everything(this.mask));
    }
    this.showing();
    this.count();
  }

  close() {
    this.active = false;
    this.from = null;
    this.element.hidden = true;
    this.canvas.hidden = true;
    this.ring.hidden = true;
  }

  showing() {
    this.canvas.hidden = !this.active || !this.shown.checked;
  }

  get radius() {
    return Number(this.size.value) / 2;
  }

  /** @param {Point} point of the picture */
  begin(point) {
    this.from = point;
    this.past.push([]);
    this.future = [];
    if (this.tool.value !== "rectangle") this.dab(point, point);
  }

  /** @param {Point} point */
  move(point) {
    if (!this.from) return;
    if (this.tool.value === "rectangle") {
      this.restore();
      this.keepPart(masks.within(this.mask, ...this.corners(this.from, point)));
      this.paint(masks.rectangle(this.mask, this.from, point, 255));
    } else {
      this.dab(this.from, point);
      this.from = point;
    }
  }

  end() {
    if (!this.from) return;
    this.from = null;
    if (!this.past[this.past.length - 1].length) this.past.pop();
    this.count();
  }

  /**
   * @param {Point} from
   * @param {Point} to
   */
  dab(from, to) {
    this.keepPart(masks.reach(this.mask, from, to, this.radius));
    this.paint(masks.stroke(this.mask, from, to, this.radius, this.tool.value === "eraser" ? 0 : 255));
  }

  /**
   * @param {Point} from
   * @param {Point} to
   * @returns {[number, number, number, number]}
   */
  corners(from, to) {
    return [Math.min(from.x, to.x) - 1, Math.min(from.y, to.y) - 1, Math.max(from.x, to.x) + 1, Math.max(from.y, to.y) + 1];
  }

  /** @param {masks.Rect} rect */
  keepPart(rect) {
    if (rect.width && rect.height) this.past[this.past.length - 1].push(masks.cut(this.mask, rect));
  }

  /** Undo what the stroke under way has painted. */
  restore() {
    const patches = this.past[this.past.length - 1].splice(0).reverse();
    patches.forEach((patch) => {
      masks.paste(this.mask, patch);
      this.paint(patch.rect);
    });
  }

  /** @param {(mask: masks.Mask) => masks.Rect} change */
  whole(change) {
    this.past.push([masks.cut(this.mask, masks.everything(this.mask))]);
    this.future = [];
    this.paint(change(this.mask));
    this.count();
  }

  /**
   * @param {masks.Patch[][]} source
   * @param {masks.Patch[][]} target
   */
  step(source, target) {
    const patches = source.pop();
    if (!patches) return;
    const undone = patches.reverse().map((patch) => {
      const before = masks.paste(this.mask, patch);
      this.paint(patch.rect);
      return before;
    });
    target.push(undone);
    this.count();
  }

  /** @param {masks.Rect} rect */
  paint(rect) {
    if (!rect.width || !rect.height) return;
    const pixels = new ImageData(masks.overlay(this.mask, rect, COLOUR), rect.width, rect.height);
    this.canvas.getContext("2d")?.putImageData(pixels, rect.x, rect.y);
  }

  /** Say how much is selected, and forget what was painted long ago. */
  count() {
    const bytes = (/** @type {masks.Patch[]} */ patches) => patches.reduce((sum, patch) => sum + patch.data.length, 0);
    let sum = this.past.reduce((all, patches) => all + bytes(patches), 0);
    while (sum > REMEMBERED && this.past.length > 1) sum -= bytes(this.past.shift() ?? []);
    this.selected = masks.share(this.mask);
    this.share.textContent = `${percent(this.selected)} selected`;
    const elsewhere = () => this.tool.focus();
    disable(this.back, !this.past.length, elsewhere);
    disable(this.again, !this.future.length, elsewhere);
  }

  /** Give the mask as a file: exactly the picture's pixels, alpha 0 where it is painted. */
  async file() {
    const canvas = make("canvas", { width: this.mask.width, height: this.mask.height });
    const pixels = new ImageData(masks.sent(this.mask), this.mask.width, this.mask.height);
    canvas.getContext("2d")?.putImageData(pixels, 0, 0);
    const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
    return /** @type {Blob} */ (blob).arrayBuffer();
  }

  /**
   * @param {string} name
   * @param {boolean} named whether it is kept under a name, or for the next instruction
   */
  async keep(name, named) {
    try {
      if (!this.selected) throw new Error("Nothing is selected yet: paint over what is to be edited.");
      if (named && !name) throw new Error("Give the mask a name first: letters, digits, _, - and dots.");
      const { number, selected } = this;
      await this.wire.ask("mask", { number, name }, [await this.file()]);
      if (named) this.tell.say(`The mask is kept as ${name}: --mask name:${name} in a cell.`);
      else this.tell.kept(number, selected);
    } catch (error) {
      this.tell.fail(error);
    }
  }
}
