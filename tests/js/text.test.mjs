import assert from "node:assert/strict";
import test from "node:test";

import { lines, percent, plain } from "../../imgmagic/panel/text.js";

test("controls and marks that reorder text are replaced, lines are joined", () => {
  assert.equal(plain("a\u202eb\u0007c\r\nd \t e"), "a\ufffdb\ufffdc d e");
  assert.equal(plain("<img src=x onerror=alert(1)>"), "<img src=x onerror=alert(1)>");
});

test("a prompt keeps its lines and loses what reorders it", () => {
  assert.equal(lines("a\r\nb\n\u202ec"), "a\nb\n\ufffdc");
});

test("a megabyte becomes a line", () => {
  assert.equal(plain("x".repeat(1e6), 10), "xxxxxxxxx…");
  assert.equal(plain("ab", 2), "ab");
});

test("a share is never rounded to nothing or everything", () => {
  assert.deepEqual([0, 1e-5, 0.123, 0.99999, 1].map(percent), ["nothing", "under 0.1 %", "12.3 %", "over 99.9 %", "everything"]);
});
