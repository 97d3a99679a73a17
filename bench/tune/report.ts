// The results of bench:tune as Markdown: what was reached and what was not, one line a case, and one a size.

import { markdownTable } from "../../src/bench/report/table.ts";
import { formatCount } from "../../src/config/number.ts";
import type { CaseResult, PredictionCost, RowResult, SamplingCost, TuneResults } from "./result.ts";

/** Targets: hit rate in points, rate and recommendation as shares; what sampling may cost, and a prediction. */
const HIT_TARGET = 0.02;
const RATE_TARGET = 0.1;
const BEST_TARGET = 0.03;
const SAMPLING_TARGET = 0.02;
const PREDICT_MS_TARGET = 3000;
const CALIBRATE_MS_TARGET = 1000;
const PEAK_BYTES_TARGET = 300e6;
/** Sizes of a case that have to be within the targets at least. */
const SIZES_TARGET = 6;

/** The whole report. */
export function reportMarkdown(results: TuneResults): string {
  const { cases } = results;
  return [
    "# Predicted and measured cache sizes",
    "",
    "Made by `npm run bench:tune`: every case under every size of both caches, predicted by `megaflow tune` and then",
    "measured on the same core, all sizes of a case in turns. Hit rates are of both caches together, as shares of all",
    "lookups. [docs/benchmarking.md](../../../docs/benchmarking.md) says how it is measured.",
    "",
    ...targetLines(results),
    "",
    ...missLines(cases),
    ...markdownTable({
      titles: [
        "case",
        "kind",
        "packets",
        "connections",
        "megaflows",
        "masks",
        "sizes within both targets",
        "worst hit rate error, points",
        "worst rate error",
        "median",
        "recommended",
        "best of the sweep",
        "recommended / best",
        "predict ms",
        "calibrate ms",
      ],
      rows: cases.map((result) => [
        result.name,
        result.kind,
        String(result.packets),
        String(result.connections),
        String(result.megaflows),
        String(result.masks),
        `${result.rows.filter(isWithin).length} of ${result.rows.length}`,
        `${(Math.max(...result.rows.map(hitError)) * 100).toFixed(2)}`,
        percent(Math.max(...result.rows.map((row) => Math.abs(rateError(row))))),
        percent(middle(result.rows.map((row) => Math.abs(rateError(row))))),
        sizes(result.recommended),
        sizes(result.best),
        result.recommendedShare.toFixed(3),
        result.predictMs.toFixed(0),
        result.calibrateMs.toFixed(0),
      ]),
    }),
    "",
    ...predictionLines(results.prediction ?? []),
    ...samplingLines(results.sampling ?? []),
    ...cases.flatMap(caseLines),
    ...machineLines(results),
  ].join("\n");
}

function targetLines({ cases, prediction, sampling }: TuneResults): string[] {
  const rows = cases.flatMap((result) => result.rows);
  const met = (of: (row: RowResult) => boolean): string => `${rows.filter(of).length} of ${rows.length}`;
  const count = (of: (one: CaseResult) => boolean): string => `${cases.filter(of).length} of ${cases.length}`;
  const calibrations = [...cases, ...(prediction ?? [])].map((one) => one.calibrateMs);
  const lines = [
    "| target | reached |",
    "| --- | --- |",
    `| hit rate within ${HIT_TARGET * 100} points | ${met((row) => hitError(row) <= HIT_TARGET)} sizes |`,
    `| rate within ${RATE_TARGET * 100} % | ${met((row) => Math.abs(rateError(row)) <= RATE_TARGET)} sizes |`,
    `| rate within ${RATE_TARGET * 100} %, by calibrations between the measurements | ${laterHits(rows)} |`,
    `| both, for ${SIZES_TARGET} sizes or more | ${count((one) => one.rows.filter(isWithin).length >= SIZES_TARGET)} cases; for every size ${count((one) => one.rows.every(isWithin))} |`,
    `| recommended sizes within ${BEST_TARGET * 100} % of the best of the sweep | ${count((one) => one.recommendedShare >= 1 - BEST_TARGET)} cases |`,
    `| calibration under ${CALIBRATE_MS_TARGET / 1000} s | ${calibrations.filter((ms) => ms < CALIBRATE_MS_TARGET).length} of ${calibrations.length}, the slowest ${Math.max(0, ...calibrations).toFixed(0)} ms |`,
  ];
  for (const one of prediction ?? []) {
    const fast = one.predictMs < PREDICT_MS_TARGET ? "yes" : "no";
    const small = one.peakBytes < PEAK_BYTES_TARGET ? "yes" : "no";
    lines.push(
      `| ${one.name}: all sizes predicted in under ${PREDICT_MS_TARGET / 1000} s, and in ${PEAK_BYTES_TARGET / 1e6} MB | ${fast}, ${(one.predictMs / 1000).toFixed(2)} s; ${small}, ${(one.peakBytes / 1e6).toFixed(0)} MB |`,
    );
  }
  if (sampling !== undefined) {
    const most = Math.max(...sampling.map(onAverage));
    lines.push(
      `| profiling a live PMD costs under ${SAMPLING_TARGET * 100} % | ${most < SAMPLING_TARGET ? "yes" : "no"}, ${percent(most, 2)} at most |`,
    );
  }
  return lines;
}

/** How many predictions of later calibrations hold. */
function laterHits(rows: readonly RowResult[]): string {
  const errors = rows.flatMap((row) => row.laterMpps.map((mpps) => Math.abs(mpps / row.measuredMpps - 1)));
  const good = errors.filter((error) => error <= RATE_TARGET).length;
  return `${good} of ${errors.length}, the worst ${percent(Math.max(0, ...errors))}`;
}

/** What is outside the targets, by name. */
function missLines(cases: readonly CaseResult[]): string[] {
  const misses: string[] = [];
  for (const one of cases) {
    for (const row of one.rows.filter((other) => !isWithin(other))) {
      const where = sizes([row.microflowEntries, row.maskCacheEntries]);
      misses.push(
        `- ${one.name}, ${where}: hit rate off by ${(hitError(row) * 100).toFixed(2)} points, rate by ${percent(rateError(row))} (spread ${percent(row.spread)})`,
      );
    }
    if (one.recommendedShare < 1 - BEST_TARGET)
      misses.push(
        `- ${one.name}: the recommended sizes, ${sizes(one.recommended)}, reach ${percent(one.recommendedShare)} of the best, ${sizes(one.best)}`,
      );
  }
  return misses.length === 0 ? [] : ["Outside the targets:", "", ...misses, ""];
}

function predictionLines(prediction: readonly PredictionCost[]): string[] {
  if (prediction.length === 0) return [];
  return [
    "## What a prediction takes",
    "",
    "The built command, `megaflow tune`, on a capture of a million packets.",
    "",
    ...markdownTable({
      titles: [
        "traffic",
        "connections",
        "sizes",
        "learn ms",
        "record and predict ms",
        "calibrate ms",
        "peak MB",
      ],
      rows: prediction.map((one) => [
        one.name,
        String(one.connections),
        String(one.sizes),
        one.learnMs.toFixed(0),
        one.predictMs.toFixed(0),
        one.calibrateMs.toFixed(0),
        (one.peakBytes / 1e6).toFixed(0),
      ]),
    }),
    "",
  ];
}

function samplingLines(sampling: readonly SamplingCost[]): string[] {
  if (sampling.length === 0) return [];
  return [
    "## What profiling a live PMD costs",
    "",
    "The same packets with sampling on and off in turns. The profiler samples one connection in so many, and so much",
    "of the time, by the connections that are alive.",
    "",
    ...markdownTable({
      titles: [
        "connections",
        "sampled, one in",
        "of the time",
        "cycles a packet without",
        "more while on",
        "more on average",
      ],
      rows: sampling.map((one) => [
        String(one.connections),
        String(one.sampling),
        percent(one.onShare),
        one.cycles.toFixed(1),
        percent(one.whileOn),
        percent(onAverage(one), 2),
      ]),
    }),
    "",
  ];
}

function onAverage(one: SamplingCost): number {
  return one.whileOn * one.onShare;
}

function caseLines(result: CaseResult): string[] {
  return [
    `## ${result.name}`,
    "",
    `Recommended: ${sizes(result.recommended)}. ${result.reason}`,
    "",
    ...markdownTable({
      titles: [
        "microflow",
        "mask cache",
        "hit rate predicted",
        "measured",
        "error, points",
        "Mpps predicted",
        "measured",
        "error",
        "spread",
      ],
      rows: result.rows.map((row) => [
        formatCount(row.microflowEntries),
        formatCount(row.maskCacheEntries),
        percent(row.predictedHit),
        percent(row.measuredHit),
        (hitError(row) * 100).toFixed(2),
        row.predictedMpps.toFixed(2),
        row.measuredMpps.toFixed(2),
        percent(rateError(row)),
        percent(row.spread),
      ]),
    }),
    "",
  ];
}

function machineLines({ environment }: TuneResults): string[] {
  if (environment === undefined) return [];
  const lines = [
    "## Machine",
    "",
    `${environment.cpu}, ${environment.cores} cores, ${environment.topology}${environment.hypervisor ? ", a virtual machine" : ""}; ${environment.kernel}; Node ${environment.node}, V8 ${environment.v8}; ${environment.pages}; ${environment.date}; load ${environment.load.toFixed(1)}`,
    "",
  ];
  if (environment.others.length > 0)
    lines.push(`Other processes meanwhile: ${environment.others.join("; ")}`, "");
  return lines;
}

function isWithin(row: RowResult): boolean {
  return hitError(row) <= HIT_TARGET && Math.abs(rateError(row)) <= RATE_TARGET;
}

function hitError(row: RowResult): number {
  return Math.abs(row.predictedHit - row.measuredHit);
}

function rateError(row: RowResult): number {
  return row.predictedMpps / row.measuredMpps - 1;
}

function sizes([microflow, maskCache]: readonly [number, number]): string {
  return `${formatCount(microflow)} + ${formatCount(maskCache)}`;
}

function percent(share: number, digits = 1): string {
  return `${(share * 100).toFixed(digits)} %`;
}

function middle(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1]!;
}
