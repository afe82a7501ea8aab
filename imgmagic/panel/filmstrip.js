// The tree on the page: thumbnails as branches, of which only what can be seen is drawn and fetched.

import { folded, laidOut, line, nothing, position, revealed, seen, walked } from "./layout.js";
import { Addresses, address, make, set } from "./page.js";
import { plain } from "./text.js";

const CELL = { width: 116, height: 132 };
const MARK = { x: 46, gap: 20 };
const AT_ONCE = 3;
const SMALL = 60;
const MOST = 282; // px: two rows, and that there are more
const THUMBS = 400;
const ROOM = 20; // px beside the last column, for how many a folded branch hides

/**
 * What is marked, by number.
 * @typedef {object} Marks
 * @property {number | null} current
 * @property {number | null} selected
 * @property {Map<number, string>} labels
 * @property {Set<number>} stars
 * @property {Set<number>} stale
 * @property {Set<number>} replayed
 */

export class Filmstrip {
  /**
   * @param {import("./wire.js").Wire} wire
   * @param {(number: number) => void} select called when a picture is chosen
   * @param {(number: number) => void} act called when one is chosen for good, by Enter or a double click
   * @param {(number: number) => void} pair called when one is to be compared with the chosen one
   */
  constructor(wire, select, act, pair) {
    this.wire = wire;
    this.pair = pair;
    this.select = select;
    this.act = act;
    this.all = nothing();
    this.rows = this.all;
    this.layout = laidOut(this.rows);
    /** @type {Set<number>} branches that are folded */
    this.closed = new Set();
    /** @type {Map<number, number>} how many pictures each of them hides */
    this.hidden = new Map();
    /** @type {Marks} */
    this.marks = { current: null, selected: null, labels: new Map(), stars: new Set(), stale: new Set(), replayed: new Set() };
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
    this.marks = marks;
    // A tree without items is none, to a screen reader.
    set(this.element, "role", rows.number.length ? "tree" : "group");
    if (rows !== this.all) {
      this.all = rows;
      this.arrange();
    }
    this.draw();
  }

  /** Give every picture its place; what stands in folded branches has none. */
  arrange() {
    const { rows, hidden } = folded(this.all, this.closed);
    [this.rows, this.hidden, this.layout] = [rows, hidden, laidOut(rows)];
    const { columns, rows: lines } = this.layout;
    this.sheet.style.width = `${columns * CELL.width + ROOM}px`;
    this.sheet.style.height = `${lines.length * CELL.height}px`;
    // It grows with the tree and stays so: a filter must not make the page jump.
    this.height = Math.max(this.height, Math.min(MOST, lines.length * CELL.height));
    this.element.style.height = `${this.height}px`;
    set(this.drawing, "width", columns * CELL.width);
    set(this.drawing, "height", lines.length * CELL.height);
  }

  /**
   * Fold a branch, or unfold it.
   * @param {number} number
   * @param {boolean} close
   */
  fold(number, close) {
    if (close === this.closed.has(number)) return;
    if (close) this.closed.add(number);
    else this.closed.delete(number);
    this.arrange();
    // What is chosen must not be out of sight: the branch stands for it.
    if (position(this.rows.number, this.marks.selected) < 0) this.select(number);
    this.draw();
  }

  /**
   * Tell whether a branch is open; null where there is none.
   * @param {number} i
   */
  isOpen(i) {
    if (this.hidden.has(this.rows.number[i])) return false;
    return this.layout.children[i].length ? true : null;
  }

  /**
   * Scroll to a picture.
   * @param {number | null} number
   */
  reveal(number) {
    if (number !== null && position(this.rows.number, number) < 0) {
      const folds = line(this.all, number).filter((i) => this.closed.delete(this.all.number[i]));
      if (folds.length) this.arrange();
    }
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
    const open = this.isOpen(i);
    if (event.key === "Enter") this.act(this.rows.number[i]);
    else if (open === false && (event.key === "ArrowRight" || event.key === "+")) this.fold(this.rows.number[i], false);
    else if (open && event.key === "-") this.fold(this.rows.number[i], true);
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
      marks.stale.has(number) && "stale",
      marks.replayed.has(number) && "replayed",
      sketch && "sketch",
    ].filter(Boolean);
    const open = this.isOpen(i);
    const hides = this.hidden.get(number) ?? 0;
    const siblings = layout.parent[i] < 0 ? null : layout.children[layout.parent[i]];
    const prompt = plain(this.rows.prompt[i], 120);
    tile.style.transform = `translate(${layout.column[i] * CELL.width}px, ${layout.row[i] * CELL.height}px)`;
    set(tile, "aria-label", `#${number}${label ? ` ${label}` : ""}${said.length ? `, ${said.join(", ")}` : ""}: ${prompt}`);
    set(tile, "aria-current", current ? "true" : null);
    set(tile, "aria-selected", String(number === marks.selected));
    set(tile, "aria-expanded", open === null ? null : String(open));
    set(tile, "aria-level", layout.column[i] + 1);
    set(tile, "aria-posinset", siblings ? siblings.indexOf(i) + 1 : null);
    set(tile, "aria-setsize", siblings ? siblings.length : null);
    set(tile, "tabindex", number === this.entry ? 0 : -1);
    set(tile, "title", `#${number}${label ? ` ${label}` : ""} · ${prompt}`);
    const [frame, name, below, fold] = /** @type {HTMLElement[]} */ ([...tile.children]);
    fold.textContent = open ? "−" : `+${hides}`;
    fold.hidden = open === null;
    fold.title = open ? "Fold this branch (−)" : `Show the ${hides} below (→)`;
    name.textContent = `${marks.stars.has(number) ? "★ " : ""}#${number}${label ? ` ${label}` : ""}`;
    below.textContent = said.filter((word) => word !== "starred").join(" · ");
    this.picture(frame, thumb);
  }

  /** @param {number} number */
  made(number) {
    const parts = ["frame", "name", "marks"].map((name) => make("span", { class: `imgmagic-tile-${name}` }));
    const fold = make("span", {
      class: "imgmagic-tile-fold",
      "aria-hidden": "true", // by keyboard − folds and → unfolds; a screen reader is told by aria-expanded
      onclick: (/** @type {Event} */ event) => {
        event.stopPropagation();
        this.fold(number, !this.hidden.has(number));
      },
      ondblclick: (/** @type {Event} */ event) => event.stopPropagation(),
    });
    const tile = make("div", {
      class: "imgmagic-tile",
      role: "treeitem",
      onclick: (/** @type {MouseEvent} */ event) => {
        if (event.shiftKey) this.pair(number);
        else {
          this.select(number);
          this.focus();
        }
      },
      ondblclick: () => this.act(number),
    }, ...parts, fold);
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
          const url = parts.length ? address(/** @type {any} */ (parts[0]), content.mime) : "";
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
