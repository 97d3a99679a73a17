// The sample ring: whole connections or nothing of them, evenly over the sets of a cache; and the live profiler that
// reads it from a running switch. `npm run bench:tune` tells what it costs.

import assert from "node:assert/strict";
import { test } from "node:test";
import { FrameStore } from "../../src/bench/pipeline/frame-store.ts";
import { workloadRules } from "../../src/bench/workload/generate.ts";
import { completeSpec } from "../../src/bench/workload/spec.ts";
import { defaultSettings } from "../../src/config/settings.ts";
import { placeTrace } from "../../src/netdev/trace.ts";
import type { OfPort } from "../../src/openflow/port.ts";
import { ThreadedSwitch } from "../../src/threaded-switch.ts";
import { missRatioCurves, startProfiler, stopProfiler } from "../../src/tune/profilers.ts";
import { eventually } from "../support/eventually.ts";
import { quietRound } from "../support/quiet-round.ts";
import { withLab } from "../support/tune-lab.ts";

const CONNECTIONS = 20_000;
const PACKETS = 60_000;
const SPEC = { flows: CONNECTIONS, masks: 8, packets: PACKETS };

test("a sample holds every lookup of the connections that it holds", async () => {
  await withLab(SPEC, (lab) => {
    const all = new Map<number, number>();
    for (const name of lab.record().signatures) all.set(name, (all.get(name) ?? 0) + 1);
    for (const sampling of [4, 32]) {
      const some = lab.record({ sampling });
      const counts = new Map<number, number>();
      for (const name of some.signatures) counts.set(name, (counts.get(name) ?? 0) + 1);
      for (const [name, count] of counts) assert.equal(count, all.get(name));
      const expected = CONNECTIONS / sampling;
      const spread = 5 * Math.sqrt(expected);
      assert.ok(Math.abs(counts.size - expected) < spread, `${counts.size} of ${expected} expected`);
      assert.ok(some.flows.every((flow) => flow !== 0));
    }
  });
});

test("a sample is even over the sets of a cache", async () => {
  await withLab(SPEC, (lab) => {
    const sets = new Float64Array(64);
    const names = new Set(lab.record({ sampling: 8 }).signatures);
    for (const name of names) sets[name & 63]!++;
    const expected = names.size / sets.length;
    const chiSquare = sets.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
    // 63 degrees of freedom: above 120 comes by chance less than once in 10,000 times.
    assert.ok(chiSquare < 120, `chi square ${chiSquare.toFixed(1)}`);
  });
});

test("the profiler of a running switch tells the curve of its traffic", { timeout: 300_000 }, async () => {
  const spec = completeSpec({ flows: 30_000, masks: 8, packets: 131_072 });
  const owner = new ThreadedSwitch({ settings: defaultSettings, cores: [1], seed: 5n });
  try {
    for (let number = 1; number <= 8; number++)
      owner.addPort({ number: number as OfPort, name: `p${number}`, transmit: "null" });
    owner.addFlows([...workloadRules(spec)].join("\n"));
    const frames = FrameStore.ofWorkload(spec);
    owner.addTrace(1 as OfPort, { ...placeTrace(owner.memory, frames.packets()), leftOut: 0 });
    assert.equal(missRatioCurves(owner), undefined);
    // The first packets are upcalls, which no cache answers.
    await quietRound(owner);
    startProfiler(owner);
    // How long that takes is the machine's affair: it gets more exact with every sample.
    await eventually(
      () => JSON.stringify(missRatioCurves(owner)),
      () => {
        const [profile] = missRatioCurves(owner) ?? [];
        if (profile === undefined || profile.sampled < 20_000) return false;
        const connections = profile.connections / 30_000;
        const at = (entries: number) => profile.sizes.find((size) => size.entries === entries)!;
        // Every connection comes round: a cache that holds all misses little, one that holds few misses nearly all.
        const curve = at(1 << 20).missRatio! < 0.2 && at(1 << 12).lruMissRatio > 0.8;
        return connections > 0.7 && connections < 1.4 && curve;
      },
      200_000,
    );
    await stopProfiler(owner);
    assert.equal(missRatioCurves(owner), undefined);
  } finally {
    await stopProfiler(owner);
    await owner.close();
  }
});
