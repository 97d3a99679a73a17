// A whole report in each of its formats.
import type { BenchResult } from "../result.ts";
import { barChart, escapeXml } from "./svg.ts";
import { csvLines, markdownTable, plainTable, type Table } from "./table.ts";
import { environmentLines, rateTable, stageTable } from "./views.ts";

/** What a report is written as. */

export type ReportFormat = "text" | "json" | "csv" | "md" | "html";

/** Further tables and pictures that a command adds to its report. */
export interface ReportExtras {
  readonly sections?: readonly { readonly title: string; readonly table: Table }[];
  /** SVG pictures, for HTML only. */
  readonly pictures?: readonly string[];
  /** Sentences under the tables. */
  readonly notes?: readonly string[];
}

/** Returns the report with a line end. One result alone is one JSON object, several are a list. */
export function formatReport(
  format: ReportFormat,
  results: readonly BenchResult[],
  extras: ReportExtras = {},
): string {
  if (format === "json") return `${JSON.stringify(results.length === 1 ? results[0] : results)}\n`;
  if (format === "csv") return `${csvLines(rateTable(results)).join("\n")}\n`;
  if (format === "md") return `${markdownReport(results, extras).join("\n")}\n`;
  if (format === "html") return htmlReport(results, extras);
  return `${textReport(results, extras).join("\n")}\n`;
}

/** The two pictures of any set of results: rates, and cycles by stage. */
function resultPictures(results: readonly BenchResult[]): string[] {
  const rates = results.map((result) => ({
    label: result.name,
    parts: [result.mpps],
    value: `${result.mpps.toFixed(1)} Mpps`,
  }));
  const withStages = results.filter((result) => result.stages.length > 0);
  const pictures = [barChart("Packets a second (Mpps)", rates)];
  if (withStages.length > 0) {
    const bars = withStages.map((result) => {
      const parts = result.stages.map((cost) => cost.cycles);
      return { label: result.name, parts, value: parts.reduce((sum, cycles) => sum + cycles, 0).toFixed(0) };
    });
    const legend = withStages[0]!.stages.map((cost) => cost.stage);
    pictures.push(barChart("Cycles a packet by stage", bars, legend));
  }
  return pictures;
}

function textReport(results: readonly BenchResult[], extras: ReportExtras): string[] {
  const lines = [...plainTable(rateTable(results)), ""];
  if (results.some((result) => result.stages.length > 0)) {
    lines.push("cycles a packet by stage", ...plainTable(stageTable(results)), "");
  }
  for (const section of extras.sections ?? []) lines.push(section.title, ...plainTable(section.table), "");
  for (const note of [...(extras.notes ?? []), ...warnings(results)]) lines.push(note);
  for (const result of results) lines.push(`output hash of ${result.name}: ${result.hash}`);
  return [...lines, "", ...environmentLines(results[results.length - 1]!)];
}

function markdownReport(results: readonly BenchResult[], extras: ReportExtras): string[] {
  const lines = [...markdownTable(rateTable(results)), ""];
  if (results.some((result) => result.stages.length > 0)) {
    lines.push("Cycles a packet by stage:", "", ...markdownTable(stageTable(results)), "");
  }
  for (const section of extras.sections ?? [])
    lines.push(`${section.title}:`, "", ...markdownTable(section.table), "");
  for (const note of [...(extras.notes ?? []), ...warnings(results)]) lines.push(`- ${note}`);
  return [
    ...lines,
    "",
    "Machine:",
    "",
    ...environmentLines(results[results.length - 1]!).map((line) => `- ${line}`),
  ];
}

function htmlReport(results: readonly BenchResult[], extras: ReportExtras): string {
  const table = (data: Table) => {
    const row = (cells: readonly string[], tag: string) =>
      `<tr>${cells.map((cell) => `<${tag}>${escapeXml(cell)}</${tag}>`).join("")}</tr>`;
    return `<table>${row(data.titles, "th")}${data.rows.map((cells) => row(cells, "td")).join("")}</table>`;
  };
  const list = (lines: readonly string[]) =>
    `<ul>${lines.map((line) => `<li>${escapeXml(line)}</li>`).join("")}</ul>`;
  const sections = [
    ...resultPictures(results),
    ...(extras.pictures ?? []),
    "<h2>Rates</h2>",
    table(rateTable(results)),
    "<h2>Cycles a packet by stage</h2>",
    table(stageTable(results)),
    ...(extras.sections ?? []).flatMap((section) => [
      `<h2>${escapeXml(section.title)}</h2>`,
      table(section.table),
    ]),
    list([...(extras.notes ?? []), ...warnings(results)]),
    "<h2>Machine</h2>",
    list(environmentLines(results[results.length - 1]!)),
  ];
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Megaflow bench</title>
<style>
:root { color-scheme: light dark; }
body { font: 14px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; padding: 0 1rem; }
svg { max-width: 100%; height: auto; color: inherit; display: block; margin: 1rem 0; }
table { border-collapse: collapse; display: block; overflow-x: auto; }
th, td { padding: .2rem .6rem; border-bottom: 1px solid #8884; text-align: right; white-space: nowrap; }
th:first-child, td:first-child { text-align: left; }
</style></head><body><h1>Megaflow bench</h1>
${sections.join("\n")}
</body></html>
`;
}

function warnings(results: readonly BenchResult[]): string[] {
  return results.flatMap((result) => result.warnings.map((warning) => `${result.name}: ${warning}`));
}
