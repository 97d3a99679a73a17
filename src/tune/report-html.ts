// The adviser's findings as one HTML file that needs nothing else: miss-ratio curves as SVG with the present and
// the recommended size and the borders of the CPU's caches, and the table of sizes.

import { escapeXml } from "../bench/report/svg.ts";
import { formatCount } from "../config/number.ts";
import { percent, type SizeRow, sameSize } from "./format.ts";
import type { CpuCache } from "./memory-curve.ts";

/** A curve: miss ratios over entries. */
export interface Curve {
  readonly label: string;
  readonly points: readonly { readonly entries: number; readonly missRatio: number }[];
  readonly dashed?: boolean;
}

/** A picture: curves over one axis of sizes. */
export interface CurvePicture {
  readonly title: string;
  readonly curves: readonly Curve[];
  /** Sizes to mark with a line and a word. */
  readonly marks: readonly { readonly entries: number; readonly label: string; readonly strong: boolean }[];
}

/** What the report is made of. */
export interface TuneReport {
  readonly title: string;
  /** Sentences above the pictures. */
  readonly summary: readonly string[];
  readonly pictures: readonly CurvePicture[];
  readonly rows: readonly SizeRow[];
  readonly present: SizeRow;
  readonly recommended: SizeRow;
}

const WIDTH = 760;
const HEIGHT = 320;
const LEFT = 56;
const TOP = 44;
const RIGHT = 20;
const BOTTOM = 46;
const colours = ["#3b7dd8", "#e08a2e", "#3aa66b", "#c44e8a", "#8a6fd1"];

/** Sizes at which a cache of `entryBytes` an entry outgrows each CPU cache. */
export function cacheBorders(caches: readonly CpuCache[], entryBytes: number): CurvePicture["marks"] {
  return caches.map(({ name, bytes }) => ({ entries: bytes / entryBytes, label: name, strong: false }));
}

/** The whole file. */
export function tuneReportHtml(report: TuneReport): string {
  const rows = report.rows.map((row) => tableRow(row, report));
  return [
    "<!doctype html>",
    '<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">',
    `<title>${escapeXml(report.title)}</title>`,
    "<style>",
    ":root{color-scheme:light dark}body{font:15px/1.5 system-ui,sans-serif;max-width:960px;margin:2em auto;padding:0 1em}",
    "svg{width:100%;height:auto}table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}",
    "td,th{padding:.25em .6em;text-align:right;border-bottom:1px solid #8884}tr.recommended{font-weight:700}.scroll{overflow-x:auto}",
    "</style></head><body>",
    `<h1>${escapeXml(report.title)}</h1>`,
    ...report.summary.map((line) => `<p>${escapeXml(line)}</p>`),
    ...report.pictures.map(curvePicture),
    '<div class="scroll"><table><thead><tr><th>microflow</th><th>mask cache</th><th>microflow hits</th><th>mask cache hits</th><th>masked</th><th>cycles</th><th>Mpps</th><th>measured</th><th>in</th></tr></thead><tbody>',
    ...rows,
    "</tbody></table></div>",
    "</body></html>",
    "",
  ].join("\n");
}

/** One picture as SVG. */
export function curvePicture(picture: CurvePicture): string {
  const sizes = picture.curves
    .flatMap((curve) => curve.points.map((point) => point.entries))
    .filter((n) => n > 0);
  const low = Math.log2(Math.min(...sizes));
  const high = Math.max(low + 1, Math.log2(Math.max(...sizes)));
  const x = (entries: number): number =>
    LEFT + ((Math.log2(Math.max(1, entries)) - low) / (high - low)) * (WIDTH - LEFT - RIGHT);
  const y = (ratio: number): number => TOP + ratio * -(HEIGHT - TOP - BOTTOM) + (HEIGHT - TOP - BOTTOM);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${escapeXml(picture.title)}" font-family="system-ui, sans-serif" font-size="12" fill="currentColor">`,
    `<text x="8" y="18" font-size="14" font-weight="600">${escapeXml(picture.title)}</text>`,
    ...axes(low, high, x, y),
    ...picture.marks
      .filter(({ entries }) => entries >= 2 ** low && entries <= 2 ** high)
      .map((mark, i) => markLine(x(mark.entries), mark.label, mark.strong, i)),
    ...picture.curves.map((curve, i) => curveLine(curve, i, x, y)),
    ...picture.curves.map(
      (curve, i) =>
        `<rect x="${LEFT + i * 230}" y="26" width="11" height="11" fill="${colours[i % colours.length]}"/><text x="${LEFT + 16 + i * 230}" y="36">${escapeXml(curve.label)}</text>`,
    ),
    "</svg>",
  ].join("\n");
}

function axes(low: number, high: number, x: (n: number) => number, y: (n: number) => number): string[] {
  const lines = [0, 0.25, 0.5, 0.75, 1].map(
    (ratio) =>
      `<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${y(ratio)}" y2="${y(ratio)}" stroke="currentColor" stroke-opacity=".2"/><text x="${LEFT - 6}" y="${y(ratio) + 4}" text-anchor="end">${ratio * 100} %</text>`,
  );
  for (let power = Math.ceil(low); power <= high; power += high - low > 8 ? 2 : 1) {
    const at = x(2 ** power).toFixed(1);
    lines.push(
      `<text x="${at}" y="${HEIGHT - BOTTOM + 18}" text-anchor="middle">${formatCount(2 ** power)}</text>`,
    );
  }
  lines.push(`<text x="${WIDTH / 2}" y="${HEIGHT - 8}" text-anchor="middle">entries</text>`);
  return lines;
}

function markLine(at: number, label: string, strong: boolean, index: number): string {
  const dash = strong ? "" : ' stroke-dasharray="4 4"';
  const text = `<text x="${(at + 4).toFixed(1)}" y="${TOP + 14 + (index % 4) * 14}"${strong ? ' font-weight="600"' : ' fill-opacity=".7"'}>${escapeXml(label)}</text>`;
  return `<line x1="${at.toFixed(1)}" x2="${at.toFixed(1)}" y1="${TOP}" y2="${HEIGHT - BOTTOM}" stroke="currentColor" stroke-opacity="${strong ? 0.9 : 0.4}"${dash}/>${text}`;
}

function curveLine(curve: Curve, index: number, x: (n: number) => number, y: (n: number) => number): string {
  const points = curve.points
    .filter((point) => point.entries > 0)
    .map((point) => `${x(point.entries).toFixed(1)},${y(point.missRatio).toFixed(1)}`);
  const dash = curve.dashed === true ? ' stroke-dasharray="5 4"' : "";
  return `<polyline points="${points.join(" ")}" fill="none" stroke="${colours[index % colours.length]}" stroke-width="2"${dash}/>`;
}

function tableRow(row: SizeRow, report: TuneReport): string {
  const recommended = sameSize(row, report.recommended);
  const present = sameSize(row, report.present);
  const cells = [
    row.microflowEntries === 0 ? "off" : formatCount(row.microflowEntries),
    row.maskCacheEntries === 0 ? "off" : formatCount(row.maskCacheEntries),
    percent(row.hits.microflow),
    percent(row.hits.maskCache),
    percent(row.hits.masked),
    row.cyclesPerPacket.toFixed(0),
    row.mpps.toFixed(2),
    row.measuredMpps?.toFixed(2) ?? "",
    `${row.fits}${recommended ? " (recommended)" : present ? " (present)" : ""}`,
  ];
  return `<tr${recommended ? ' class="recommended"' : ""}>${cells.map((cell) => `<td>${escapeXml(cell)}</td>`).join("")}</tr>`;
}
