// One command for the standard table: every workload on our side, on Open vSwitch with DPDK in each of its
// configurations, and in C, in turns on the same core.
//
//   npm run bench:standard -- [--only NAME ...] [--core 1] [--windows 3] [--seconds 5] [--warmup 5]
//                             [--again 6] [--node PATH] [--no-peers] [--no-twin] [--no-scaling]
//                             [--out bench/results/NAME] [--anew] [--readme]
//
// Prints the table. Writes NAME.json after every row, so that a run that is cut off goes on where it was (--anew: from the start), and NAME.md and
// NAME.svg from what is in it; --readme puts table and picture into the README. --again is how many windows of a run may be
// measured again because another process had over 3 % of the core. --node is the binary of another Node, which our side is measured
// with too, in turns. OVS_VSWITCHD names a vswitchd built for this machine, for a further column.
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { plainTable } from "../../src/bench/report/table.ts";
import type { BenchResult } from "../../src/bench/result.ts";
import { median } from "../../src/bench/statistics.ts";
import { writeWorkload } from "../../src/bench/workload/generate.ts";
import { presets } from "../../src/bench/workload/presets.ts";
import { completeSpec, type WorkloadSpec } from "../../src/bench/workload/spec.ts";
import { findProfile, parseAssignments, resolveSettings } from "../../src/config/profiles.ts";
import { projectFile } from "../../src/project.ts";
import { countOption, numberOption, runCommand, UsageMistake } from "../command.ts";
import { ovsConfigurations } from "../peers/configurations.ts";
import { HugePages } from "../peers/huge-pages.ts";
import { measurePeer, type PeerResult } from "../peers/measure.ts";
import { ovsDpdkMissing, type PeerInput, pagesNeeded } from "../peers/ovs-dpdk.ts";
import { exitOnSignals } from "../peers/process.ts";
import { testpmdMissing, testpmdRates } from "../peers/testpmd.ts";
import { twinMissing } from "../twin/build.ts";
import { compareTwin, type TwinComparison } from "../twin/compare.ts";
import { type StandardCase, standardCases } from "./cases.ts";
import { measureExtraction } from "./extraction.ts";
import { measureOurs, nodeVersion } from "./ours.ts";
import { type StandardReport, updateReadme, writeStandardReport } from "./report.ts";
import { type StandardRow, standardTable } from "./row.ts";
import { measureScaling, scalingTable } from "./scaling.ts";

interface Options {
  readonly core: number;
  readonly windows: number;
  readonly seconds: number;
  readonly warmup: number;
  readonly again: number;
  /** Binary of another Node. */
  readonly node: string | undefined;
  readonly peers: boolean;
  readonly twin: boolean;
}

/** Highest port that the rules of a workload send to. */
const PORTS = 3;
const TWIN_SECONDS = 0.5;
/** Runs of a case on the other Node: ours are more where there are more configurations of theirs to take turns with. */
const OTHER_NODE_RUNS = 2;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      only: { type: "string", multiple: true },
      core: { type: "string", default: "1" },
      windows: { type: "string", default: "3" },
      seconds: { type: "string", default: "5" },
      warmup: { type: "string", default: "5" },
      again: { type: "string" },
      node: { type: "string" },
      anew: { type: "boolean", default: false },
      "no-scaling": { type: "boolean", default: false },
      "no-peers": { type: "boolean", default: false },
      "no-twin": { type: "boolean", default: false },
      out: { type: "string" },
      readme: { type: "boolean", default: false },
    },
  });
  const options: Options = {
    core: countOption("core", values.core, 0),
    windows: countOption("windows", values.windows, 1),
    seconds: numberOption("seconds", values.seconds, 0.1),
    warmup: numberOption("warmup", values.warmup, 0),
    again: countOption("again", values.again ?? String(2 * Number(values.windows)), 0),
    node: values.node,
    peers: !values["no-peers"] && noted("no Open vSwitch", ovsDpdkMissing()),
    twin: !values["no-twin"] && noted("no C twin", twinMissing()),
  };
  if (options.node !== undefined)
    process.stderr.write(`beside it: Node ${await nodeVersion(options.node)}\n`);
  const out = values.out ?? projectFile("build/bench/standard");
  mkdirSync(dirname(out), { recursive: true });
  const report = loadReport(`${out}.json`, values.anew);
  const wanted = wantedCases(values.only);
  for (const one of wanted) {
    if (report.rows.some((row) => row.name === one.name)) continue;
    process.stderr.write(`${one.name}\n`);
    try {
      report.rows.push(await measureRow(one, options));
    } catch (error) {
      process.stderr.write(`${one.name}: ${error instanceof Error ? error.message : String(error)}\n`);
      process.exitCode = 1;
      continue;
    }
    saveReport(report, out);
  }
  if (values.only === undefined && options.twin && report.extraction.length === 0) {
    report.extraction = await measureExtraction(options.core);
  }
  if (values.only === undefined && !values["no-scaling"] && (report.scaling ?? []).length === 0) {
    process.stderr.write("two PMDs\n");
    if (availableParallelism() > 1)
      report.scaling = await measureScaling(options.core === 0 ? 1 : 0, options);
  }
  saveReport(report, out);
  if (values.readme) updateReadme(report, out);
  const shown = report.rows.filter((row) => wanted.some((one) => one.name === row.name));
  process.stdout.write(`${plainTable(standardTable(shown)).join("\n")}\n\n`);
  if ((report.scaling ?? []).length > 0) {
    process.stdout.write(`${plainTable(scalingTable(report.scaling!)).join("\n")}\n\n`);
  }
  process.stdout.write(`${out}.md\n`);
}

function saveReport(report: StandardReport, out: string): void {
  const order = standardCases.map((one) => one.name);
  report.rows.sort((x, y) => order.indexOf(x.name) - order.indexOf(y.name));
  writeFileSync(`${out}.json`, `${JSON.stringify(report)}\n`);
  writeStandardReport(report, out);
}

async function measureRow(one: StandardCase, options: Options): Promise<StandardRow> {
  const spec = completeSpec(presets[one.workload] ?? {});
  const folder = mkdtempSync(join(tmpdir(), "megaflow-standard-"));
  const remove = () => rmSync(folder, { recursive: true, force: true });
  process.once("exit", remove);
  try {
    const files = writeWorkload(spec, folder, "trace");
    const input = { ...files, ports: PORTS };
    const row = await measureSides(one, input, options);
    const twin = options.twin && one.twin ? await measureTwin(one, spec, options) : null;
    return { ...row, twin };
  } finally {
    process.off("exit", remove);
    remove();
  }
}

/** Ours before each of theirs; twice where there is none of theirs. */
async function measureSides(
  one: StandardCase,
  input: PeerInput,
  options: Options,
): Promise<Omit<StandardRow, "twin">> {
  const ours: BenchResult[] = [];
  const otherNode: BenchResult[] = [];
  const measureOne = async (): Promise<void> => {
    ours.push(await measureOurs(one, options));
    if (options.node !== undefined && otherNode.length < OTHER_NODE_RUNS) {
      otherNode.push(await measureOurs(one, options, options.node));
    }
  };
  const peers: PeerResult[] = [];
  const native: PeerResult[] = [];
  const configurations = options.peers
    ? ovsConfigurations.filter((each) => one.peers.includes(each.name))
    : [];
  const { OVS_VSWITCHD: binary } = process.env;
  for (const configuration of configurations) {
    await measureOne();
    await attempt(one, peers, () => measurePeer(input, configuration, options));
    if (binary !== undefined) {
      await attempt(one, native, () => measurePeer(input, configuration, { ...options, binary }));
    }
  }
  while (ours.length < 2) await measureOne();
  return { name: one.name, ours, otherNode, peers, native, sourcePps: await measureSource(input, options) };
}

/** A configuration that cannot be measured leaves its place in the table empty. */
async function attempt(
  one: StandardCase,
  results: PeerResult[],
  measure: () => Promise<PeerResult>,
): Promise<void> {
  try {
    results.push(await measure());
  } catch (error) {
    process.stderr.write(`${one.name}: ${error instanceof Error ? error.message : String(error)}\n`);
  }
}

async function measureSource(input: PeerInput, options: Options): Promise<number | null> {
  if (!options.peers || testpmdMissing() !== undefined) return null;
  using _pages = HugePages.reserve(pagesNeeded(input.packets));
  return median(await testpmdRates(input.pcap, input.packets, options.core, 3));
}

function measureTwin(one: StandardCase, spec: WorkloadSpec, options: Options): Promise<TwinComparison> {
  const settings = resolveSettings(findProfile(one.profile), parseAssignments(one.settings));
  const { core, windows } = options;
  return compareTwin(one.name, spec, { core, windows, seconds: TWIN_SECONDS, rounds: 2, settings });
}

/** The cases of these names, or all. Throws naming those that there are. */
function wantedCases(names: readonly string[] | undefined): readonly StandardCase[] {
  const unknown = names?.find((name) => standardCases.every((one) => one.name !== name));
  if (unknown !== undefined) {
    const all = standardCases.map((one) => `"${one.name}"`).join(", ");
    throw new UsageMistake(`--only "${unknown}": there is no such case; there are ${all}`);
  }
  return standardCases.filter((one) => names?.includes(one.name) ?? true);
}

/** What an earlier run has measured, which is not measured again. */
function loadReport(path: string, anew: boolean): StandardReport {
  if (anew || !existsSync(path)) return { rows: [], extraction: [] };
  const report = JSON.parse(readFileSync(path, "utf8")) as StandardReport;
  const since = report.rows[0]?.ours[0]?.environment.date ?? "?";
  process.stderr.write(
    `${path} has ${report.rows.length} rows already, the first of ${since}: they are kept; --anew measures all again\n`,
  );
  return report;
}

function noted(what: string, missing: string | undefined): boolean {
  if (missing !== undefined) process.stderr.write(`${what}: ${missing}\n`);
  return missing === undefined;
}

exitOnSignals();
await runCommand(import.meta.filename, main);
