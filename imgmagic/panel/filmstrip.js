// The tree on the page: thumbnails as branches, of which only what can be seen is drawn and fetched.

import { laidOut, nothing, position, revealed, seen, walked } from "./layout.js";
import { Addresses, make, set } from "./page.js";
import { plain } from "./text.js";

const CELL = { width: 116, height: 132 };
const MARK = { x: 46, gap: 20 };
const AT_ONCE = 3;
const SMALL = 60;
const MOST = 282; // px: two rows, and that there are more
const THUMBS = 400;

/**
 * What is marked, by number.
 * @typedef {object} Marks
 * @property {number | null} current
 * @property {number | null} selected
 * @property {Map<number, string>} labels
 * @property {Set<number>} stars
 * @property {Set<number>} stale
 */

export class Filmstrip {
  /**
   * @param {import("./wire.js").Wire} wire
   * @param {(number: number) => void} select called when a picture is chosen
   * @param {(number: number) => void} act called when one is chosen for good, by Enter or a double click
   */
  constructor(wire, select, act) {
    this.wire = wire;
    this.select = select;
    this.act = act;
    this.rows = nothing();
    this.layout = laidOut(this.rows);
    /** @type {Marks} */
    this.marks = { current: null, selected: null, labels: new Map(), stars: new Set(), stale: new Set() };
    /** @type {Map<number, HTMLElement>} */
    this.tiles = new Map();
    this.thumbs = new Addresses(THUMBS);
    /** @type {Set<number>} */
    this.asking = new Set();
    /** @type {number[]} */
    this.visible = [];
    /** @type {number | null} where the Tab key comes to */
    this.entry = null;
    this.lines = document.createElementNS("http://www.w3.org/2000/svg", "path");
    const drawing = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    drawing.setAttribute("aria-hidden", "true");
    drawing.append(this.lines);
    this.drawing = drawing;
    this.sheet = make("div", { class: "imgmagic-sheet", role: "none" });
    this.sheet.append(drawing);
    this.element = make("div", { class: "imgmagic-tree", role: "tree", "aria-label": "Pictures" }, this.sheet);
    this.element.addEventListener("scroll", () => this.soon());
    this.element.addEventListener("keydown", (event) => this.pressed(event));
    this.watcher = new ResizeObserver(() => this.soon());
    this.watcher.observe(this.element);
    this.waiting = 0;
    this.height = CELL.height + 8;
  }

  close() {
    this.watcher.disconnect();
    cancelAnimationFrame(this.waiting);
    this.thumbs.clear();
  }

  /**
   * Show other pictures, or the same ones marked otherwise.
   * @param {import("./layout.js").Rows} rows
   * @param {Marks} marks
   */
  show(rows, marks) {
    if (rows !== this.rows) {
      this.rows = rows;
      this.layout = laidOut(rows);
      this.sheet.style.width = `${this.layout.columns * CELL.width}px`;
      this.sheet.style.height = `${this.layout.rows.length * CELL.height}px`;
      // It grows with the tree and stays so: a filter must not make the page jump.
      this.height = Math.max(this.height, Math.min(MOST, this.layout.rows.length * CELL.height));
      this.element.style.height = `${this.height}px`;
      set(this.drawing, "width", this.layout.columns * CELL.width);
      set(this.drawing, "height", this.layout.rows.length * CELL.height);
    }
    this.marks = marks;
    this.draw();
  }

  /**
   * Scroll to a picture.
   * @param {number | null} number
   */
  reveal(number) {
    const i = position(this.rows.number, number);
    if (i < 0) return;
    const { element } = this;
    const [x, y] = [this.layout.column[i] * CELL.width, this.layout.row[i] * CELL.height];
    element.scrollLeft = revealed(element.scrollLeft, element.clientWidth, x, CELL.width);
    element.scrollTop = revealed(element.scrollTop, element.clientHeight, y, CELL.height);
    this.draw();
  }

  focus() {
    this.tiles.get(this.entry ?? -1)?.focus({ preventScroll: true });
  }

  /** @param {KeyboardEvent} event */
  pressed(event) {
    const i = position(this.rows.number, this.entry);
    if (i < 0 || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Enter") this.act(this.rows.number[i]);
    else {
      const next = walked(this.layout, i, event.key);
      if (next === i && !event.key.startsWith("Arrow")) return;
      if (next !== i || this.rows.number[next] !== this.marks.selected) {
        this.select(this.rows.number[next]);
        this.reveal(this.rows.number[next]);
        this.focus();
      }
    }
    event.preventDefault();
    event.stopPropagation();
  }

  soon() {
    cancelAnimationFrame(this.waiting);
    this.waiting = requestAnimationFrame(() => this.draw());
  }

  draw() {
    const { element, layout, rows } = this;
    if (!element.clientWidth) return; // out of sight: what is drawn stays
    const box = {
      left: element.scrollLeft,
      top: element.scrollTop,
      width: element.clientWidth,
      height: element.clientHeight,
    };
    const { tiles, path } = seen(layout, box, CELL, MARK);
    set(this.lines, "d", path);
    // The chosen one stays on the page wherever it stands: it may have the focus. A small tree stays as a whole, so that
    // a screen reader has all of it; its pictures are fetched when they are seen all the same.
    const chosen = position(rows.number, this.marks.selected);
    const small = rows.number.length <= SMALL;
    const wanted = small ? layout.rows.flat() : [...new Set(chosen < 0 ? tiles : [...tiles, chosen])];
    const numbers = new Set(wanted.map((i) => rows.number[i]));
    for (const [number, tile] of this.tiles) {
      if (numbers.has(number)) continue;
      tile.remove();
      this.tiles.delete(number);
    }
    this.entry = rows.number[chosen < 0 ? tiles[0] : chosen] ?? null;
    wanted.forEach((i) => this.place(i));
    this.visible = tiles.map((i) => rows.number[i]);
    this.gather();
  }

  /**
   * Put a picture's tile where it belongs, with its marks.
   * @param {number} i
   */
  place(i) {
    const number = this.rows.number[i];
    const tile = this.tiles.get(number) ?? this.made(number);
    const { layout, marks } = this;
    const label = plain(marks.labels.get(number) ?? "", 80);
    const current = number === marks.current;
    const sketch = this.rows.engine[i] === "sketch";
    const thumb = this.thumbs.get(String(number));
    const said = [
      current && "current",
      marks.stars.has(number) && "starred",
      sketch && "sketch",
      marks.stale.has(number) && "stale",
      thumb?.replayed && "replayed",
    ].filter(Boolean);
    const siblings = layout.parent[i] < 0 ? null : layout.children[layout.parent[i]];
    const prompt = plain(this.rows.prompt[i], 120);
    tile.style.transform = `translate(${layout.column[i] * CELL.width}px, ${layout.row[i] * CELL.height}px)`;
    set(tile, "aria-label", `#${number}${label ? ` ${label}` : ""}${said.length ? `, ${said.join(", ")}` : ""}: ${prompt}`);
    set(tile, "aria-current", current ? "true" : null);
    set(tile, "aria-selected", String(number === marks.selected));
    set(tile, "aria-level", layout.column[i] + 1);
    set(tile, "aria-posinset", siblings ? siblings.indexOf(i) + 1 : null);
    set(tile, "aria-setsize", siblings ? siblings.length : null);
    set(tile, "tabindex", number === this.entry ? 0 : -1);
    set(tile, "title", `#${number}${label ? ` ${label}` : ""} · ${prompt}`);
    const [frame, name, below] = /** @type {HTMLElement[]} */ ([...tile.children]);
    name.textContent = `${marks.stars.has(number) ? "★ " : ""}#${number}${label ? ` ${label}` : ""}`;
    below.textContent = said.filter((word) => word !== "starred").join(" · ");
    this.picture(frame, thumb);
  }

  /** @param {number} number */
  made(number) {
    const parts = ["frame", "name", "marks"].map((name) => make("span", { class: `imgmagic-tile-${name}` }));
    const tile = make("div", {
      class: "imgmagic-tile",
      role: "treeitem",
      onclick: () => {
        this.select(number);
        this.focus();
      },
      ondblclick: () => this.act(number),
    }, ...parts);
    this.sheet.append(tile);
    this.tiles.set(number, tile);
    return tile;
  }

  /**
   * @param {HTMLElement} frame
   * @param {{url: string, damaged: boolean} | undefined} thumb
   */
  picture(frame, thumb) {
    if (!thumb) return;
    if (thumb.damaged) {
      frame.textContent = "damaged";
      return;
    }
    const image = frame.querySelector("img") ?? frame.appendChild(make("img", { alt: "", draggable: "false" }));
    if (image.getAttribute("src") !== thumb.url) image.src = thumb.url;
  }

  /** Ask for what can be seen and is not here; what has scrolled away meanwhile is not asked for at all. */
  gather() {
    const missing = this.visible.filter((number) => !this.thumbs.get(String(number)) && !this.asking.has(number));
    for (const number of missing.slice(0, AT_ONCE - this.asking.size)) {
      this.asking.add(number);
      this.wire
        .ask("thumb", { number })
        .then(({ content, parts }) => {
          const url = parts.length ? URL.createObjectURL(new Blob([/** @type {any} */ (parts[0])], { type: content.mime })) : "";
          this.thumbs.put(String(number), { ...content, url });
        })
        .catch(() => this.thumbs.put(String(number), /** @type {any} */ ({ url: "", damaged: true })))
        .finally(() => {
          this.asking.delete(number);
          const i = position(this.rows.number, number);
          if (i >= 0 && this.tiles.has(number)) this.place(i);
          this.gather();
        });
    }
  }
}
