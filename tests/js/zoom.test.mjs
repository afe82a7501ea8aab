import assert from "node:assert/strict";
import test from "node:test";

import { difference, fitted, settled, under, zoomed } from "../../imgmagic/panel/zoom.js";

const PICTURE = { width: 1000, height: 500 };
const PANE = { width: 400, height: 400 };

test("a picture fits in the middle, and a small one is not enlarged", () => {
  assert.deepEqual(fitted(PICTURE, PANE), { scale: 0.4, x: 0, y: 100 });
  assert.deepEqual(fitted({ width: 100, height: 50 }, PANE), { scale: 1, x: 150, y: 175 });
});

test("zooming keeps the point under the pointer", () => {
  const view = zoomed({ scale: 1, x: -300, y: -50 }, 2, { x: 100, y: 200 }, PICTURE, PANE);
  assert.deepEqual(view, { scale: 2, x: -700, y: -300 });
  assert.deepEqual(under(view, { x: 100, y: 200 }), under({ scale: 1, x: -300, y: -50 }, { x: 100, y: 200 }));
});

test("zooming ends at all of the picture and at sixteen times its size", () => {
  const middle = { x: 200, y: 200 };
  assert.deepEqual(zoomed({ scale: 1, x: -300, y: -50 }, 0.01, middle, PICTURE, PANE), fitted(PICTURE, PANE));
  assert.equal(zoomed(fitted(PICTURE, PANE), 1e9, middle, PICTURE, PANE).scale, 16);
});

test("panning leaves no gap at an edge", () => {
  assert.deepEqual(settled({ scale: 1, x: 50, y: 9 }, PICTURE, PANE), { scale: 1, x: 0, y: 0 });
  assert.deepEqual(settled({ scale: 1, x: -900, y: -900 }, PICTURE, PANE), { scale: 1, x: -600, y: -100 });
  assert.deepEqual(settled({ scale: 0.5, x: -900, y: -900 }, PICTURE, PANE), { scale: 0.5, x: -100, y: 75 });
});

test("equal pixels are black, differing ones are bright, and their share is counted", () => {
  const before = new Uint8ClampedArray([10, 20, 30, 255, 1, 2, 3, 255]);
  const after = new Uint8ClampedArray([10, 20, 30, 255, 1, 2, 203, 255]);
  const { data, share } = difference(before, after);
  assert.deepEqual([...data], [0, 0, 0, 255, 0, 0, 255, 255]);
  assert.equal(share, 0.5);
  assert.equal(difference(after, after).share, 0);
});
