// What bench:tune keeps.

import { existsSync, readFileSync } from "node:fs";
import type { Environment } from "../../src/bench/environment.ts";

/** A configuration, predicted and measured. */
export interface RowResult {
  readonly microflowEntries: number;
  readonly maskCacheEntries: number;
  /** Shares of lookups that the microflow cache answers, and that either cache does. */
  readonly predictedMicroflow: number;
  readonly measuredMicroflow: number;
  readonly predictedHit: number;
  readonly measuredHit: number;
  readonly predictedMpps: number;
  /** The same by calibrations that were taken later. */
  readonly laterMpps: readonly number[];
  readonly measuredMpps: number;
  /** Half the distance of the fastest turn from the middle one, as a share of the rate. */
  readonly spread: number;
}

/** A case. */
export interface CaseResult {
  readonly name: string;
  readonly kind: string;
  readonly packets: number;
  readonly connections: number;
  readonly megaflows: number;
  readonly masks: number;
  readonly rows: readonly RowResult[];
  readonly recommended: readonly [microflow: number, maskCache: number];
  readonly best: readonly [microflow: number, maskCache: number];
  /** Rate of the recommended configuration over that of the best one, measured in turns. */
  readonly recommendedShare: number;
  readonly reason: string;
  /** Milliseconds: recording and prediction of all sizes, and the slowest calibration. */
  readonly predictMs: number;
  readonly calibrateMs: number;
  /** When it was measured. */
  readonly date: string;
}

/** What a live PMD pays for being profiled. */
export interface SamplingCost {
  readonly connections: number;
  /** One connection in so many is sampled, so much of the time. */
  readonly sampling: number;
  readonly onShare: number;
  /** TSC cycles a packet without sampling, and what it adds while it is on, as a share of them. */
  readonly cycles: number;
  readonly whileOn: number;
}

/** What a prediction for a million packets takes. */
export interface PredictionCost {
  readonly name: string;
  readonly packets: number;
  readonly connections: number;
  /** Configurations that were predicted. */
  readonly sizes: number;
  readonly learnMs: number;
  /** Recording the lookups, and predicting every size from them. */
  readonly predictMs: number;
  readonly calibrateMs: number;
  /** Most memory that the whole command had resident. */
  readonly peakBytes: number;
}

/** Everything. */
export interface TuneResults {
  environment?: Environment;
  cases: CaseResult[];
  sampling?: readonly SamplingCost[];
  prediction?: readonly PredictionCost[];
}

/** The results in a file; none where it is not there. Cases that say less than they do today are left out. */
export function readResults(file: string): TuneResults {
  if (!existsSync(file)) return { cases: [] };
  const results = JSON.parse(readFileSync(file, "utf8")) as TuneResults;
  const isWhole = (one: CaseResult): boolean => one.rows.every((row) => row.laterMpps !== undefined);
  return { ...results, cases: results.cases.filter(isWhole) };
}
