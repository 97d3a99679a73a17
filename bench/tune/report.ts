// The results of bench:tune as Markdown: one line a case, and one a size.

import { markdownTable } from "../../src/bench/report/table.ts";
import { formatCount } from "../../src/config/number.ts";
import type { CaseResult, RowResult } from "./result.ts";

/** Targets: hit rate in points, rate and recommendation as shares. */
const HIT_TARGET = 0.02;
const RATE_TARGET = 0.1;
const BEST_TARGET = 0.03;

/** The whole report. */
export function reportMarkdown(results: readonly CaseResult[]): string {
  const rows = results.flatMap((result) => result.rows);
  const met = (of: (row: RowResult) => boolean): string => `${rows.filter(of).length} of ${rows.length}`;
  return [
    "# Predicted and measured cache sizes",
    "",
    "Made by `npm run bench:tune`: every case under every size of both caches, predicted by `megaflow tune` and then",
    "measured on the same core. Hit rates are of both caches together, as shares of all lookups.",
    "",
    `- Hit rate within ${HIT_TARGET * 100} points: ${met((row) => hitError(row) <= HIT_TARGET)} sizes.`,
    `- Rate within ${RATE_TARGET * 100} %: ${met((row) => Math.abs(rateError(row)) <= RATE_TARGET)} sizes.`,
    `- Recommended sizes within ${BEST_TARGET * 100} % of the best of the sweep: ${results.filter((one) => one.recommendedShare >= 1 - BEST_TARGET).length} of ${results.length} cases.`,
    "",
    ...markdownTable({
      titles: [
        "case",
        "kind",
        "packets",
        "connections",
        "megaflows",
        "masks",
        "worst hit rate error",
        "worst rate error",
        "median rate error",
        "recommended",
        "best of the sweep",
        "recommended / best",
        "predict ms",
        "calibrate ms",
      ],
      rows: results.map((result) => [
        result.name,
        result.kind,
        String(result.packets),
        String(result.connections),
        String(result.megaflows),
        String(result.masks),
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
    ...results.flatMap(caseLines),
  ].join("\n");
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

function hitError(row: RowResult): number {
  return Math.abs(row.predictedHit - row.measuredHit);
}

function rateError(row: RowResult): number {
  return row.predictedMpps / row.measuredMpps - 1;
}

function sizes([microflow, maskCache]: readonly [number, number]): string {
  return `${formatCount(microflow)} + ${formatCount(maskCache)}`;
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}

function middle(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1]!;
}
