// The no-drop search against simulated switches: it finds what they can do, and says when it could not.

import assert from "node:assert/strict";
import { test } from "node:test";
import { parseSizes, planFrames } from "../../../../src/bench/no-drop/frame-plan.ts";
import { searchNoDrop, type Trial } from "../../../../src/bench/no-drop/search.ts";

/** A switch that forwards up to `capacity` frames a second and loses the rest, behind a generator that reaches `reach`. */
function simulated(capacity: number, reach = Number.POSITIVE_INFINITY): (rate: number) => Promise<Trial> {
  return async (rate) => {
    const offered = Math.min(rate, reach);
    const delivered = Math.min(offered, capacity);
    return { rate, offered, sent: offered, delivered, loss: 1 - delivered / offered };
  };
}

const plan = { maxRate: 1_000_000, resolution: 0.01, lossLimit: 0 };

test("the search ends within its resolution below what the switch can do", async () => {
  for (const capacity of [3_000, 123_456, 500_000, 999_000]) {
    const { rate, isLowerBound, trials } = await searchNoDrop(plan, simulated(capacity));
    assert.ok(rate <= capacity && rate >= capacity * 0.98, `${rate} for ${capacity}`);
    assert.equal(isLowerBound, false);
    assert.ok(trials.length <= 20);
  }
});

test("a switch that keeps up with the generator is known only from below", async () => {
  const fast = await searchNoDrop(plan, simulated(5_000_000));
  assert.deepEqual([fast.rate, fast.isLowerBound, fast.trials.length], [1_000_000, true, 1]);
  const weak = await searchNoDrop(plan, simulated(700_000, 600_000));
  assert.deepEqual([weak.rate, weak.isLowerBound], [600_000, true]);
});

test("a switch that loses always passes at no rate, unless loss is allowed", async () => {
  const leaky = async (rate: number): Promise<Trial> => ({
    rate,
    offered: rate,
    sent: rate,
    delivered: rate * 0.999,
    loss: 0.001,
  });
  assert.equal((await searchNoDrop(plan, leaky)).rate, 0);
  assert.equal((await searchNoDrop({ ...plan, lossLimit: 0.002 }, leaky)).rate, 1_000_000);
});

test("frames have the sizes asked for, whole headers and as many connections", () => {
  assert.deepEqual(parseSizes("60,1514,imix"), [60, 1514, "imix"]);
  for (const wrong of ["59", "9015", "large", "60,,70"])
    assert.throws(() => parseSizes(wrong), { code: "USAGE" });
  const { memory, list, count, meanLength } = planFrames("imix", 8, "02:00:00:00:00:09");
  const view = new DataView(memory.buffer);
  const frames = Array.from({ length: count }, (_, i) => {
    const at = view.getUint32(list + i * 8, true);
    return Buffer.from(memory.slice(at, at + view.getUint32(list + i * 8 + 4, true)));
  });
  const share = (length: number): number => frames.filter((frame) => frame.length === length).length / count;
  assert.deepEqual(
    [share(60), share(566), share(1514)].map((one) => Math.round(one * 12)),
    [7, 4, 1],
  );
  assert.ok(Math.abs(meanLength - (7 * 60 + 4 * 566 + 1514) / 12) < 0.01);
  assert.equal(new Set(frames.map((frame) => frame.readUInt16BE(34))).size, 8);
  for (const frame of frames.slice(0, 12)) {
    assert.equal(frame.subarray(0, 6).toString("hex"), "020000000009");
    let sum = 0;
    for (let at = 14; at < 34; at += 2) sum += frame.readUInt16BE(at);
    assert.equal(((sum & 0xffff) + (sum >>> 16)) & 0xffff, 0xffff, "IPv4 checksum");
    assert.equal(frame.readUInt16BE(16), frame.length - 14);
  }
});
