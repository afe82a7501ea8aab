// One picture large, or two of them compared.

import { Addresses, address, button, choice, disable, make, set } from "./page.js";
import { Painter } from "./painter.js";
import { percent, plain } from "./text.js";
import { difference, fitted, settled, under, zoomed } from "./zoom.js";

/**
 * @typedef {import("./zoom.js").Size} Size
 * @typedef {{number: number, url: string, size: Size, whole: boolean, width: number}} Shown
 */

const MODES = /** @type {[string, string][]} */ ([
  ["slider", "Slider"],
  ["side", "Side by side"],
  ["flip", "Flip"],
  ["difference", "Difference"],
]);
const STEP = 1.4;
const NEAR = 28;
const PICTURES = 12;
const UNKNOWN = /** @type {Size} */ ({ width: 1, height: 1 });

export class Viewer {
  /**
   * @param {import("./wire.js").Wire} wire
   * @param {{find: (text: string) => number | null, kept: (number: number, share: number) => void, say: (text: string) => void, fail: (error: unknown) => void}} tell
   */
  constructor(wire, tell) {
    this.wire = wire;
    this.tell = tell;
    this.pictures = new Addresses(PICTURES);
    /** @type {Map<string, Promise<Shown>>} */
    this.coming = new Map();
    /** @type {number | null} */
    this.after = null;
    /** @type {number | null} */
    this.parent = null;
    /** @type {number | null} the picture to compare with, if it is not the parent */
    this.chosen = null;
    this.swapped = false;
    this.comparing = false;
    this.held = false;
    this.toPaint = false;
    this.split = 0.5;
    this.fits = true;
    this.view = { scale: 1, x: 0, y: 0 };
    this.size = UNKNOWN;
    this.painter = new Painter(wire, { ...tell, done: () => this.paint(false) });
    /** @type {{x: number, y: number} | null} where the keyboard's brush stands */
    this.spot = null;
    const layer = (/** @type {string} */ name) => {
      const image = make("img", { alt: "", draggable: "false", hidden: true });
      const chip = make("span", { class: "imgmagic-chip" });
      const element = make("div", { class: `imgmagic-layer imgmagic-${name}` }, image, chip);
      return { element, image, chip, number: /** @type {number | null} */ (null), shown: /** @type {Shown | null} */ (null) };
    };
    this.left = layer("before");
    this.right = layer("after");
    this.right.element.append(this.painter.canvas);
    this.map = make("canvas", { class: "imgmagic-map", role: "img", "aria-label": "Where the two pictures differ" });
    this.edge = make("div", { class: "imgmagic-edge", "aria-hidden": "true" });
    this.empty = make("p", { class: "imgmagic-empty" }, "No picture yet. Make one with %%imagine in a cell, or bring one: upload, drop or paste it.");
    this.stage = make(
      "div",
      { class: "imgmagic-stage", tabindex: 0, role: "group", "aria-label": "Picture" },
      this.left.element,
      this.right.element,
      this.map,
      this.edge,
      this.painter.ring,
      this.empty,
    );
    const middle = () => ({ x: this.pane.width / 2, y: this.pane.height / 2 });
    this.scale = make("output", { class: "imgmagic-scale" });
    this.fit = button("Fit", "Show all of it (0)", () => this.toFit());
    this.full = button("100 %", "A pixel for a pixel (1)", () => this.zoom(1 / devicePixelRatio, middle()));
    this.compare = button("Compare", "Compare with its parent, or any other (C)", () => this.toggle());
    this.mode = choice("Way to compare", MODES, () => {
      this.tell.say("");
      this.refresh();
    });
    this.other = make("input", { class: "imgmagic-input imgmagic-short", title: "A number or a label", "aria-label": "Compare with", onchange: () => this.choose() });
    this.swap = button("Swap", "Swap the two", () => {
      this.swapped = !this.swapped;
      this.refresh();
    });
    this.report = make("output", { class: "imgmagic-report" });
    this.reported = "";
    this.mask = button("Paint mask", "Paint where to edit", () => this.paint(!this.toPaint));
    this.pair = make(
      "div",
      { class: "imgmagic-shelf", role: "group", "aria-label": "Comparison" },
      make("div", { class: "imgmagic-tools" }, this.mode, make("span", {}, "with"), this.other, this.swap, this.report),
    );
    this.smaller = button("−", "Smaller (-)", () => this.zoom(this.view.scale / STEP, middle()));
    this.larger = button("+", "Larger (+)", () => this.zoom(this.view.scale * STEP, middle()));
    const tools = make(
      "div",
      { class: "imgmagic-tools" },
      this.fit,
      this.full,
      this.smaller,
      this.larger,
      this.scale,
      make("span", { class: "imgmagic-gap" }),
      this.compare,
      this.mask,
    );
    this.slider = make("input", {
      type: "range",
      min: 0,
      max: 100,
      value: 50,
      class: "imgmagic-slider",
      "aria-label": "Compare",
      oninput: () => this.cut(Number(this.slider.value) / 100),
    });
    this.element = make("div", { class: "imgmagic-viewer" }, tools, this.pair, this.painter.element, this.stage, this.slider);
    this.listen();
    this.modes();
    this.watcher = new ResizeObserver(() => this.arrange());
    this.watcher.observe(this.stage);
  }

  listen() {
    const { stage } = this;
    /** @type {"pan" | "cut" | "paint" | "flip" | null} */
    let doing = null;
    let last = { x: 0, y: 0 };
    const at = (/** @type {MouseEvent} */ event) => {
      const box = stage.getBoundingClientRect();
      return { x: event.clientX - box.left - stage.clientLeft, y: event.clientY - box.top - stage.clientTop };
    };
    stage.addEventListener("pointerdown", (event) => {
      if (this.after === null || event.button > 1) return;
      last = at(event);
      doing = this.gesture(event, last);
      stage.setPointerCapture(event.pointerId);
      if (doing === "paint") this.painter.begin(under(this.view, last));
      if (doing === "cut") this.cut(last.x / this.pane.width);
      if (doing === "flip") this.hold(true);
    });
    stage.addEventListener("pointermove", (event) => {
      const point = at(event);
      this.ring(point);
      if (doing === "pan") this.pan(point.x - last.x, point.y - last.y);
      if (doing === "cut") this.cut(point.x / this.pane.width);
      if (doing === "paint") {
        const events = event.getCoalescedEvents?.() ?? [];
        (events.length ? events : [event]).forEach((each) => this.painter.move(under(this.view, at(each))));
      }
      last = point;
    });
    const end = () => {
      if (doing === "paint") this.painter.end();
      if (doing === "flip") this.hold(false);
      doing = null;
    };
    stage.addEventListener("pointerup", end);
    stage.addEventListener("pointercancel", end);
    stage.addEventListener("pointerleave", () => (this.painter.ring.hidden = true));
    stage.addEventListener("dblclick", (event) => {
      if (this.painter.active) return;
      if (this.fits) this.zoom(Math.max(1, 2 * this.view.scale), at(event));
      else this.toFit();
    });
    stage.addEventListener(
      "wheel",
      (event) => {
        // A plain wheel scrolls the notebook; with Ctrl, or as a pinch, it is meant for the picture.
        if (!event.ctrlKey && !event.metaKey) return;
        event.preventDefault();
        this.zoom(this.view.scale * Math.exp(-event.deltaY / 200), at(event));
      },
      { passive: false },
    );
    stage.addEventListener("keydown", (event) => this.pressed(event));
    stage.addEventListener("keyup", (event) => event.key === " " && this.hold(false));
    stage.addEventListener("blur", () => this.hold(false));
  }

  /**
   * Tell what a press is the beginning of.
   * @param {PointerEvent} event
   * @param {{x: number, y: number}} point
   */
  gesture(event, point) {
    const larger = this.size.width * this.view.scale > this.pane.width + 1 || this.size.height * this.view.scale > this.pane.height + 1;
    if (event.button === 1 || event.altKey) return "pan";
    if (this.painter.active) return "paint";
    if (this.way === "slider" && (!larger || Math.abs(point.x - this.split * this.pane.width) < NEAR)) return "cut";
    if (this.way === "flip" && !larger) return "flip";
    return "pan";
  }

  /** @param {KeyboardEvent} event */
  pressed(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const by = /** @type {Record<string, [number, number]>} */ ({
      ArrowLeft: [40, 0],
      ArrowRight: [-40, 0],
      ArrowUp: [0, 40],
      ArrowDown: [0, -40],
    })[event.key];
    const middle = { x: this.pane.width / 2, y: this.pane.height / 2 };
    if (this.painter.active && (by || event.key === " " || event.key === "Enter")) this.brush(event, by);
    else if (by) this.pan(...by);
    else if (event.key === "+" || event.key === "=") this.zoom(this.view.scale * STEP, middle);
    else if (event.key === "-") this.zoom(this.view.scale / STEP, middle);
    else if (event.key === "0") this.toFit();
    else if (event.key === "1") this.zoom(1 / devicePixelRatio, middle);
    else if (event.key === " ") this.hold(true);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  /**
   * Paint with the keyboard: arrows move the brush, Space or Enter dabs, Shift and an arrow draws.
   * @param {KeyboardEvent} event
   * @param {[number, number] | undefined} by
   */
  brush(event, by) {
    /** @type {{x: number, y: number}} */
    const from = this.spot ?? { x: this.size.width / 2, y: this.size.height / 2 };
    const step = Math.max(1, this.painter.radius / 2) / 40;
    const to = by ? { x: from.x - by[0] * step, y: from.y - by[1] * step } : from;
    this.spot = {
      x: Math.min(this.size.width, Math.max(0, to.x)),
      y: Math.min(this.size.height, Math.max(0, to.y)),
    };
    this.ring({ x: this.spot.x * this.view.scale + this.view.x, y: this.spot.y * this.view.scale + this.view.y });
    if (by && !event.shiftKey) return;
    this.painter.begin(from);
    this.painter.move(this.spot);
    this.painter.end();
  }

  get pane() {
    const width = this.stage.clientWidth;
    return { width: this.way === "side" ? width / 2 : width, height: this.stage.clientHeight };
  }

  /** How the two are compared, or nothing. */
  get way() {
    return this.comparing && this.before !== null ? this.mode.value : "";
  }

  /** The picture that is compared with. */
  get before() {
    return this.chosen !== null && this.chosen !== this.after ? this.chosen : this.parent;
  }

  /**
   * Show a picture.
   * @param {number | null} number
   * @param {number | null} parent
   */
  show(number, parent) {
    if (number === this.after && parent === this.parent) return;
    if (number !== this.after && this.toPaint) this.paint(false);
    if (number !== this.after) this.swapped = false;
    this.after = number;
    this.parent = parent;
    this.refresh();
  }

  /** Describe the picture, as soon as its words are there.
   * @param {string} alt
   * @param {string} lang
   */
  describe(alt, lang) {
    set(this.right.image, "alt", alt);
    set(this.right.image, "lang", lang || null);
    set(this.stage, "aria-label", `Picture #${this.after}`);
  }

  toggle() {
    if (this.after === null) return;
    const alone = this.before === null && !this.comparing;
    this.tell.say(alone ? "It has no parent to compare with: give the number of another picture." : "");
    this.comparing = !this.comparing;
    if (this.comparing && this.toPaint) this.paint(false);
    this.refresh();
    if (this.comparing && this.before === null) this.other.focus();
  }

  /**
   * Compare with a picture that was pointed at.
   * @param {number} number
   */
  against(number) {
    if (this.toPaint) this.paint(false);
    this.chosen = number;
    this.comparing = true;
    this.tell.say("");
    this.refresh();
  }

  choose() {
    const text = this.other.value.trim() ?? "";
    const found = text ? this.tell.find(text) : null;
    if (text && found === null) this.tell.fail(new Error(`There is no picture ${plain(text, 60)}.`));
    else this.chosen = found;
    this.refresh();
  }

  /** @param {boolean} on */
  paint(on) {
    this.tell.say("");
    this.toPaint = on && this.after !== null;
    if (this.toPaint) this.comparing = false;
    else this.painter.close();
    this.easel();
    this.refresh();
  }

  /** Open the painter if it is wanted, as soon as its picture is there. */
  easel() {
    const { shown } = this.right;
    if (this.toPaint && !this.painter.active && shown && shown.number === this.after) this.painter.open(shown.number, shown.size);
  }

  /** @param {boolean} on */
  hold(on) {
    if (this.held === on || (on && this.way !== "flip")) return;
    this.held = on;
    this.modes();
  }

  /** Bring what is to be seen to the page. */
  refresh() {
    this.modes();
    const [first, second] = this.swapped ? [this.after, this.before] : [this.before, this.after];
    this.load(this.right, this.way ? second : this.after);
    this.load(this.left, this.way ? first : null);
    this.reports();
  }

  /** Say how much has changed from the one to the other, as `%compare` does. */
  async reports() {
    const { before, after } = this;
    const pair = this.way ? `${before} ${after}` : "";
    if (pair === this.reported) return;
    this.reported = pair;
    this.report.textContent = "";
    if (!pair) return;
    try {
      const { content } = await this.wire.ask("compare", { number: after, before });
      if (this.reported === pair) this.report.textContent = content.text;
    } catch {
      // A picture that is damaged says so where it would be seen.
    }
  }

  /** Set switches and visibility by the state. */
  modes() {
    const { way } = this;
    this.element.setAttribute("data-way", way);
    set(this.compare, "aria-pressed", String(this.comparing));
    set(this.mask, "aria-pressed", String(this.toPaint));
    this.pair.hidden = !this.comparing;
    this.slider.hidden = way !== "slider";
    this.edge.hidden = way !== "slider";
    this.map.hidden = way !== "difference";
    this.left.element.hidden = !way || way === "difference" || (way === "flip" && !this.held);
    this.right.element.hidden = way === "difference" || (way === "flip" && this.held);
    this.empty.hidden = this.after !== null;
    const nothing = this.after === null;
    const elsewhere = () => this.stage.focus();
    [this.fit, this.full, this.smaller, this.larger, this.compare, this.mask].forEach((each) => disable(each, nothing, elsewhere));
    disable(this.swap, !way, elsewhere);
    if (document.activeElement !== this.other) this.other.value = this.before === null ? "" : `#${this.before}`;
    this.stage.dataset.painting = String(this.painter.active);
    this.arrange();
  }

  /**
   * @param {{image: HTMLImageElement, chip: HTMLElement, number: number | null, shown: Shown | null}} layer
   * @param {number | null} number
   */
  async load(layer, number) {
    layer.number = number;
    layer.chip.textContent = number === null || !this.way ? "" : `#${number}`;
    if (number === null) {
      layer.shown = null;
      layer.image.hidden = true;
      return;
    }
    try {
      const shown = await this.fetched(number, this.way === "difference");
      if (layer.number !== number) return;
      layer.shown = shown;
      if (layer.image.getAttribute("src") !== shown.url) layer.image.src = shown.url;
      await layer.image.decode().catch(() => {});
      if (layer.number !== number) return;
      layer.image.hidden = false;
      if (layer.image === this.right.image) {
        this.resized(shown.size);
        this.easel();
        this.modes();
      }
      this.arrange();
      this.chart();
    } catch (error) {
      if (layer.number !== number) return;
      layer.shown = null;
      layer.image.hidden = true;
      this.tell.fail(error);
    }
  }

  /**
   * Fetch a picture, as large as it is shown or whole.
   * @param {number} number
   * @param {boolean} whole
   * @returns {Promise<Shown>}
   */
  fetched(number, whole) {
    const have = this.pictures.get(String(number));
    if (have && (have.whole || !whole)) return Promise.resolve(have);
    const name = `${number} ${whole}`;
    const coming = this.coming.get(name);
    if (coming) return coming;
    const side = Math.min(2048, Math.max(512, Math.ceil(Math.max(this.stage.clientWidth, this.stage.clientHeight) * devicePixelRatio)));
    const asked = this.wire
      .ask(whole ? "original" : "view", { number, side })
      .then(({ content, parts }) => {
        const url = address(/** @type {any} */ (parts[0]), content.mime);
        const shown = { number, url, whole: content.whole, size: { width: content.size[0], height: content.size[1] }, width: side };
        this.pictures.put(String(number), shown);
        return shown;
      })
      .finally(() => this.coming.delete(name));
    this.coming.set(name, asked);
    return asked;
  }

  /** @param {Size} size */
  resized(size) {
    if (size.width === this.size.width && size.height === this.size.height) return;
    // Whoever has zoomed before the first picture was there has meant it.
    const first = this.size === UNKNOWN;
    this.size = size;
    if (first) this.view = settled(this.view, size, this.pane);
    else this.fits = true;
  }

  toFit() {
    this.fits = true;
    this.arrange();
  }

  /**
   * @param {number} scale
   * @param {{x: number, y: number}} point
   */
  zoom(scale, point) {
    if (this.after === null) return;
    this.fits = false;
    this.view = zoomed(this.view, scale, point, this.size, this.pane);
    this.arrange();
    // Larger than its preview: now the whole picture is wanted.
    for (const layer of [this.left, this.right]) {
      const { shown, number } = layer;
      if (!shown || shown.whole || number === null) continue;
      if (Math.max(shown.size.width, shown.size.height) * this.view.scale * devicePixelRatio <= shown.width * 1.05) continue;
      this.fetched(number, true).then(() => this.load(layer, number)).catch(this.tell.fail);
    }
  }

  /**
   * @param {number} dx
   * @param {number} dy
   */
  pan(dx, dy) {
    this.view = settled({ scale: this.view.scale, x: this.view.x + dx, y: this.view.y + dy }, this.size, this.pane);
    this.arrange();
  }

  /** @param {number} split from 0 to 1 */
  cut(split) {
    this.split = Math.min(1, Math.max(0, split));
    this.slider.value = String(Math.round(100 * this.split));
    this.arrange();
  }

  /** Put everything on the stage where the view says. */
  arrange() {
    const { pane, size, way } = this;
    if (this.fits) this.view = fitted(size, pane);
    const { scale, x, y } = this.view;
    const transform = `translate(${x}px, ${y}px) scale(${scale})`;
    for (const element of [this.left.image, this.right.image, this.map, this.painter.canvas]) {
      element.style.width = `${size.width}px`;
      element.style.height = `${size.height}px`;
      element.style.transform = transform;
    }
    this.stage.classList.toggle("imgmagic-pixels", scale >= 3);
    this.right.element.style.clipPath = way === "slider" ? `inset(0 0 0 ${100 * this.split}%)` : "";
    this.left.element.style.clipPath = way === "slider" ? `inset(0 ${100 - 100 * this.split}% 0 0)` : "";
    this.edge.style.left = `${100 * this.split}%`;
    this.scale.textContent = this.after === null ? "" : `${Math.round(100 * scale * devicePixelRatio)} %`;
    set(this.fit, "aria-pressed", String(this.fits));
  }

  /** @param {{x: number, y: number}} point of the stage */
  ring(point) {
    const { ring } = this.painter;
    const across = 2 * this.painter.radius * this.view.scale;
    ring.hidden = !this.painter.active || this.painter.tool.value === "rectangle";
    ring.style.width = `${across}px`;
    ring.style.height = `${across}px`;
    ring.style.transform = `translate(${point.x - across / 2}px, ${point.y - across / 2}px)`;
  }

  /** Draw the map of differences, when both pictures are there. */
  chart() {
    const { left, right, map } = this;
    if (this.way !== "difference" || !left.shown?.whole || !right.shown?.whole || left.image.hidden) return;
    const { width, height } = right.shown.size;
    const pixels = (/** @type {HTMLImageElement} */ image) => {
      const canvas = make("canvas", { width, height });
      const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d", { willReadFrequently: true }));
      context.drawImage(image, 0, 0, width, height);
      return context.getImageData(0, 0, width, height).data;
    };
    const { data, share } = difference(pixels(left.image), pixels(right.image));
    [map.width, map.height] = [width, height];
    map.getContext("2d")?.putImageData(new ImageData(data, width, height), 0, 0);
    const where = share === 1 ? "every pixel" : `${percent(share)} of the pixels`;
    this.tell.say(`#${left.number} and #${right.number} ${share ? `differ in ${where}.` : "are equal."}`);
  }

  close() {
    this.watcher.disconnect();
    this.pictures.clear();
  }
}
