// The tree of pictures: what is known of each, which are shown, where each one stands, and what of it can be seen. Pure.
//
// A first child continues its parent's row, every other child begins a row of its own below: a conversation reads from
// left to right, and a branching is a step down. Rows are contiguous, so that a window into 10,000 pictures is a few
// lookups. The folder is foreign: parents that are missing, later than their children, or in a circle do no harm.

/**
 * What the front end knows of the pictures, by position; numbers ascend.
 * @typedef {{number: number[], parent: number[], engine: string[], prompt: string[]}} Rows
 */

/**
 * How rows travel: engines by their place in a list.
 * @typedef {{number: number[], parent: number[], engine: number[], engines: string[], prompt: string[]}} Columns
 */

/**
 * Where every picture stands. Positions, not numbers; no parent is -1.
 * @typedef {object} Layout
 * @property {number[]} parent
 * @property {number[][]} children
 * @property {Int32Array} row
 * @property {Int32Array} column
 * @property {Int32Array} bottom the row of the lowest child, or the own one
 * @property {number[][]} rows the pictures of each row, from left to right
 * @property {number} columns
 */

/**
 * A part of the tree, in px, and the size of a cell.
 * @typedef {{left: number, top: number, width: number, height: number}} Box
 * @typedef {{width: number, height: number}} Cell
 */

/** @returns {Rows} */
export function nothing() {
  return { number: [], parent: [], engine: [], prompt: [] };
}

/**
 * Take in what has come.
 * @param {Rows} rows
 * @param {Columns} columns
 * @param {boolean} whole whether they replace what is known
 * @returns {Rows}
 */
export function merged(rows, columns, whole) {
  const old = whole ? nothing() : rows;
  return {
    number: old.number.concat(columns.number),
    parent: old.parent.concat(columns.parent),
    engine: old.engine.concat(columns.engine.map((place) => columns.engines[place])),
    prompt: old.prompt.concat(columns.prompt),
  };
}

/**
 * Find a number's position; -1 if it is not there.
 * @param {number[]} numbers ascending
 * @param {number | null} number
 */
export function position(numbers, number) {
  if (number === null) return -1;
  let low = 0;
  let high = numbers.length - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    if (numbers[middle] === number) return middle;
    if (numbers[middle] < number) low = middle + 1;
    else high = middle - 1;
  }
  return -1;
}

/**
 * Tell which pictures pass a filter.
 * @param {Rows} rows
 * @param {{words: string, starred: boolean, engine: string}} filter
 * @param {Map<number, string>} labels
 * @param {Set<number>} stars
 * @param {Set<number>} found numbers that the kernel has found, since only the beginning of a prompt is here
 * @returns {number[]} positions, ascending
 */
export function kept(rows, filter, labels, stars, found) {
  const words = filter.words.toLowerCase().split(/\s+/).filter(Boolean);
  const result = [];
  for (let i = 0; i < rows.number.length; i += 1) {
    const number = rows.number[i];
    if (filter.starred && !stars.has(number)) continue;
    if (filter.engine && rows.engine[i] !== filter.engine) continue;
    if (words.length && !found.has(number)) {
      const text = `${rows.prompt[i]} ${labels.get(number) ?? ""} #${number}`.toLowerCase();
      if (!words.every((word) => text.includes(word))) continue;
    }
    result.push(i);
  }
  return result;
}

/**
 * Take the pictures that are kept out of the tree; the nearest kept ancestor stands for a parent that is not.
 * @param {Rows} rows
 * @param {number[]} positions ascending
 * @returns {Rows}
 */
export function contracted(rows, positions) {
  const { number, parent } = rows;
  const stays = new Uint8Array(number.length);
  positions.forEach((i) => (stays[i] = 1));
  const near = new Float64Array(number.length);
  for (let i = 0; i < number.length; i += 1) {
    const above = position(number, parent[i]);
    // A parent comes before its children; one that does not is none.
    if (above >= 0 && above < i) near[i] = stays[above] ? number[above] : near[above];
  }
  return {
    number: positions.map((i) => number[i]),
    parent: positions.map((i) => near[i]),
    engine: positions.map((i) => rows.engine[i]),
    prompt: positions.map((i) => rows.prompt[i]),
  };
}

/**
 * Take out what stands below closed branches.
 * @param {Rows} rows
 * @param {Set<number>} closed numbers
 * @returns {{rows: Rows, hidden: Map<number, number>}} what is left, and how many each closed branch hides
 */
export function folded(rows, closed) {
  /** @type {Map<number, number>} */
  const hidden = new Map();
  if (!closed.size) return { rows, hidden };
  const { number, parent } = rows;
  const under = new Int32Array(number.length).fill(-1);
  /** @type {number[]} */
  const stays = [];
  for (let i = 0; i < number.length; i += 1) {
    const above = position(number, parent[i]);
    // A parent comes before its children; one that does not hides nothing.
    if (above >= 0 && above < i) under[i] = under[above] >= 0 ? under[above] : closed.has(number[above]) ? above : -1;
    if (under[i] < 0) stays.push(i);
    else hidden.set(number[under[i]], (hidden.get(number[under[i]]) ?? 0) + 1);
  }
  const pick = (/** @type {any[]} */ values) => stays.map((i) => values[i]);
  return { rows: { number: pick(number), parent: pick(parent), engine: pick(rows.engine), prompt: pick(rows.prompt) }, hidden };
}

/**
 * Give the way from the root to a picture, as positions.
 * @param {Rows} rows
 * @param {number} number
 */
export function line(rows, number) {
  const way = [];
  const seen = new Set();
  for (let i = position(rows.number, number); i >= 0 && !seen.has(i); i = position(rows.number, rows.parent[i])) {
    seen.add(i);
    way.push(i);
  }
  return way.reverse();
}

/**
 * Give every picture its place.
 * @param {Rows} rows
 * @returns {Layout}
 */
export function laidOut(rows) {
  const count = rows.number.length;
  const parent = rows.parent.map((number, i) => {
    const above = position(rows.number, number);
    return above === i ? -1 : above;
  });
  /** @type {number[][]} */
  const children = Array.from({ length: count }, () => []);
  parent.forEach((above, i) => above >= 0 && children[above].push(i));
  const row = new Int32Array(count).fill(-1);
  const column = new Int32Array(count);
  const bottom = new Int32Array(count);
  /** @type {number[][]} */
  const lines = [];
  let columns = 0;
  // Roots first; what is left then stands in circles, of which each gets a beginning.
  for (const circles of [false, true]) {
    for (let start = 0; start < count; start += 1) {
      if (row[start] >= 0 || (!circles && parent[start] >= 0)) continue;
      parent[start] = -1;
      const waiting = [start];
      while (waiting.length) {
        const i = /** @type {number} */ (waiting.pop());
        if (row[i] >= 0) continue;
        const above = parent[i];
        const goesOn = above >= 0 && children[above][0] === i;
        row[i] = goesOn ? row[above] : lines.length;
        column[i] = above < 0 ? 0 : column[above] + 1;
        if (goesOn) lines[row[i]].push(i);
        else lines.push([i]);
        bottom[i] = row[i];
        if (above >= 0) bottom[above] = Math.max(bottom[above], row[i]);
        columns = Math.max(columns, column[i] + 1);
        for (let k = children[i].length - 1; k >= 0; k -= 1) waiting.push(children[i][k]);
      }
    }
  }
  return { parent, children, row, column, bottom, rows: lines, columns };
}

/**
 * Give what can be seen of the tree: the pictures, and the lines between them as SVG path data.
 * @param {Layout} layout
 * @param {Box} box
 * @param {Cell} cell
 * @param {{x: number, gap: number}} mark where a line leaves a cell: height above its middle line, and space between two
 * @returns {{tiles: number[], path: string}}
 */
export function seen(layout, box, cell, mark) {
  const first = Math.max(0, Math.floor(box.top / cell.height) - 1);
  const last = Math.min(layout.rows.length - 1, Math.floor((box.top + box.height) / cell.height) + 1);
  const from = Math.max(0, Math.floor(box.left / cell.width) - 1);
  const to = Math.floor((box.left + box.width) / cell.width) + 1;
  /** @type {number[]} */
  const tiles = [];
  const forks = new Set();
  const path = [];
  const y = (/** @type {number} */ row) => row * cell.height + mark.x;
  for (let r = first; r <= last; r += 1) {
    const start = layout.column[layout.rows[r][0]];
    const end = start + layout.rows[r].length - 1;
    for (let c = Math.max(from, start); c <= Math.min(to, end); c += 1) {
      const i = layout.rows[r][c - start];
      tiles.push(i);
      if (layout.bottom[i] > r) forks.add(i);
      const above = layout.parent[i];
      if (above < 0) continue;
      const whole = layout.row[above] === r;
      path.push(`M${c * cell.width - (whole ? mark.gap : mark.gap / 2)} ${y(r)}H${c * cell.width}`);
    }
  }
  // Branches that begin above the window and go on through it hang on the ancestors of its first row.
  if (first <= last) {
    for (let i = layout.parent[layout.rows[first][0]]; i >= 0; i = layout.parent[i]) {
      if (layout.bottom[i] >= first && layout.column[i] >= from && layout.column[i] <= to) forks.add(i);
    }
  }
  for (const i of forks) {
    const x = (layout.column[i] + 1) * cell.width - mark.gap / 2;
    const top = Math.max(layout.row[i], first - 1);
    path.push(`M${x} ${y(top)}V${y(Math.min(layout.bottom[i], last + 1))}`);
  }
  return { tiles, path: path.join("") };
}

/**
 * Walk the tree with the keyboard; where there is nothing, stay.
 * @param {Layout} layout
 * @param {number} i
 * @param {string} key as KeyboardEvent.key names it
 */
export function walked(layout, i, key) {
  if (key === "Home") return layout.rows.length ? layout.rows[0][0] : i;
  if (key === "End") return layout.row.length - 1;
  if (key === "ArrowLeft") return layout.parent[i] >= 0 ? layout.parent[i] : i;
  if (key === "ArrowRight") return layout.children[i].length ? layout.children[i][0] : i;
  const step = key === "ArrowUp" ? -1 : key === "ArrowDown" ? 1 : 0;
  const row = layout.rows[layout.row[i] + step];
  if (!step || !row) return i;
  const place = layout.column[i] - layout.column[row[0]];
  return row[Math.min(Math.max(place, 0), row.length - 1)];
}

/**
 * Give the scroll offset nearest to the present one from which a stretch can be seen.
 * @param {number} offset
 * @param {number} size of what can be seen
 * @param {number} start of the stretch
 * @param {number} length of it
 */
export function revealed(offset, size, start, length) {
  if (start < offset) return start;
  if (start + length > offset + size) return Math.max(0, start + length - size);
  return offset;
}
