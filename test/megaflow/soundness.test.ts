// Megaflows are sound: whatever a mask leaves out cannot change what happens to a packet.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { ClassifierOptions } from "../../src/xlate/classifier/options.ts";
import { translate } from "../../src/xlate/translate.ts";
import { seededRandom } from "../classifier/rule-sets.ts";
import { forward, perform } from "./key-datapath.ts";
import { GROUPS, randomFlows } from "./random-flows.ts";
import { blendKeys, randomKey } from "./random-keys.ts";
import { type TestEnv, testEnv } from "./test-bridge.ts";

/** Checks one packet's megaflow against others that it covers; returns how many there were. */
function checkMegaflow(env: TestEnv, key: Uint32Array, others: Uint32Array[], label: string): number {
  const { actions, mask } = translate(env, key);
  let covered = 0;
  for (const other of others) {
    const twin = blendKeys(key, other, mask);
    if (twin === null) continue;
    covered++;
    assert.deepEqual(perform(env, twin, actions), forward(env, twin), `${label}: ${describe(key, twin)}`);
  }
  return covered;
}

/** The words in which two keys differ. */
function describe(a: Uint32Array, b: Uint32Array): string {
  const words = [...a].flatMap((word, i) =>
    word === b[i] ? [] : `${i}: ${word.toString(16)} ${b[i]?.toString(16)}`,
  );
  return `differ in ${words.join(", ")}`;
}

/** Keys that differ from `key` in one bit each. */
function oneBitAway(random: (below: number) => number, key: Uint32Array, count: number): Uint32Array[] {
  return Array.from({ length: count }, () => {
    const twin = key.slice();
    const word = random(key.length);
    twin[word] = ((key[word] as number) ^ (1 << random(32))) >>> 0;
    return twin;
  });
}

function checkSeed(seed: number, classifier?: ClassifierOptions): number {
  const random = seededRandom(seed);
  const env = testEnv(randomFlows(random, 1 + random(4), 8), GROUPS, {}, classifier);
  let covered = 0;
  for (let i = 0; i < 15; i++) {
    const key = randomKey(random);
    const others = Array.from({ length: 6 }, () => randomKey(random));
    const label = `seed ${seed} packet ${i}`;
    covered += checkMegaflow(env, key, [...others, ...oneBitAway(random, key, 8)], label);
  }
  return covered;
}

test("packets that a megaflow covers are treated as they would be alone", () => {
  let covered = 0;
  for (let seed = 1; seed <= 80; seed++) covered += checkSeed(seed);
  assert.ok(covered > 4_000, `${covered} packets were covered`);
});

test("so it is with every optimisation of the classifier switched off", () => {
  const off = { prioritySorting: false, staged: false, tries: false, portTries: false };
  for (let seed = 1001; seed <= 1015; seed++) checkSeed(seed, off);
});
