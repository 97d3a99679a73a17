// One case: the study predicts, then every size is measured, all of them in turns, so that a machine that has other
// things to do disturbs them alike.

import type { Settings } from "../../src/config/settings.ts";
import type { Candidate } from "../../src/tune/advise.ts";
import { calibrate } from "../../src/tune/calibrate.ts";
import { quantile } from "../../src/tune/call-times.ts";
import { CostModel } from "../../src/tune/cost-model.ts";
import type { HitCounts, Lab } from "../../src/tune/lab.ts";
import { measureSizes, type SizeMeasurement } from "../../src/tune/measure-sizes.ts";
import { type SizeGrid, study } from "../../src/tune/study.ts";
import type { TuneCase } from "./cases.ts";
import type { CaseResult, RowResult } from "./result.ts";

/** How thoroughly a case is measured. */
export interface Effort {
  /** Sizes of the exhaustive sweep. */
  readonly grid: SizeGrid;
  /** Turns of all sizes, and after how many of them another calibration is taken, to see how far they agree. */
  readonly turns: number;
  readonly calibrateEvery: number;
  /** Further turns, of the recommended configuration and the best ones. */
  readonly finalTurns: number;
  /** Turns of sampling on and off. */
  readonly samplingTurns: number;
}

/** What `npm run bench:tune` does, and what shows in seconds that it runs. */
export const efforts: Readonly<Record<"full" | "smoke", Effort>> = {
  full: {
    grid: {
      microflow: [0, 1 << 10, 1 << 12, 1 << 14, 1 << 16, 1 << 18, 1 << 20],
      maskCache: [0, 1 << 8, 1 << 12, 1 << 16],
    },
    turns: 8,
    calibrateEvery: 2,
    finalTurns: 16,
    samplingTurns: 60,
  },
  smoke: {
    grid: { microflow: [0, 1 << 10], maskCache: [0, 1 << 8] },
    turns: 1,
    calibrateEvery: 1,
    finalTurns: 1,
    samplingTurns: 1,
  },
};
const FINALISTS = 3;
/** Of a configuration's turns this one counts: what else runs on the machine only adds, luck takes a little away. */
const QUANTILE = 0.25;

type Progress = (share: number, what: string) => void;

/** Predicts and measures a case. */
export async function measureCase(
  one: TuneCase,
  lab: Lab,
  settings: Settings,
  effort: Effort,
  progress: Progress,
): Promise<CaseResult> {
  const found = await study(lab, settings, "default", effort.grid, (share, what) =>
    progress(share * 0.1, what),
  );
  const { traffic } = found;
  const predictions = found.candidates.map((candidate) => candidate.hits);
  const calibrations = [found.calibration];
  const samples = predictions.map((): SizeMeasurement[] => []);
  for (let turn = 0; turn < effort.turns; turn++) {
    if (turn > 0 && turn % effort.calibrateEvery === 0)
      calibrations.push(await calibrate(lab, { settings, predictions, connections: traffic.connections }));
    for (const [i, hits] of predictions.entries()) {
      samples[i]!.push(await measureSizes(lab, hits));
      progress(0.1 + (0.8 * (turn + i / samples.length)) / effort.turns, "measuring every size");
    }
  }
  const { candidates, advice } = found;
  const later = calibrations.slice(1).map((one) => new CostModel(one));
  const rows = candidates.map((candidate, i) => ({
    ...rowOf(candidate, samples[i]!),
    laterMpps: later.map((model) => model.cost(candidate.hits).mpps),
  }));
  progress(0.9, "comparing the best");
  const best = await finals(lab, candidates, advice.recommended, rows, effort);
  progress(1, "done");
  return {
    name: one.name,
    kind: one.kind,
    packets: traffic.packets,
    connections: traffic.connections,
    megaflows: traffic.learned.megaflows,
    masks: traffic.learned.masks,
    rows,
    recommended: sizesOf(advice.recommended),
    best: sizesOf(best.candidate),
    recommendedShare: best.share,
    reason: advice.reason,
    predictMs: found.took.record + found.took.predict,
    calibrateMs: Math.max(...calibrations.map((one) => one.tookMs)),
    date: new Date().toISOString(),
  };
}

function rowOf(candidate: Candidate, samples: readonly SizeMeasurement[]): Omit<RowResult, "laterMpps"> {
  const { hits, cost } = candidate;
  const sum = (of: (counts: HitCounts) => number): number =>
    samples.reduce((total, one) => total + of(one.hits), 0);
  const lookups = sum((counts) => counts.lookups);
  const measuredMpps = rate(samples);
  return {
    microflowEntries: hits.settings["microflow.entries"],
    maskCacheEntries: hits.settings["maskCache.entries"],
    predictedMicroflow: hits.microflow,
    measuredMicroflow: sum((counts) => counts.microflow) / lookups,
    predictedHit: hits.microflow + hits.maskCache,
    measuredHit: sum((counts) => counts.microflow + counts.maskCache) / lookups,
    predictedMpps: cost.mpps,
    measuredMpps,
    spread: (rateAt(samples, 0) - rateAt(samples, 0.5)) / 2 / measuredMpps,
  };
}

function rate(samples: readonly SizeMeasurement[]): number {
  return rateAt(samples, QUANTILE);
}

/** Rate at the turn below which a share of the turns' times lies. */
function rateAt(samples: readonly SizeMeasurement[], share: number): number {
  const times = samples.map((one) => 1 / one.mpps);
  return 1 / quantile(times, share);
}

/**
 * The recommended configuration against those that measured best, turn by turn: the sweep's winner may owe it to luck.
 * Of each pair the middle ratio counts, and of the pairs the worst.
 */
async function finals(
  lab: Lab,
  candidates: readonly Candidate[],
  recommended: Candidate,
  rows: readonly RowResult[],
  effort: Effort,
): Promise<{ readonly candidate: Candidate; readonly share: number }> {
  const order = candidates
    .map((candidate, i) => ({ candidate, mpps: rows[i]!.measuredMpps }))
    .sort((a, b) => b.mpps - a.mpps)
    .map((one) => one.candidate);
  const rivals = order.slice(0, FINALISTS).filter((one) => one !== recommended);
  const contest = [recommended, ...rivals];
  const ratios = rivals.map((): number[] => []);
  for (let turn = 0; turn < effort.finalTurns; turn++) {
    const rates = new Map<Candidate, number>();
    // Who comes first has the caches that another left.
    for (const one of turn % 2 === 0 ? contest : [...contest].reverse())
      rates.set(one, (await measureSizes(lab, one.hits)).mpps);
    for (const [i, rival] of rivals.entries()) ratios[i]!.push(rates.get(recommended)! / rates.get(rival)!);
  }
  const shares = ratios.map((list) => quantile(list, 0.5));
  const least = Math.min(1, ...shares);
  return { candidate: least === 1 ? recommended : rivals[shares.indexOf(least)]!, share: least };
}

function sizesOf({ hits }: Candidate): [number, number] {
  return [hits.settings["microflow.entries"], hits.settings["maskCache.entries"]];
}
