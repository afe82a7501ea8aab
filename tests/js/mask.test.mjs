import assert from "node:assert/strict";
import test from "node:test";

import * as masks from "../../imgmagic/panel/mask.js";

const drawn = (mask) =>
  Array.from({ length: mask.height }, (_, y) =>
    Array.from(mask.data.subarray(y * mask.width, (y + 1) * mask.width), (value) => (value ? "#" : ".")).join(""),
  );

test("a dab is a disc around its centre, a stroke everything within its radius", () => {
  const mask = masks.blank(7, 5);
  masks.stroke(mask, { x: 2.5, y: 2.5 }, { x: 2.5, y: 2.5 }, 1, 255);
  assert.deepEqual(drawn(mask), [".......", "..#....", ".###...", "..#....", "......."]);
  masks.stroke(mask, { x: 2.5, y: 2.5 }, { x: 4.5, y: 2.5 }, 1, 255);
  assert.deepEqual(drawn(mask), [".......", "..###..", ".#####.", "..###..", "......."]);
  masks.stroke(mask, { x: 4.5, y: 2.5 }, { x: 4.5, y: 2.5 }, 1, 0);
  assert.deepEqual(drawn(mask), [".......", "..##...", ".##....", "..##...", "......."]);
});

test("strokes and rectangles beyond the edge paint what is within it", () => {
  const mask = masks.blank(4, 3);
  masks.stroke(mask, { x: -50, y: 1.5 }, { x: 50, y: 1.5 }, 0.5, 255);
  assert.deepEqual(drawn(mask), ["....", "####", "...."]);
  masks.rectangle(mask, { x: 9, y: 9 }, { x: 2, y: 0 }, 255);
  assert.deepEqual(drawn(mask), ["..##", "####", "..##"]);
  const before = drawn(mask);
  masks.stroke(mask, { x: -9, y: -9 }, { x: -9, y: -9 }, 3, 255);
  assert.deepEqual(drawn(mask), before);
});

test("what is cut out can be put back, and that again undone", () => {
  const mask = masks.blank(6, 6);
  masks.rectangle(mask, { x: 1, y: 1 }, { x: 4, y: 4 }, 255);
  const before = drawn(mask);
  const patch = masks.cut(mask, masks.reach(mask, { x: 3, y: 3 }, { x: 5, y: 5 }, 2));
  masks.stroke(mask, { x: 3, y: 3 }, { x: 5, y: 5 }, 2, 255);
  const after = drawn(mask);
  assert.notDeepEqual(after, before);
  const redo = masks.paste(mask, patch);
  assert.deepEqual(drawn(mask), before);
  masks.paste(mask, redo);
  assert.deepEqual(drawn(mask), after);
});

test("inverting twice is nothing, clearing selects nothing, and the share is exact", () => {
  const mask = masks.blank(10, 10);
  masks.rectangle(mask, { x: 0, y: 0 }, { x: 5, y: 10 }, 255);
  assert.equal(masks.share(mask), 0.5);
  const before = drawn(mask);
  masks.invert(mask);
  assert.equal(masks.share(mask), 0.5);
  masks.invert(mask);
  assert.deepEqual(drawn(mask), before);
  masks.clear(mask);
  assert.equal(masks.share(mask), 0);
  assert.equal(masks.share(masks.blank(0, 0)), 0);
});

test("a feathered edge falls from all to nothing, and far from it nothing changes", () => {
  const mask = masks.blank(60, 10);
  masks.rectangle(mask, { x: 0, y: 0 }, { x: 30, y: 10 }, 255);
  masks.feather(mask, 8);
  const row = [...mask.data.subarray(300, 360)];
  assert.ok(row.every((value, i) => !i || value <= row[i - 1]));
  assert.deepEqual([row[0], row[10], row[49], row[59]], [255, 255, 0, 0]);
  assert.ok(row[30] > 90 && row[30] < 160, String(row[30]));
});

test("the file has alpha 0 where it is selected, 255 elsewhere", () => {
  const mask = masks.blank(2, 1);
  mask.data[1] = 255;
  assert.deepEqual([...masks.sent(mask)], [0, 0, 0, 255, 0, 0, 0, 0]);
});

test("the overlay shows a part, stronger where more is selected", () => {
  const mask = masks.blank(3, 2);
  mask.data.set([0, 128, 255], 3);
  const pixels = masks.overlay(mask, { x: 1, y: 1, width: 2, height: 1 }, [255, 0, 128]);
  assert.deepEqual([...pixels], [255, 0, 128, 80, 255, 0, 128, 159]);
});
