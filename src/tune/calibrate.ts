// Measures in under a second what this machine takes for a packet of this traffic: the datapath itself, with each
// size of one cache while the other is off, and the mask cache behind one microflow cache that misses now and then.
// cost-model.ts says what all others cost.

import type { Settings } from "../config/settings.ts";
import { cycleCounter } from "../pmd/cycle-counter.ts";
import type { HitCounts, Lab } from "./lab.ts";
import { type CpuCache, cpuCaches, type MemoryCurve, measureMemory } from "./memory-curve.ts";
import type { HitPrediction } from "./predict-hits.ts";
import { type StageSums, shareOut } from "./stage-clock.ts";

/** Cycles a packet with some sizes, the bypass off. */
export interface Anchor {
  readonly microflowEntries: number;
  readonly maskCacheEntries: number;
  /** Shares of the lookups, as measured. */
  readonly microflow: number;
  readonly maskCache: number;
  /** A packet as a whole. */
  readonly cycles: number;
  /** What its stages have of that: receive, extract, hash, name, actions and transmit; and the lookup's three. */
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
  /** Connections of the traffic. */
  readonly connections: number;
  /** Times that every anchor was measured at least. */
  readonly passes: number;
  /** Milliseconds that it took. */
  readonly tookMs: number;
}

/** What decides where to measure. */
export interface CalibrateOptions {
  readonly settings: Settings;
  /** Predictions for all the sizes whose cost will be asked. */
  readonly predictions: readonly HitPrediction[];
  readonly connections: number;
  readonly progress?: (share: number) => void;
}

/**
 * Passes at most, and milliseconds after which nothing further is begun. What other processes take of the core does
 * not count, up to a limit: a busy machine needs more passes rather than fewer.
 */
const PASSES_MAX = 9;
const BUDGET_MS = 850;
const BUSY_BUDGET_MS = 2000;
/** Of an anchor's passes this one counts: what else runs on the machine only adds, luck takes a little away. */
const QUANTILE = 0.25;
/**
 * Packets that are measured, of which stages are timed, and that have the stages optimised; and milliseconds that each
 * may take, where packets are slow, because they come one by one or because the machine has other things to do.
 */
const WINDOW_PACKETS = 1 << 16;
const STAGE_PACKETS = 1 << 15;
const WARM_PACKETS = 1 << 17;
const WINDOW_MS = 8;
const STAGE_MS = 5;
const WARM_MS = 30;
/** Packets an entry, and least of them, until a cache holds what it will: all that one round of a trace can give it. */
const FILLINGS = 4;
const FILL_LEAST = 1 << 13;
/** A microflow cache that goes around itself so much of the time costs what its trials do. */
const BYPASSED = 0.5;

/** Share of misses that tells most about what is behind a microflow cache, and the least and most that tell anything. */
const USUAL_MISSES = 0.3;
const LEAST_MISSES = 0.08;
const MOST_MISSES = 0.6;

type Sizes = readonly [microflow: number, maskCache: number];

interface Pass {
  readonly cycles: number;
  readonly hits: HitCounts;
}

/** Measures. The lab has learned its trace; its caches are changed. */
export async function calibrate(lab: Lab, options: CalibrateOptions): Promise<Calibration> {
  const start = performance.now();
  const cpuStart = process.cpuUsage();
  const memory = measureMemory(lab.memory);
  const plan = anchorSizes(options.predictions);
  const passes = plan.map((): Pass[] => []);
  const stages: StageSums[] = [];
  await configureFor(lab, options.settings, [0, 0]);
  // V8 moves the stages, each called by itself for the first time, into optimised code.
  lab.measureStages(WARM_PACKETS, WARM_MS);
  const took = plan.map(() => 0);
  const gone = (): number => performance.now() - start;
  const spent = (): number => {
    const { user, system } = process.cpuUsage(cpuStart);
    return Math.min(gone(), (user + system) / 1000);
  };
  // In turns: what disturbs the machine for a while shall disturb all alike.
  for (let step = 0; step < plan.length * PASSES_MAX; step++) {
    const i = step % plan.length;
    const isFirst = step < plan.length;
    if (!isFirst && (spent() + took[i]! > BUDGET_MS || gone() + took[i]! > BUSY_BUDGET_MS)) break;
    const before = gone();
    await configureFor(lab, options.settings, plan[i]!);
    lab.fill(fillPackets(lab, plan[i]!));
    const { cyclesPerPacket, hits } = lab.measure(WINDOW_PACKETS, WINDOW_MS);
    passes[i]!.push({ cycles: cyclesPerPacket, hits });
    took[i] = gone() - before;
    if (isFirst) stages.push(lab.measureStages(STAGE_PACKETS, STAGE_MS));
    options.progress?.(Math.min(1, gone() / BUDGET_MS));
  }
  const done = passes.at(-1)!.length;
  // The same of all, though some were measured once more.
  const rank = Math.floor(done * QUANTILE);
  return {
    anchors: plan.map((sizes, i) => anchorOf(sizes, passes[i]!, rank, stages[i]!)),
    memory,
    caches: cpuCaches(),
    ghz: cycleCounter().ghz,
    connections: options.connections,
    passes: done,
    tookMs: gone(),
  };
}

async function configureFor(lab: Lab, settings: Settings, [microflow, maskCache]: Sizes): Promise<void> {
  await lab.configure({
    ...settings,
    "microflow.entries": microflow,
    "maskCache.entries": maskCache,
    "microflow.bypass": "off",
  });
}

/** Enough to fill the caches, and no more than a round of the trace, or a few of a short one. */
function fillPackets(lab: Lab, [microflow, maskCache]: Sizes): number {
  const most = Math.max(2 * FILL_LEAST, lab.packets);
  return Math.min(most, Math.max(FILL_LEAST, FILLINGS * Math.max(microflow, maskCache)));
}

/** The stages share what the packet as a whole takes: timing them one by one has disturbed them. */
function anchorOf(
  [microflowEntries, maskCacheEntries]: Sizes,
  passes: readonly Pass[],
  rank: number,
  stages: StageSums,
): Anchor {
  const cycles = passes.map((pass) => pass.cycles).sort((a, b) => a - b)[rank]!;
  const [receive, extract, name, microflowStage, maskCacheStage, maskedStage, forward] = shareOut(
    cycles,
    stages,
  ) as [number, number, number, number, number, number, number];
  const count = (of: (hits: HitCounts) => number): number =>
    passes.reduce((total, { hits }) => total + of(hits), 0);
  const lookups = Math.max(
    1,
    count((hits) => hits.lookups),
  );
  return {
    microflowEntries,
    maskCacheEntries,
    microflow: count((hits) => hits.microflow) / lookups,
    maskCache: count((hits) => hits.maskCache) / lookups,
    cycles,
    fixed: receive + extract + name + forward,
    microflowStage,
    maskCacheStage,
    maskedStage,
  };
}

/**
 * All off; every size of the mask cache alone; every size of the microflow cache alone, but of those that will be
 * bypassed only the smallest, whose trials are all that it costs; and every mask cache behind that microflow cache
 * whose misses are neither all there is nor next to nothing: they are of other connections and come in fewer a batch.
 */
function anchorSizes(predictions: readonly HitPrediction[]): Sizes[] {
  const microflow = new Map<number, HitPrediction>();
  const masks = new Set<number>();
  for (const prediction of predictions) {
    const { settings } = prediction;
    if (settings["microflow.entries"] !== 0) microflow.set(settings["microflow.entries"], prediction);
    if (prediction.asksMaskCache) masks.add(settings["maskCache.entries"]);
  }
  const rising = [...microflow.keys()].sort((a, b) => a - b);
  const used = rising.filter((entries, i) => i === 0 || microflow.get(entries)!.bypassed < BYPASSED);
  const missing = (entries: number): number => 1 - microflow.get(entries)!.microflow;
  const usual = (entries: number): number => Math.abs(missing(entries) - USUAL_MISSES);
  const [between] = used
    .filter((entries) => missing(entries) >= LEAST_MISSES && missing(entries) <= MOST_MISSES)
    .sort((a, b) => usual(a) - usual(b));
  const rows = between === undefined ? [0] : [0, between];
  const rest = [...masks].sort((a, b) => a - b);
  return [
    [0, 0],
    ...used.map((entries): Sizes => [entries, 0]),
    ...rows.flatMap((entries) => rest.map((maskCache): Sizes => [entries, maskCache])),
  ];
}
