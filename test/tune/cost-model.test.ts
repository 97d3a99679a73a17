// The cost model over a calibration that is made up: what was measured comes out again, and what lies between lies
// between.

import assert from "node:assert/strict";
import { test } from "node:test";
import { defaultSettings } from "../../src/config/settings.ts";
import type { Anchor, Calibration } from "../../src/tune/calibrate.ts";
import { CostModel } from "../../src/tune/cost-model.ts";
import type { HitPrediction } from "../../src/tune/predict-hits.ts";

type Parts = [microflowStage: number, maskCacheStage: number, maskedStage: number];

const FIXED = 50;

function anchor(sizes: [number, number], hits: [number, number], parts: Parts): Anchor {
  const [microflowStage, maskCacheStage, maskedStage] = parts;
  return {
    microflowEntries: sizes[0],
    maskCacheEntries: sizes[1],
    microflow: hits[0],
    maskCache: hits[1],
    cycles: FIXED + microflowStage + maskCacheStage + maskedStage,
    fixed: FIXED,
    microflowStage,
    maskCacheStage,
    maskedStage,
  };
}

const off = anchor([0, 0], [0, 0], [0, 10, 60]);
const masks = [
  anchor([0, 256], [0, 0.1], [0, 40, 66]),
  anchor([0, 4096], [0, 0.5], [0, 40, 58]),
  anchor([0, 65536], [0, 1], [0, 30, 30]),
];
const microflow = [
  anchor([1024, 0], [0.6, 0], [20, 4, 30]),
  anchor([16384, 0], [0.95, 0], [22, 1, 6]),
  anchor([65536, 0], [1, 0], [24, 0, 0]),
  anchor([1048576, 0], [1, 0], [40, 0, 0]),
];
const behind = [
  anchor([1024, 256], [0.6, 0.04], [20, 16, 32]),
  anchor([1024, 65536], [0.6, 0.4], [20, 14, 12]),
];

function model(anchors: readonly Anchor[]): CostModel {
  const calibration: Calibration = {
    anchors,
    memory: [{ bytes: 1 << 14, overlapped: 1, waiting: 4 }],
    caches: [],
    ghz: 2,
    connections: 1000,
    passes: 1,
    tookMs: 1,
  };
  return new CostModel(calibration);
}

function hits(sizes: [number, number], shares: [number, number], bypassed = 0): HitPrediction {
  return {
    settings: { ...defaultSettings, "microflow.entries": sizes[0], "maskCache.entries": sizes[1] },
    microflow: shares[0],
    maskCache: shares[1],
    asksMaskCache: sizes[1] !== 0,
    masked: 1 - shares[0] - shares[1],
    upcall: 0,
    bypassed,
    microflowInserts: 0,
    maskCacheInserts: 0,
    onceMicroflow: 0,
    onceMaskCache: 0,
  };
}

const near = (value: number, expected: number, what: string): void =>
  assert.ok(Math.abs(value - expected) < 1e-6, `${what}: ${value}, expected ${expected}`);

test("what was measured is what is predicted for it", () => {
  const all = [off, ...masks, ...microflow, ...behind];
  const costs = model(all);
  for (const one of all) {
    const sizes: [number, number] = [one.microflowEntries, one.maskCacheEntries];
    const { cycles, mpps } = costs.cost(hits(sizes, [one.microflow, one.maskCache]));
    near(cycles, one.cycles, sizes.join(" + "));
    near(mpps, 2000 / one.cycles, `rate of ${sizes.join(" + ")}`);
  }
});

test("a mask cache costs nothing where nothing misses, and between two hit rates what lies between", () => {
  const costs = model([off, ...masks, ...microflow, ...behind]);
  const alone = costs.cost(hits([65536, 0], [1, 0])).cycles;
  near(costs.cost(hits([65536, 4096], [1, 0])).cycles, alone, "nothing misses");
  const middle = costs.cost(hits([4096, 0], [0.775, 0])).cycles;
  near(middle, (microflow[0]!.cycles + microflow[1]!.cycles) / 2, "half way between two hit rates");
});

test("a mask cache that nobody asks costs nothing", () => {
  const costs = model([off, ...masks, ...microflow, ...behind]);
  for (const entries of [0, 1024]) {
    const without = costs.cost(hits([entries, 0], [entries === 0 ? 0 : 0.6, 0])).cycles;
    const idle = { ...hits([entries, 4096], [entries === 0 ? 0 : 0.6, 0]), asksMaskCache: false };
    near(costs.cost(idle).cycles, without, `${entries} microflow entries`);
  }
});

test("a cache that is bypassed costs what none costs, and its trials", () => {
  const costs = model([off, ...masks, ...microflow]);
  const { cycles } = costs.cost(hits([1024, 0], [0.06, 0], 0.9));
  near(cycles, 0.9 * off.cycles + 0.1 * microflow[0]!.cycles, "one tenth of the time on trial");
});

test("noise does not make the smaller of two sizes that answer the same the dearer one", () => {
  const noisy = [anchor([65536, 0], [1, 0], [30, 0, 0]), anchor([262144, 0], [1, 0], [26, 0, 0])];
  const costs = model([off, noisy[0]!, noisy[1]!]);
  const [small, large] = [65536, 262144].map((size) => costs.cost(hits([size, 0], [1, 0])).cycles);
  near(small!, large!, "both sizes");
  near(small!, FIXED + 28, "the mean");
});
