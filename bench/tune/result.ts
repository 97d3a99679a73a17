// What bench:tune keeps of a case.

import { existsSync, readFileSync } from "node:fs";

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
  /** Milliseconds: recording and prediction of all sizes, and calibration. */
  readonly predictMs: number;
  readonly calibrateMs: number;
  readonly date: string;
}

/** The results in a file; none where it is not there. */
export function readResults(file: string): CaseResult[] {
  return existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as CaseResult[]) : [];
}
