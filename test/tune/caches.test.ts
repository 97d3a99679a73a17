// The simulated caches against the datapath itself: the same trace through both, hit for hit.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { WorkloadSpec } from "../../src/bench/workload/spec.ts";
import { defaultSettings, type Settings } from "../../src/config/settings.ts";
import type { Lab } from "../../src/tune/lab.ts";
import { LiveCurves } from "../../src/tune/live-curves.ts";
import type { Lookups } from "../../src/tune/lookups.ts";
import { predictHits } from "../../src/tune/predict-hits.ts";
import { withLab } from "../support/tune-lab.ts";

const PACKETS = 30_000;
const ROUNDS = Math.ceil(2 ** 17 / PACKETS);

interface Case {
  readonly name: string;
  readonly spec: Partial<WorkloadSpec>;
}

const cases: readonly Case[] = [
  { name: "uniform traffic under 16 masks", spec: { flows: 3000, masks: 16 } },
  { name: "skewed traffic with new connections", spec: { flows: 5000, masks: 32, zipf: 1, churn: 0.02 } },
  { name: "a port scan", spec: { flows: 800, scheme: "scan", churn: 0.4 } },
  { name: "a single mask, with nothing for a mask cache to choose", spec: { flows: 3000, masks: 1 } },
];

const sizes: readonly Partial<Settings>[] = [
  { "microflow.entries": 0, "maskCache.entries": 0 },
  { "microflow.entries": 0, "maskCache.entries": 256 },
  { "microflow.entries": 0, "maskCache.entries": 256, "maskCache.victim": "kernel" },
  { "microflow.entries": 4, "maskCache.entries": 1 },
  { "microflow.entries": 512, "maskCache.entries": 1024 },
  { "microflow.entries": 2048, "maskCache.entries": 1024, "maskCache.victim": "kernel" },
  { "microflow.entries": 2048, "maskCache.entries": 4096, "microflow.insertInverse": 20 },
  { "microflow.entries": 65536, "maskCache.entries": 4096 },
  { "microflow.entries": 1024, "maskCache.entries": 512, "microflow.mode": "exact" },
  { "microflow.entries": 8192, "maskCache.entries": 0, "microflow.mode": "exact" },
];

/** The exact mode's clock stands still: its choice of victim does not depend on the machine's speed. */
async function recorded(
  spec: Partial<WorkloadSpec>,
  work: (lab: Lab, lookups: Lookups) => void | Promise<void>,
): Promise<void> {
  await withLab({ ...spec, packets: PACKETS }, (lab) => work(lab, lab.record()), { frozenClock: true });
}

for (const { name, spec } of cases) {
  test(`${name}: simulated hits are the datapath's`, async () => {
    await recorded(spec, async (lab, lookups) => {
      assert.equal(lookups.count, PACKETS);
      for (const size of sizes) {
        const settings: Settings = { ...defaultSettings, "microflow.bypass": "off", ...size };
        const [predicted] = predictHits(lookups, [settings], { lookupsPerMs: Number.POSITIVE_INFINITY });
        await lab.configure(settings);
        const once = lab.once();
        // As many rounds as a short trace is averaged over.
        for (let round = 0; round < 20; round++) lab.once();
        const steady = { microflow: 0, maskCache: 0 };
        for (let round = 0; round < ROUNDS; round++) {
          const { microflow, maskCache } = lab.once();
          steady.microflow += microflow / ROUNDS;
          steady.maskCache += maskCache / ROUNDS;
        }
        const what = JSON.stringify(size);
        // Which way a signature bucket gives up is drawn by lot, in both: equal on average, not packet for packet.
        // Which few misses are inserted at all is drawn by lot too, and stays so for many rounds.
        const byLot = settings["microflow.entries"] > 0;
        const seldom = settings["microflow.insertInverse"] > 1;
        const near = (real: number, simulated: number, level: string) => {
          const difference = Math.abs(real / PACKETS - simulated);
          assert.ok(
            difference <=
              (seldom ? 0.03 : byLot || settings["maskCache.victim"] === "kernel" ? 0.015 : 0.002),
            `${what}: ${level} ${real / PACKETS}, simulated ${simulated}`,
          );
        };
        near(once.microflow, predicted!.onceMicroflow, "microflow hits from empty caches");
        near(steady.microflow, predicted!.microflow, "microflow hits");
        near(once.maskCache, predicted!.onceMaskCache, "mask cache hits from empty caches");
        near(steady.maskCache, predicted!.maskCache, "mask cache hits");
        const both = Math.abs(
          (steady.microflow + steady.maskCache) / PACKETS - predicted!.microflow - predicted!.maskCache,
        );
        assert.ok(both < 0.015, `${what}: hits of both caches are off by ${both}`);
      }
    });
  });
}

test("a useless microflow cache is predicted to be bypassed as often as it is", async () => {
  await recorded({ flows: 20_000, masks: 4 }, async (lab, lookups) => {
    const settings: Settings = { ...defaultSettings, "microflow.entries": 1024 };
    const [predicted] = predictHits(lookups, [settings]);
    await lab.configure(settings);
    let microflow = 0;
    const rounds = 40;
    for (let round = 0; round < rounds; round++) microflow += lab.once().microflow;
    assert.ok(predicted!.bypassed > 0.9, `bypassed ${predicted!.bypassed}`);
    const real = microflow / (rounds * PACKETS);
    assert.ok(Math.abs(real - predicted!.microflow) < 0.005, `${real}, predicted ${predicted!.microflow}`);
  });
});

test("a live profile simulates the caches that the switch has", async () => {
  const policies = [
    { mode: "signature", insertInverse: 1, victim: "kernel" },
    { mode: "exact", insertInverse: 1, victim: "lru" },
    { mode: "signature", insertInverse: 8, victim: "lru" },
  ] as const;
  await recorded({ flows: 3000, masks: 16 }, (_lab, lookups) => {
    for (const policy of policies) {
      const live = new LiveCurves(1, policy);
      for (let round = 0; round < 12; round++) live.add(lookups);
      for (const { entries, missRatio, maskCache } of live.curves().sizes) {
        if (entries > 1 << 14) continue;
        const behind = maskCache.find((cell) => cell.entries === 4096)!;
        const settings: Settings = {
          ...defaultSettings,
          "microflow.bypass": "off",
          "microflow.mode": policy.mode,
          "microflow.insertInverse": policy.insertInverse,
          "microflow.entries": entries,
          "maskCache.victim": policy.victim,
          "maskCache.entries": 4096,
        };
        const [steady] = predictHits(lookups, [settings]);
        const what = `${JSON.stringify(policy)} ${entries}`;
        // The first rounds fill the caches, and they count as well.
        near(1 - missRatio!, steady!.microflow, what);
        near(1 - behind.missRatio!, steady!.microflow + steady!.maskCache, `${what} and a mask cache`);
      }
    }
  });

  function near(live: number, steady: number, what: string): void {
    assert.ok(Math.abs(live - steady) < 0.1, `${what}: ${live} live, ${steady} of the whole`);
  }
});

test("a sample of the misses tells the mask cache's hits within two points", async () => {
  await recorded({ flows: 20_000, masks: 32, zipf: 0.8 }, (_lab, lookups) => {
    for (const entries of [1024, 4096, 16384]) {
      const settings: Settings = { ...defaultSettings, "microflow.entries": 0, "maskCache.entries": entries };
      const [all] = predictHits(lookups, [settings]);
      const [some] = predictHits(lookups, [settings], { missBudget: PACKETS / 4 });
      const difference = Math.abs(all!.maskCache - some!.maskCache);
      assert.ok(difference < 0.02, `${entries}: ${all!.maskCache} of all, ${some!.maskCache} of a sample`);
    }
  });
});
