// One case: the study predicts, then every size is measured, several times over, in turns.

import type { Settings } from "../../src/config/settings.ts";
import type { Candidate } from "../../src/tune/advise.ts";
import type { HitCounts, Lab } from "../../src/tune/lab.ts";
import { measureSizes, type SizeMeasurement } from "../../src/tune/measure-sizes.ts";
import { study } from "../../src/tune/study.ts";
import type { TuneCase } from "./cases.ts";
import type { CaseResult, RowResult } from "./result.ts";

/** Sizes of the exhaustive sweep. */
const grid = {
  microflow: [0, 1 << 10, 1 << 12, 1 << 14, 1 << 16, 1 << 18, 1 << 20],
  maskCache: [0, 1 << 8, 1 << 12, 1 << 16],
};
const PASSES = 3;
/** Turns in which the recommended configuration and the best ones are compared. */
const FINALS = 5;
const FINALISTS = 3;

type Progress = (share: number, what: string) => void;

/** Predicts and measures a case. */
export async function measureCase(
  one: TuneCase,
  lab: Lab,
  settings: Settings,
  progress: Progress,
): Promise<CaseResult> {
  const found = await study(lab, settings, "default", grid, (share, what) => progress(share * 0.2, what));
  const samples = found.candidates.map((): SizeMeasurement[] => []);
  for (let pass = 0; pass < PASSES; pass++) {
    for (const [i, candidate] of found.candidates.entries()) {
      samples[i]!.push(await measureSizes(lab, candidate.hits));
      progress(0.2 + (0.7 * (pass + i / samples.length)) / PASSES, "measuring every size");
    }
  }
  const rows = found.candidates.map((candidate, i) => rowOf(candidate, samples[i]!));
  const best = await finals(lab, found.candidates, found.advice.recommended, rows);
  progress(1, "done");
  return {
    name: one.name,
    kind: one.kind,
    packets: found.traffic.packets,
    connections: found.traffic.connections,
    megaflows: found.traffic.learned.megaflows,
    masks: found.traffic.learned.masks,
    rows,
    recommended: sizesOf(found.advice.recommended),
    best: sizesOf(best.candidate),
    recommendedShare: best.share,
    reason: found.advice.reason,
    predictMs: found.took.record + found.took.predict,
    calibrateMs: found.calibration.tookMs,
    date: new Date().toISOString().slice(0, 10),
  };
}

function rowOf(candidate: Candidate, samples: readonly SizeMeasurement[]): RowResult {
  const { hits, cost } = candidate;
  const rates = samples.map((one) => one.mpps).sort((a, b) => a - b);
  const sum = (of: (counts: HitCounts) => number): number =>
    samples.reduce((total, one) => total + of(one.hits), 0);
  const lookups = sum((counts) => counts.lookups);
  // What else runs on the machine only makes it slower.
  const measuredMpps = rates.at(-1)!;
  return {
    microflowEntries: hits.settings["microflow.entries"],
    maskCacheEntries: hits.settings["maskCache.entries"],
    predictedMicroflow: hits.microflow,
    measuredMicroflow: sum((counts) => counts.microflow) / lookups,
    predictedHit: hits.microflow + hits.maskCache,
    measuredHit: sum((counts) => counts.microflow + counts.maskCache) / lookups,
    predictedMpps: cost.mpps,
    measuredMpps,
    spread: (rates.at(-1)! - rates[0]!) / 2 / measuredMpps,
  };
}

/** The recommended configuration against those that measured best, in turns: the sweep's winner may owe it to luck. */
async function finals(
  lab: Lab,
  candidates: readonly Candidate[],
  recommended: Candidate,
  rows: readonly RowResult[],
): Promise<{ readonly candidate: Candidate; readonly share: number }> {
  const order = candidates
    .map((candidate, i) => ({ candidate, mpps: rows[i]!.measuredMpps }))
    .sort((a, b) => b.mpps - a.mpps);
  const rivals = [...new Set([recommended, ...order.slice(0, FINALISTS).map((one) => one.candidate)])];
  const rates = rivals.map((): number[] => []);
  for (let turn = 0; turn < FINALS; turn++)
    for (const [i, rival] of rivals.entries()) rates[i]!.push((await measureSizes(lab, rival.hits)).mpps);
  const reached = rates.map((list) => Math.max(...list));
  const fastest = Math.max(...reached);
  return { candidate: rivals[reached.indexOf(fastest)]!, share: reached[0]! / fastest };
}

function sizesOf({ hits }: Candidate): [number, number] {
  return [hits.settings["microflow.entries"], hits.settings["maskCache.entries"]];
}
