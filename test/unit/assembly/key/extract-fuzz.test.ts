// The extraction against the plain parser: every truncation, mutations and random bytes. The seed is
// printed when a comparison fails; MEGAFLOW_SEED repeats it.

import assert from "node:assert/strict";
import { test } from "node:test";
import { allCornerFrames } from "../../../support/corner-frames.ts";
import { mutateFrame, randomFrame } from "../../../support/frame-mutator.ts";
import { testSeed } from "../../../support/seed.ts";
import { SeededRandom } from "../../../support/seeded-random.ts";
import { assertLikePlain, dirtyLanes, extract, extractTogether, hashOf, hashSeed } from "./harness.ts";

const seed = testSeed;
const corners = allCornerFrames();
const frames = corners.map(([, frame]) => frame);
hashSeed(BigInt(seed), 1n);

test(`every corner frame cut at every length has the plain parser's key (seed ${seed})`, () => {
  let compared = 0;
  for (const [name, frame] of corners) {
    for (let length = 0; length <= frame.length; length++) {
      const cut = frame.subarray(0, length);
      // What was cut off still lies behind, so that a parser that reads on finds what it expects.
      const behind = frame.subarray(length);
      for (const fused of [false, true]) {
        assertLikePlain(cut, { inPort: 5, around: 0xff, behind, fused }, () => `${name}, ${length} bytes`);
        compared++;
      }
    }
  }
  assert.ok(compared > 10_000, `${compared} compared`);
});

test(`mutated frames have the plain parser's key (seed ${seed})`, () => {
  const random = new SeededRandom(seed);
  for (let i = 0; i < 60_000; i++) {
    const frame = mutateFrame(random.pick(frames), random, frames);
    const options = {
      inPort: random.u32(),
      recircId: random.u32(),
      around: random.int(0, 255),
      shift: random.int(0, 15),
    };
    assertLikePlain(frame, options, () => `seed ${seed}, mutation ${i}`);
  }
});

test(`random bytes have the plain parser's key (seed ${seed})`, () => {
  const random = new SeededRandom(seed + 1);
  for (let i = 0; i < 40_000; i++) {
    assertLikePlain(
      randomFrame(random),
      { around: random.int(0, 255) },
      () => `seed ${seed}, random frame ${i}`,
    );
  }
});

test(`a slot gives the same key whatever packets it held before (seed ${seed})`, () => {
  const random = new SeededRandom(seed + 2);
  const lanesSeen = new Set<number>();
  for (let i = 0; i < 40_000; i++) {
    const frame = random.chance(50) ? random.pick(frames) : mutateFrame(random.pick(frames), random, frames);
    assertLikePlain(
      frame,
      { reuse: i > 0, fused: random.chance(50) },
      () => `seed ${seed}, packet ${i} of the slot`,
    );
    for (const lane of dirtyLanes()) lanesSeen.add(lane);
  }
  assert.deepEqual([...lanesSeen].sort(), [4, 5, 6, 7, 8, 9], "every optional lane of a packet came up");
});

test(`a key depends on nothing before or behind the frame (seed ${seed})`, () => {
  const random = new SeededRandom(seed + 3);
  for (let i = 0; i < 10_000; i++) {
    const frame = random.chance(60) ? mutateFrame(random.pick(frames), random, frames) : randomFrame(random);
    const expected = extract(frame, { around: 0 });
    for (const around of [0xff, 0x45, 0x81, 1, 2, random.int(3, 254)]) {
      assert.deepEqual(extract(frame, { around }), expected, `seed ${seed}, frame ${i}, around ${around}`);
    }
  }
});

test(`a batch has the keys and hashes of its packets one by one (seed ${seed})`, () => {
  const random = new SeededRandom(seed + 5);
  for (let round = 0; round < 50; round++) {
    const batch = Array.from({ length: random.int(0, 64) }, () =>
      mutateFrame(random.pick(frames), random, frames),
    );
    const { keys, hashes } = extractTogether(batch, 3);
    for (const [i, frame] of batch.entries()) {
      const key = extract(frame, { inPort: 3 });
      assert.deepEqual(keys[i], key, `seed ${seed}, round ${round}, packet ${i}`);
      assert.equal(hashes[i], hashOf(key));
    }
  }
});

test("the longest frame is extracted", () => {
  const random = new SeededRandom(seed + 4);
  for (const frame of frames) {
    const long = Buffer.concat([frame, random.bytes(65536 - frame.length)]);
    assertLikePlain(long, {}, () => "65,536 bytes");
  }
});
