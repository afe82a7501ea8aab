import assert from "node:assert/strict";
import test from "node:test";

import { contracted, folded, kept, laidOut, line, merged, nothing, position, revealed, seen, walked } from "../../imgmagic/panel/layout.js";

const CELL = { width: 100, height: 100 };
const MARK = { x: 40, gap: 20 };

/** Rows by the parents of #1, #2, …; 0 is none. */
const rows = (...parent) => ({
  number: parent.map((_, i) => i + 1),
  parent,
  engine: parent.map((_, i) => (i % 2 ? "azure" : "sketch")),
  prompt: parent.map((_, i) => `prompt ${i + 1}`),
});
const places = (layout) => [...layout.row].map((row, i) => [row, layout.column[i]]);
const box = (left, top, width, height) => ({ left, top, width, height });

test("a first child goes on in its parent's row, every other one begins a row", () => {
  // #1 - #2 - #4, and below #2: #3 (child of 1), #5 (child of 2), #6 a root
  assert.deepEqual(places(laidOut(rows(0, 1, 1, 2, 2, 0))), [[0, 0], [0, 1], [2, 1], [0, 2], [1, 2], [3, 0]]);
});

test("a folded branch hides what stands below it, and says how much", () => {
  const all = rows(0, 1, 1, 2, 4, 0, 6);
  assert.equal(folded(all, new Set()).rows, all);
  const { rows: left, hidden } = folded(all, new Set([2, 6, 5, 99]));
  assert.deepEqual([left.number, left.parent, [...hidden]], [[1, 2, 3, 6], [0, 1, 1, 0], [[2, 2], [6, 1]]]);
  assert.deepEqual(folded(all, new Set([1, 2])).rows.number, [1, 6, 7]);
  assert.deepEqual(left.prompt, ["prompt 1", "prompt 2", "prompt 3", "prompt 6"]);
});

test("folding does no harm where parents stand in a circle or come later", () => {
  assert.deepEqual(folded(rows(3, 1, 2, 4), new Set([1, 2, 3, 4])).rows.number, [1, 4]);
});

test("no two pictures stand in one place, and every row is without gaps", () => {
  let seed = 7;
  const random = (n) => (seed = (seed * 48271) % 2147483647) % n;
  const layout = laidOut(rows(...Array.from({ length: 2000 }, (_, i) => random(i + 1))));
  assert.equal(new Set(places(layout).map(String)).size, 2000);
  for (const row of layout.rows) row.forEach((i, k) => assert.equal(layout.column[i], layout.column[row[0]] + k));
});

test("parents that are missing, later, themselves, or in a circle do no harm", () => {
  const layout = laidOut(rows(99, 2, 4, 3, 4));
  assert.equal(new Set(places(layout).map(String)).size, 5);
  assert.deepEqual([layout.parent[0], layout.parent[1]], [-1, -1]);
  assert.ok(line(rows(0, 3, 2), 3).length <= 2);
});

test("ten thousand pictures in one line are laid out and walked, and a window shows a handful", () => {
  const layout = laidOut(rows(...Array.from({ length: 10000 }, (_, i) => i)));
  assert.equal(layout.columns, 10000);
  const { tiles } = seen(layout, box(500000, 0, 800, 250), CELL, MARK);
  assert.ok(tiles.includes(5000) && tiles.length < 15, String(tiles.length));
});

test("ten thousand roots: only the rows in the window", () => {
  const layout = laidOut(rows(...Array(10000).fill(0)));
  const { tiles, path } = seen(layout, box(0, 300000, 800, 250), CELL, MARK);
  assert.deepEqual(tiles, [2999, 3000, 3001, 3002, 3003]);
  assert.equal(path, "");
});

test("a branch that begins above the window and goes on below it is drawn through it", () => {
  const layout = laidOut(rows(0, ...Array(5000).fill(1)));
  const { path } = seen(layout, box(0, 200000, 800, 250), CELL, MARK);
  assert.match(path, /M90 199840V200440/, path);
  assert.equal((path.match(/H/g) ?? []).length, 5);
});

test("the arrows walk to parents, children and neighbours, and stay where there is nothing", () => {
  const layout = laidOut(rows(0, 1, 1, 2, 2, 0));
  const way = (i, ...keys) => keys.reduce((at, key) => walked(layout, at, key), i);
  assert.equal(way(0, "ArrowRight", "ArrowRight"), 3);
  assert.equal(way(3, "ArrowRight"), 3);
  assert.equal(way(3, "ArrowDown"), 4);
  assert.equal(way(4, "ArrowDown"), 2);
  assert.equal(way(2, "ArrowDown"), 5);
  assert.equal(way(5, "ArrowDown"), 5);
  assert.equal(way(2, "ArrowLeft", "ArrowLeft"), 0);
  assert.equal(way(2, "Home"), 0);
  assert.equal(way(2, "End"), 5);
  assert.equal(way(2, "x"), 2);
});

test("a filter asks for words, stars and engine together; the kernel's finds count as words", () => {
  const all = { ...rows(0, 1, 2), prompt: ["A Beach", "bluer", "a beach at night"] };
  const labels = new Map([[2, "beach-blue"]]);
  const numbers = (words, starred, engine, found = []) =>
    kept(all, { words, starred, engine }, labels, new Set([2, 3]), new Set(found)).map((i) => all.number[i]);
  assert.deepEqual(numbers("beach", false, ""), [1, 2, 3]);
  assert.deepEqual(numbers("BEACH night", false, ""), [3]);
  assert.deepEqual(numbers("", true, ""), [2, 3]);
  assert.deepEqual(numbers("beach", true, "azure"), [2]);
  assert.deepEqual(numbers("nowhere", false, "", [1]), [1]);
  assert.deepEqual(numbers("#3", false, ""), [3]);
});

test("what is filtered out is bridged by its nearest kept ancestor", () => {
  const small = contracted(rows(0, 1, 2, 3, 3), [0, 3, 4]);
  assert.deepEqual(small.number, [1, 4, 5]);
  assert.deepEqual(small.parent, [1, 4, 5].map((number) => (number === 1 ? 0 : 1)));
});

test("news are added, or replace everything", () => {
  const columns = { number: [3], parent: [0], engine: [1], engines: ["a", "b"], prompt: ["x"] };
  assert.deepEqual(merged(rows(0, 1), columns, false).number, [1, 2, 3]);
  assert.deepEqual(merged(rows(0, 1), columns, true), { number: [3], parent: [0], engine: ["b"], prompt: ["x"] });
  assert.deepEqual(merged(nothing(), columns, false).engine, ["b"]);
});

test("a number is found by halving, and one that is not there is not", () => {
  const numbers = [1, 4, 9, 16];
  assert.deepEqual([1, 4, 9, 16, 2, 0, 17, null].map((number) => position(numbers, number)), [0, 1, 2, 3, -1, -1, -1, -1]);
});

test("scrolling goes as far as needed and no further", () => {
  assert.equal(revealed(100, 200, 50, 40), 50);
  assert.equal(revealed(100, 200, 290, 40), 130);
  assert.equal(revealed(100, 200, 150, 40), 100);
});
