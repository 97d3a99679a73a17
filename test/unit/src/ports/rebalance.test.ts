// Queues by what they cost: named ones stay, the rest even out, and nothing moves for nothing.

import assert from "node:assert/strict";
import { test } from "node:test";
import { balance, type RxqLoad } from "../../../../src/ports/rebalance.ts";
import fc from "../../../support/fast-check.ts";

const load = (pmd: number, cycles: number, pinned = false): RxqLoad => ({ pmd, cycles, pinned });

test("the heaviest queue gets a PMD of its own when the others weigh less together", () => {
  assert.deepEqual(balance([load(0, 100), load(0, 30), load(0, 30)], 2), [0, 1, 1]);
});

test("queues without load are spread by number", () => {
  assert.deepEqual(balance([load(0, 0), load(0, 0), load(0, 0), load(0, 0)], 2).sort(), [0, 0, 1, 1]);
});

test("a named queue stays, and the others make room for it", () => {
  assert.deepEqual(balance([load(1, 10, true), load(1, 50), load(1, 1)], 2), [1, 0, 1]);
});

test("balanced queues stay where they are", () => {
  assert.deepEqual(balance([load(1, 50), load(0, 50)], 2), [1, 0]);
});

test("no PMD has more than the mean and the heaviest queue", () => {
  const loads = fc.array(fc.nat(1000), { minLength: 1, maxLength: 20 });
  fc.assert(
    fc.property(loads, fc.integer({ min: 1, max: 5 }), (cycles, pmds) => {
      const place = balance(
        cycles.map((one) => load(0, one)),
        pmds,
      );
      const sums = new Array<number>(pmds).fill(0);
      cycles.forEach((one, i) => {
        sums[place[i]!]! += one;
      });
      const mean = cycles.reduce((a, b) => a + b, 0) / pmds;
      assert.ok(Math.max(...sums) <= mean + Math.max(...cycles));
    }),
  );
});
