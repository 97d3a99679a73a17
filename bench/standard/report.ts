// The standard table as Markdown with its picture, both made from the measured rows alone.
import { readFileSync, writeFileSync } from "node:fs";
import { basename, relative } from "node:path";
import { markdownTable } from "../../src/bench/report/table.ts";
import { environmentLines, stageTable } from "../../src/bench/report/views.ts";
import { projectFile } from "../../src/project.ts";
import { twinTable } from "../twin/compare.ts";
import type { ExtractionCost } from "./extraction.ts";
import { peerHitTable, type StandardRow, standardPicture, standardTable, worstShare } from "./row.ts";

/** Everything that was measured. */
export interface StandardReport {
  rows: StandardRow[];
  extraction: ExtractionCost[];
}

const README_BEGIN = "<!-- standard set: npm run bench:standard -- --readme -->";
const README_END = "<!-- end of the standard set -->";
/** Below this the machine was not quiet, and the report says so in its first line. */
const QUIET = 0.97;

/** Writes NAME.md and NAME.svg. */
export function writeStandardReport(report: StandardReport, out: string): void {
  const { rows, extraction } = report;
  const first = rows[0]?.ours[0];
  if (first === undefined) return;
  const svg = `${out}.svg`;
  writeFileSync(svg, standardPicture(rows));
  const lines = [`# Standard set, ${first.environment.date.slice(0, 10)}`, ""];
  lines.push(...quietLines(rows));
  lines.push(
    "Nanoseconds a packet on one core, medians over windows; both sides in turns in one run.",
    "docs/benchmarking.md says how it is measured and how to repeat it.",
    "",
    `![Mpps on one core](${basename(svg)})`,
    "",
    ...markdownTable(standardTable(rows)),
    "",
    "## Where our cycles go",
    "",
    ...markdownTable(stageTable(rows.map((row) => row.ours[0]!))),
    "",
    ...twinLines(rows),
    ...extractionLines(extraction),
    "## Their side",
    "",
    ...markdownTable(peerHitTable(rows)),
    "",
    ...sourceLines(rows),
    "## Machine",
    "",
    ...environmentLines(first).map((line) => `- ${line}`),
    ...peerLines(rows),
  );
  writeFileSync(`${out}.md`, `${lines.join("\n")}\n`);
}

/** Puts the table and the picture between the README's markers. Throws where they are not there. */
export function updateReadme(report: StandardReport, out: string): void {
  const readme = projectFile("README.md");
  const text = readFileSync(readme, "utf8");
  const from = text.indexOf(README_BEGIN);
  const to = text.indexOf(README_END);
  const environment = report.rows[0]?.ours[0]?.environment;
  if (from < 0 || to < from || environment === undefined) {
    throw new Error(`README.md has no "${README_BEGIN}" and "${README_END}" to put the table between`);
  }
  const path = relative(projectFile("."), out);
  const machine = `${environment.cpu}, TSC ${environment.cyclesPerNs?.toFixed(1)} GHz, real ${environment.clockGhz.toFixed(1)} GHz, ${environment.kernel}, Node ${environment.node}, ${environment.date.slice(0, 10)}`;
  const lines = [
    README_BEGIN,
    "",
    `Nanoseconds a packet on one core (${machine}${environment.hypervisor ? ", a virtual machine" : ""}); all of it in [${path}.md](${path}.md).`,
    "",
    `![Mpps on one core, Megaflow and Open vSwitch with DPDK](${path}.svg)`,
    "",
    ...quietLines(report.rows),
    ...markdownTable(standardTable(report.rows)),
    "",
  ];
  writeFileSync(readme, `${text.slice(0, from)}${lines.join("\n")}${text.slice(to)}`);
}

/** Says so when others had too much of the core. */
function quietLines(rows: readonly StandardRow[]): string[] {
  const share = worstShare(rows);
  if (share >= QUIET) return [];
  return [
    `**Not quotable**: the machine was not quiet; in the worst window a side had ${(share * 100).toFixed(0)} % of its core.`,
    "",
  ];
}

function twinLines(rows: readonly StandardRow[]): string[] {
  const twins = rows.flatMap((row) => (row.twin === null ? [] : [row.twin]));
  if (twins.length === 0) return [];
  return [
    "## WebAssembly and C",
    "",
    `The same sources printed as C (${twins[0]!.compiler}), alone on the core, no controller. Stages: WASM / C = ratio, in TSC cycles a packet.`,
    "",
    ...markdownTable(twinTable(twins)),
    "",
  ];
}

function extractionLines(costs: readonly ExtractionCost[]): string[] {
  if (costs.length === 0) return [];
  const rows = costs.map(({ title, wasm, c }) => [
    title,
    wasm.toFixed(1),
    c.toFixed(1),
    (wasm / c).toFixed(2),
  ]);
  return [
    "## Extraction alone",
    "",
    ...markdownTable({ titles: ["packet", "WASM cycles", "C cycles", "ratio"], rows }),
    "",
  ];
}

function sourceLines(rows: readonly StandardRow[]): string[] {
  const sources = rows.filter((row) => row.sourcePps !== null);
  if (sources.length === 0) return [];
  const table = {
    titles: ["workload", "testpmd ns", "our receive stage ns"],
    rows: sources.map((row) => [
      row.name,
      (1e9 / row.sourcePps!).toFixed(1),
      row.ours[0]!.stages.find((cost) => cost.stage === "receive")?.ns.toFixed(1) ?? "-",
    ]),
  };
  return [
    "What the source and the sink cost by themselves: testpmd moves packets from the same net_pcap port to the same sink and looks at nothing.",
    "Ours copies into a fresh frame in its receive stage; the sink is part of *actions and transmit*.",
    "",
    ...markdownTable(table),
    "",
  ];
}

function peerLines(rows: readonly StandardRow[]): string[] {
  const versions = new Set(rows.flatMap((row) => row.peers.map((peer) => peer.version)));
  const natives = new Set(rows.flatMap((row) => row.native.map((peer) => peer.version)));
  return [
    ...[...versions].map(
      (version) =>
        `- ${version}, Debian's build, which has no AVX512 code; 2 MiB huge pages, PMD on the same core, n_rxq=1`,
    ),
    ...[...natives].map((version) => `- native: ${version} (OVS_VSWITCHD)`),
  ];
}
