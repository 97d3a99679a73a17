// Measures in under a second what this machine takes for the parts of a lookup: the datapath's own stages, on
// the traffic itself, at a few cache sizes that lie far apart. cost-model.ts says what lies between.

import type { Settings } from "../config/settings.ts";
import { cycleCounter } from "../pmd/cycle-counter.ts";
import type { HitCounts, Lab } from "./lab.ts";
import { type CpuCache, cpuCaches, type MemoryCurve, measureMemory } from "./memory-curve.ts";
import type { HitPrediction } from "./predict-hits.ts";

/** Cycles a packet at one configuration, with the bypass off. */
export interface Anchor {
  readonly microflowEntries: number;
  readonly maskCacheEntries: number;
  /** Shares of the lookups, as measured. */
  readonly microflow: number;
  readonly maskCache: number;
  /** Receive, extract, hash, name, actions and transmit. */
  readonly fixed: number;
  readonly microflowStage: number;
  readonly maskCacheStage: number;
  readonly maskedStage: number;
}

/** What is known of machine and traffic. */
export interface Calibration {
  readonly anchors: readonly Anchor[];
  readonly memory: MemoryCurve;
  readonly caches: readonly CpuCache[];
  /** TSC cycles a nanosecond. */
  readonly ghz: number;
  /** A turn of the PMD over the sum of its stages. */
  readonly overhead: number;
  /** Connections of the traffic. */
  readonly connections: number;
  /** Milliseconds that it took. */
  readonly tookMs: number;
}

/** What decides where to measure. */
export interface CalibrateOptions {
  readonly settings: Settings;
  /** Predictions of which the anchors are chosen. */
  readonly predictions: readonly HitPrediction[];
  readonly connections: number;
  readonly progress?: (share: number) => void;
}

const WARM_SECONDS = 0.05;
const TRIES = 3;
const ANCHOR_SECONDS = 0.015;
const TURN_SECONDS = 0.008;
const MASK_CACHE_SMALL = 256;
const MASK_CACHE_MIDDLE = 1 << 16;
const MASK_CACHE_LARGEST = 1 << 20;
const MICROFLOW_SMALL = 1024;

/** Measures. The lab has learned its trace; its caches are changed. */
export async function calibrate(lab: Lab, options: CalibrateOptions): Promise<Calibration> {
  const start = performance.now();
  const memory = measureMemory(lab.memory);
  const anchors: Anchor[] = [];
  const overheads: number[] = [];
  const plan = anchorSizes(options);
  // V8 moves the stages, each called by itself for the first time, into optimised code.
  lab.measure(WARM_SECONDS, true);
  for (const [i, [microflowEntries, maskCacheEntries]] of plan.entries()) {
    await lab.configure({
      ...options.settings,
      "microflow.entries": microflowEntries,
      "maskCache.entries": maskCacheEntries,
      "microflow.bypass": "off",
    });
    lab.once();
    const { hits, cycles } = timeStages(lab);
    const [receive, extract, name, microflowStage, maskCacheStage, maskedStage, forward] = cycles as [
      number,
      number,
      number,
      number,
      number,
      number,
      number,
    ];
    const fixed = receive + extract + name + forward;
    anchors.push({
      microflowEntries,
      maskCacheEntries,
      microflow: hits.microflow / Math.max(1, hits.lookups),
      maskCache: hits.maskCache / Math.max(1, hits.lookups),
      fixed,
      microflowStage,
      maskCacheStage,
      maskedStage,
    });
    const turns = Array.from({ length: TRIES }, () => lab.measure(TURN_SECONDS).nsPerPacket);
    const turned = Math.min(...turns) * cycleCounter().ghz;
    overheads.push(turned / (fixed + microflowStage + maskCacheStage + maskedStage));
    options.progress?.((i + 1) / plan.length);
  }
  return {
    anchors,
    memory,
    caches: cpuCaches(),
    ghz: cycleCounter().ghz,
    overhead: overheads.sort((a, b) => a - b)[overheads.length >> 1]!,
    connections: options.connections,
    tookMs: performance.now() - start,
  };
}

/** Cycles a packet by stage, the fastest of a few tries: what else runs on the machine only adds. */
function timeStages(lab: Lab): { readonly hits: HitCounts; readonly cycles: readonly number[] } {
  const tries = Array.from({ length: TRIES }, () => {
    const { hits, stages } = lab.measure(ANCHOR_SECONDS, true);
    const cycles = stages.cycles.map((sum) => sum / Math.max(1, stages.packets));
    return { hits, cycles, sum: cycles.reduce((total, one) => total + one, 0) };
  });
  return tries.reduce((best, one) => (one.sum < best.sum ? one : best));
}

/**
 * Entries of both caches: all off; mask caches from one that fails to one that answers; microflow caches that answer little,
 * half and as much as any, and the largest, whose memory is the slowest.
 */
function anchorSizes(options: CalibrateOptions): [number, number][] {
  const answering = 1 << Math.ceil(Math.log2(Math.max(1024, options.connections * 4)));
  const masks = [MASK_CACHE_SMALL, MASK_CACHE_MIDDLE, Math.min(MASK_CACHE_LARGEST, answering)];
  return [
    [0, 0],
    ...[...new Set(masks)].sort((a, b) => a - b).map((entries): [number, number] => [0, entries]),
    ...microflowSizes(options.predictions).map((entries): [number, number] => [entries, 0]),
  ];
}

function microflowSizes(predictions: readonly HitPrediction[]): number[] {
  const hits = new Map(predictions.map((one) => [one.settings["microflow.entries"], askedHits(one)]));
  hits.delete(0);
  const sizes = [...hits.keys()].sort((a, b) => a - b);
  if (sizes.length === 0) return [MICROFLOW_SMALL];
  const most = Math.max(...hits.values());
  const middle = sizes.reduce((nearest, one) =>
    Math.abs(hits.get(one)! - most / 2) < Math.abs(hits.get(nearest)! - most / 2) ? one : nearest,
  );
  const enough = sizes.find((one) => hits.get(one)! >= most - 0.005)!;
  return [...new Set([sizes[0]!, middle, enough, sizes.at(-1)!])].sort((a, b) => a - b);
}

/** Share of hits among the lookups that ask the cache. */
function askedHits(one: HitPrediction): number {
  return one.bypassed >= 1 ? 0 : one.microflow / (1 - one.bypassed);
}
