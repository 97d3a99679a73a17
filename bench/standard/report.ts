// The standard table as Markdown with its picture, both made from the measured rows alone.
import { readFileSync, writeFileSync } from "node:fs";
import { basename, relative } from "node:path";
import { QUIET_SHARE } from "../../src/bench/quiet-windows.ts";
import { markdownTable } from "../../src/bench/report/table.ts";
import { environmentLines, stageTable } from "../../src/bench/report/views.ts";
import { median } from "../../src/bench/statistics.ts";
import { projectFile } from "../../src/project.ts";
import { twinTable } from "../twin/compare.ts";
import type { ExtractionCost } from "./extraction.ts";
import {
  otherNodeRatio,
  otherNodeVersion,
  peerHitTable,
  type StandardRow,
  standardPicture,
  standardTable,
  windowCounts,
  worstShare,
} from "./row.ts";
import { type Scaling, scalingRatios, scalingTable } from "./scaling.ts";

/** Everything that was measured. */
export interface StandardReport {
  rows: StandardRow[];
  extraction: ExtractionCost[];
  /** Not there in results of versions that had one PMD alone. */
  scaling?: Scaling[];
}

const README_BEGIN = "<!-- standard set: npm run bench:standard -- --readme -->";
const README_END = "<!-- end of the standard set -->";

/** Writes NAME.md and NAME.svg. */
export function writeStandardReport(report: StandardReport, out: string): void {
  const { rows, extraction, scaling = [] } = report;
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
    ...nodeLines(rows),
    ...repeatLines(rows),
    ...scalingLines(scaling),
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
    ...otherNodeLines(rows),
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
    ...nodeLines(report.rows),
    ...(report.scaling ?? []).map(scalingSentence),
    ...(report.scaling === undefined || report.scaling.length === 0 ? [] : [""]),
  ];
  writeFileSync(readme, `${text.slice(0, from)}${lines.join("\n")}${text.slice(to)}`);
}

/** Says so when others had too much of the core. */
function quietLines(rows: readonly StandardRow[]): string[] {
  const share = worstShare(rows);
  if (share >= QUIET_SHARE) return [];
  return [
    `**Not quotable**: the machine was not quiet; in the worst window a side had ${(share * 100).toFixed(0)} % of its core.`,
    "",
  ];
}

/** How the other Node compares over all rows. */
function nodeLines(rows: readonly StandardRow[]): string[] {
  const other = otherNodeVersion(rows);
  const ratios = rows.flatMap((row) => otherNodeRatio(row) ?? []);
  const environment = rows[0]?.ours[0]?.environment;
  if (other === undefined || environment === undefined) return [];
  const text = (ratio: number) => ratio.toFixed(2);
  return [
    `Node ${other} in turns with ${environment.node}: ${text(median(ratios))} times its time a packet (median; ${text(Math.min(...ratios))} to ${text(Math.max(...ratios))}).`,
    "",
  ];
}

function otherNodeLines(rows: readonly StandardRow[]): string[] {
  const environment = rows.flatMap((row) => row.otherNode ?? [])[0]?.environment;
  return environment === undefined ? [] : [`- the other Node: ${environment.node}, V8 ${environment.v8}`];
}

function repeatLines(rows: readonly StandardRow[]): string[] {
  const { windows, repeated } = windowCounts(rows);
  if (repeated === 0) return [];
  const limit = ((1 - QUIET_SHARE) * 100).toFixed(0);
  return [
    `Of ${windows} windows ${repeated} were read again, because another process had over ${limit} % of the core; the reading with the largest share counts.`,
    "",
  ];
}

function scalingLines(scaling: readonly Scaling[]): string[] {
  if (scaling.length === 0) return [];
  return [
    "## Two PMDs",
    "",
    "One PMD on one core, then two on two, in turns: each is sent the whole trace into a port of its own, and sends to a port of its own.",
    "",
    ...markdownTable(scalingTable(scaling)),
    "",
  ];
}

function scalingSentence(scaling: Scaling): string {
  const { asItWas, alone } = scalingRatios(scaling);
  return `Two PMDs on two cores, ports of their own, ${scaling.workload}: ${asItWas.toFixed(2)} times one; ${alone.toFixed(2)} had each had its whole core.`;
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
