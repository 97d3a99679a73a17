// Reuse distances against the definition: a list that is searched from its end.

import assert from "node:assert/strict";
import { test } from "node:test";
import { bucketOf, bucketStart, ReuseTracker } from "../../src/tune/reuse-distance.ts";
import { SeededRandom } from "../support/seeded-random.ts";

/** Distance of every lookup by searching the list of connections in the order of their last use; -1 = first. */
function bruteDistances(names: readonly number[]): number[] {
  const recent: number[] = [];
  return names.map((name) => {
    const at = recent.lastIndexOf(name);
    const distance = at < 0 ? -1 : recent.length - 1 - at;
    if (at >= 0) recent.splice(at, 1);
    recent.push(name);
    return distance;
  });
}

function skewedNames(random: SeededRandom, count: number, connections: number): number[] {
  return Array.from({ length: count }, () => 1 + Math.floor(connections * (random.u32() / 2 ** 32) ** 3));
}

test("buckets hold the distances between their starts", () => {
  for (let bucket = 0; bucket < 200; bucket++) {
    assert.equal(bucketOf(bucketStart(bucket)), bucket);
    assert.equal(bucketOf(bucketStart(bucket + 1) - 1), bucket);
  }
});

test("the histogram is that of a search through the list", () => {
  for (let seed = 1; seed <= 6; seed++) {
    const random = new SeededRandom(seed);
    const names = skewedNames(random, 20_000, 40 * 4 ** (seed - 1));
    const tracker = new ReuseTracker();
    for (const name of names) tracker.touch(name);
    const expected = new Map<number, number>();
    let firsts = 0;
    for (const distance of bruteDistances(names)) {
      if (distance < 0) firsts++;
      else expected.set(bucketOf(distance), (expected.get(bucketOf(distance)) ?? 0) + 1);
    }
    assert.equal(tracker.histogram.firsts, firsts, `seed ${seed}`);
    assert.equal(tracker.histogram.total, names.length, `seed ${seed}`);
    for (const [bucket, count] of expected)
      assert.equal(tracker.histogram.counts[bucket], count, `seed ${seed}, bucket ${bucket}`);
  }
});

test("the hit rate of a size is that of an LRU cache of the size", () => {
  const random = new SeededRandom(7);
  const names = skewedNames(random, 30_000, 3000);
  const tracker = new ReuseTracker();
  for (const name of names) tracker.touch(name);
  for (const size of [1, 4, 16, 64, 256, 1024, 4096]) {
    const cache = new Set<number>();
    let hits = 0;
    for (const name of names) {
      if (cache.delete(name)) hits++;
      cache.add(name);
      if (cache.size > size) cache.delete(cache.values().next().value as number);
    }
    assert.ok(Math.abs(tracker.histogram.hitRate(size) - hits / names.length) < 1e-9, `size ${size}`);
  }
});

test("a sample of an eighth of the connections tells the curve within two points", () => {
  const random = new SeededRandom(8);
  const names = skewedNames(random, 300_000, 50_000).map((name) => Math.imul(name, 0x9e3779b1) >>> 0);
  const all = new ReuseTracker();
  const some = new ReuseTracker({ share: 1 / 8 });
  for (const name of names) {
    all.touch(name);
    if (Math.imul(name, 0x85ebca6b) >>> 29 === 0) some.touch(name);
  }
  some.histogram.adjust(names.length);
  for (const size of [256, 1024, 4096, 16384]) {
    const difference = all.histogram.hitRate(size) - some.histogram.hitRate(size);
    assert.ok(Math.abs(difference) < 0.02, `size ${size}: ${difference}`);
  }
});

test("a tracker with a limit forgets the connections not seen longest", () => {
  const tracker = new ReuseTracker({ limit: 1000 });
  for (let time = 0; time < 100_000; time++) tracker.touch(1 + time);
  assert.ok(tracker.connections <= 10_000, `${tracker.connections}`);
  assert.equal(tracker.histogram.firsts, 100_000);
});
