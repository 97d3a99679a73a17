// What stages are said to take of a packet, from timings that say too little.

import assert from "node:assert/strict";
import { test } from "node:test";
import { shareOut } from "../../src/tune/stage-clock.ts";

test("stages share a packet's cycles in proportion to what was timed", () => {
  assert.deepEqual(shareOut(100, { cycles: [3, 1, 0, 4], packets: 8 }), [37.5, 12.5, 0, 50]);
});

test("stages that took less than their timing does have nothing, never less", () => {
  assert.deepEqual(shareOut(60, { cycles: [-2_000_000, 30, 10, -5], packets: 9 }), [0, 45, 15, 0]);
  assert.deepEqual(shareOut(60, { cycles: [-7, -1, -2], packets: 9 }), [20, 20, 20]);
  assert.deepEqual(shareOut(60, { cycles: [0, 0, 0], packets: 0 }), [20, 20, 20]);
});
