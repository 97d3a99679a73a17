// The statistics of a comparison: same is said of the same, slower of the slower, and noise is known as such.
import assert from "node:assert/strict";
import { test } from "node:test";
import { compareRates, mannWhitney, quantile, summarize } from "../../src/bench/statistics.ts";
import { Random } from "../../src/bench/workload/random.ts";

/** Rates of `runs` runs around `rate`: each run has its own luck, each window a little noise. */
function rates(rate: number, seed: number, runs = 3, windows = 10, luck = 0.01, noise = 0.01): number[][] {
  const random = new Random(seed, "rates");
  const normal = () => Math.sqrt(-2 * Math.log(1 - random.unit())) * Math.cos(2 * Math.PI * random.unit());
  return Array.from({ length: runs }, () => {
    const base = rate * (1 + luck * normal());
    return Array.from({ length: windows }, () => base * (1 + noise * normal()));
  });
}

test("two measurements of the same are not told apart", () => {
  for (let seed = 1; seed <= 200; seed++) {
    const { verdict } = compareRates(rates(50, seed), rates(50, seed + 1000));
    assert.ok(verdict === "no difference" || verdict === "undecided", `seed ${seed}: ${verdict}`);
  }
});

test("ten per cent less is found, whichever side it is on", () => {
  for (let seed = 1; seed <= 200; seed++) {
    assert.equal(compareRates(rates(50, seed), rates(45, seed + 1000)).verdict, "slower", `seed ${seed}`);
    assert.equal(compareRates(rates(45, seed), rates(50, seed + 1000)).verdict, "faster", `seed ${seed}`);
  }
});

test("a difference that drowns in noise is undecided, not found", () => {
  let found = 0;
  for (let seed = 1; seed <= 100; seed++) {
    const { verdict } = compareRates(rates(50, seed, 1, 5, 0, 0.2), rates(50, seed + 1000, 1, 5, 0, 0.2));
    if (verdict === "slower" || verdict === "faster") found++;
  }
  assert.ok(found <= 2, `${found} of 100`);
});

test("a difference below the threshold is none, however sure", () => {
  const tight = (rate: number) => [Array.from({ length: 50 }, (_, i) => rate + i * 0.001)];
  assert.equal(compareRates(tight(50), tight(49)).verdict, "no difference");
  assert.equal(compareRates(tight(50), tight(49), 0.01).verdict, "slower");
});

test("the Mann-Whitney test gives the textbook's figures", () => {
  assert.ok(mannWhitney([1, 2, 3], [1, 2, 3]) > 0.99);
  assert.ok(Math.abs(mannWhitney([1, 2, 3, 4, 5], [6, 7, 8, 9, 10]) - 0.0122) < 0.0005);
  assert.equal(mannWhitney([7, 7, 7], [7, 7, 7]), 1);
});

test("a summary has the median, the ends and half the interquartile range", () => {
  assert.deepEqual(summarize([4, 1, 3, 2, 5]), { median: 3, min: 1, max: 5, spread: 1 / 3 });
  assert.equal(quantile([1, 2, 3, 4], 0.5), 2.5);
});
