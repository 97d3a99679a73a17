// The adviser's findings as text for people, and as plain JSON.

import { plainTable } from "../bench/report/table.ts";
import { formatCount } from "../config/number.ts";
import type { Settings } from "../config/settings.ts";
import type { Advice, Candidate } from "./advise.ts";
import { cacheBytes } from "./cost-model.ts";
import { type CpuCache, cacheThatHolds } from "./memory-curve.ts";
import type { HitPrediction } from "./predict-hits.ts";
import type { Study } from "./study.ts";

/** A configuration as JSON names it; shares are of all lookups. */
export interface SizeRow {
  readonly microflowEntries: number;
  readonly maskCacheEntries: number;
  readonly hits: {
    readonly microflow: number;
    readonly maskCache: number;
    readonly masked: number;
    readonly upcall: number;
  };
  /** Share of lookups that go around the microflow cache. */
  readonly bypassed: number;
  readonly cyclesPerPacket: number;
  readonly mpps: number;
  readonly upcallsPerSecond: number;
  readonly memoryBytes: number;
  /** CPU cache that holds what is touched of the microflow cache. */
  readonly fits: string;
  readonly measuredMpps?: number;
  readonly measuredHits?: SizeRow["hits"];
  /** What a running switch received meanwhile, which need not be all that it could. */
  readonly receivedMpps?: number;
}

/** What rows are made with. */
export interface RowFacts {
  readonly caches: readonly CpuCache[];
  /** Upcalls a packet. */
  readonly upcalls: number;
}

/** A candidate as a row. */
export function sizeRow({ hits, cost }: Candidate, facts: RowFacts): SizeRow {
  const bytes = cacheBytes(hits.settings);
  return {
    microflowEntries: hits.settings["microflow.entries"],
    maskCacheEntries: hits.settings["maskCache.entries"],
    hits: levels(hits),
    bypassed: hits.settings["microflow.entries"] === 0 ? 0 : hits.bypassed,
    cyclesPerPacket: cost.cycles,
    mpps: cost.mpps,
    upcallsPerSecond: facts.upcalls * cost.mpps * 1e6,
    memoryBytes: bytes.microflow + bytes.maskCache,
    fits: cacheThatHolds(facts.caches, bytes.microflow + bytes.maskCache),
  };
}

function levels(hits: HitPrediction): SizeRow["hits"] {
  return {
    microflow: hits.microflow,
    maskCache: hits.maskCache,
    masked: hits.masked,
    upcall: hits.upcall,
  };
}

/** Rows as lines of a table; `marked` rows carry a sign in front. */
export function sizeTable(
  rows: readonly SizeRow[],
  marks: { readonly present: SizeRow; readonly recommended: SizeRow },
): string[] {
  const measured = rows.some((row) => row.measuredMpps !== undefined);
  return plainTable({
    titles: [
      "",
      "microflow",
      "mask cache",
      "hits: microflow",
      "mask cache",
      "masked",
      "cycles",
      "Mpps",
      ...(measured ? ["measured", "error", "hits measured"] : []),
      "upcalls/s",
      "memory",
      "in",
    ],
    rows: rows.map((row) => [
      sameSize(row, marks.recommended) ? ">" : sameSize(row, marks.present) ? "*" : "",
      row.microflowEntries === 0 ? "off" : formatCount(row.microflowEntries),
      row.maskCacheEntries === 0 ? "off" : formatCount(row.maskCacheEntries),
      percent(row.hits.microflow),
      percent(row.hits.maskCache),
      percent(row.hits.masked),
      row.cyclesPerPacket.toFixed(0),
      row.mpps.toFixed(2),
      ...(measured ? [row.measuredMpps?.toFixed(2) ?? "-", errorText(row), hitsText(row)] : []),
      row.upcallsPerSecond.toFixed(0),
      memoryText(row.memoryBytes),
      row.fits,
    ]),
  });
}

/** Rows of the two tables: microflow sizes beside the recommended mask cache, and the other way round. */
export function shownRows(
  rows: readonly SizeRow[],
  recommended: SizeRow,
  present: SizeRow,
): { readonly microflow: SizeRow[]; readonly maskCache: SizeRow[] } {
  const either = (same: (row: SizeRow) => boolean): SizeRow[] =>
    rows
      .filter((row) => same(row) || sameSize(row, present))
      .sort((a, b) => a.microflowEntries - b.microflowEntries || a.maskCacheEntries - b.maskCacheEntries);
  return {
    microflow: either((row) => row.maskCacheEntries === recommended.maskCacheEntries),
    maskCache: either((row) => row.microflowEntries === recommended.microflowEntries),
  };
}

/** Whether two rows are about the same sizes. */
export function sameSize(a: SizeRow, b: SizeRow): boolean {
  return a.microflowEntries === b.microflowEntries && a.maskCacheEntries === b.maskCacheEntries;
}

/** `KEY=VALUE` of every setting to change. */
export function assignments(changes: Partial<Settings>): string[] {
  return Object.entries(changes).map(([key, value]) => `${key}=${value}`);
}

/** The recommendation in sentences, with the command that applies it. */
export function adviceLines(advice: Advice, apply: (assignments: string[]) => string): string[] {
  const { settings } = advice.recommended.hits;
  const sizes = `microflow.entries=${settings["microflow.entries"]} maskCache.entries=${settings["maskCache.entries"]}`;
  const changes = assignments(advice.changes);
  if (changes.length === 0) return [`Keep ${sizes}: ${advice.reason}`];
  return [
    `Recommended: ${sizes}, ${advice.recommended.cost.mpps.toFixed(2)} Mpps a core instead of ${advice.present.cost.mpps.toFixed(2)} (+${(advice.gain * 100).toFixed(0)} %): ${advice.reason}`,
    `Apply it:    ${apply(changes)}`,
  ];
}

/** The traffic and the calibration in a few lines. */
export function studyLines(study: Study): string[] {
  const { traffic, calibration, took } = study;
  const { learned } = traffic;
  const firsts = traffic.once.firsts / Math.max(1, traffic.once.total);
  return [
    `${traffic.packets} packets, ${traffic.connections} connections (${percent(firsts)} of the lookups of one pass are first packets), ${learned.megaflows} megaflows under ${learned.masks} masks`,
    `learned in ${seconds(took.learn)}, recorded in ${seconds(took.record)}, all sizes predicted in ${seconds(took.predict)}, calibrated in ${seconds(calibration.tookMs)}`,
    ...(learned.settled
      ? []
      : ["the traffic does not settle: every pass makes upcalls (see flowLimit, maskLimit)"]),
  ];
}

/** `96.4 %` */
export function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(2)} s`;
}

function errorText(row: SizeRow): string {
  if (row.measuredMpps === undefined) return "-";
  const error = (row.mpps / row.measuredMpps - 1) * 100;
  return `${error >= 0 ? "+" : ""}${error.toFixed(1)} %`;
}

/** Share of lookups that either cache answered, measured. */
function hitsText({ measuredHits: hits }: SizeRow): string {
  return hits === undefined ? "-" : percent(hits.microflow + hits.maskCache);
}

function memoryText(bytes: number): string {
  if (bytes >= 1 << 20) return `${(bytes / (1 << 20)).toFixed(1)} MiB`;
  return bytes === 0 ? "-" : `${(bytes / 1024).toFixed(bytes < 10240 ? 1 : 0)} KiB`;
}
