// The accounting identities: every received packet has one end, every frame is free or owned.

import assert from "node:assert/strict";
import { DropReason } from "../../assembly/layout/stat.ts";
import type { Switch } from "../../src/switch.ts";

/** Asserts the identities of a settled switch that has received `received` packets. */
export function assertAccounted(sw: Switch, received: number): void {
  const stats = sw.stats();
  const sum = (pick: (one: (typeof stats)[number]) => number): number =>
    stats.reduce((total, one) => total + pick(one), 0);
  const counter = (name: keyof (typeof stats)[number]["counters"]): number =>
    sum((one) => one.counters[name]);
  assert.equal(counter("RX"), received, "received");
  assert.equal(
    sum((one) => one.inFlight),
    0,
    "nothing is in flight",
  );
  assert.equal(
    sum((one) => one.parked),
    0,
    "nothing is parked",
  );
  const ended = counter("FORWARDED") + counter("DROPPED") + counter("CONSUMED");
  assert.equal(ended, received, "received = forwarded + dropped + consumed");
  const byReason = sum((one) => one.drops.reduce((total, n) => total + n, 0));
  assert.equal(byReason, counter("DROPPED"), "every drop has a reason");
  assert.equal(
    sum((one) => one.drops[DropReason.NONE]!),
    0,
    "no drop without a reason",
  );
  const levels =
    counter("HIT_MICROFLOW") + counter("HIT_MASK_CACHE") + counter("HIT_MASKED") + counter("MISS");
  assert.equal(levels, counter("PASSES"), "every pass was answered by one level");
  assert.ok(counter("TX") >= counter("FORWARDED"), "copies are not negative");
  for (const pmd of sw.pmds) {
    const { frames, bigFrames } = pmd.frames;
    assert.equal(pmd.stats.freeFrames, frames, "all frames are free again");
    assert.equal(pmd.stats.freeBigFrames, bigFrames, "all big frames are free again");
  }
}
