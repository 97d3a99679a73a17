// One command for the standard table: every workload on our side, on Open vSwitch with DPDK in each of its
// configurations, and in C, in turns on the same core.
//
//   npm run bench:standard -- [--only NAME ...] [--core 1] [--windows 3] [--seconds 5] [--warmup 5]
//                             [--no-peers] [--no-twin] [--out bench/results/NAME] [--readme]
//
// Prints the table. Writes NAME.json after every row, so that a run that is cut off goes on where it was, and NAME.md and
// NAME.svg from what is in it; --readme puts table and picture into the README. OVS_VSWITCHD names a vswitchd built for this machine, for a further column.
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { plainTable } from "../../src/bench/report/table.ts";
import { median } from "../../src/bench/statistics.ts";
import { writeWorkload } from "../../src/bench/workload/generate.ts";
import { presets } from "../../src/bench/workload/presets.ts";
import { completeSpec, type WorkloadSpec } from "../../src/bench/workload/spec.ts";
import { findProfile, parseAssignments, resolveSettings } from "../../src/config/profiles.ts";
import { projectFile } from "../../src/project.ts";
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
import { measureOurs } from "./ours.ts";
import { type StandardReport, updateReadme, writeStandardReport } from "./report.ts";
import { type StandardRow, standardTable } from "./row.ts";

interface Options {
  readonly core: number;
  readonly windows: number;
  readonly seconds: number;
  readonly warmup: number;
  readonly peers: boolean;
  readonly twin: boolean;
}

/** Highest port that the rules of a workload send to. */
const PORTS = 3;
const TWIN_SECONDS = 0.5;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      only: { type: "string", multiple: true },
      core: { type: "string", default: "1" },
      windows: { type: "string", default: "3" },
      seconds: { type: "string", default: "5" },
      warmup: { type: "string", default: "5" },
      "no-peers": { type: "boolean", default: false },
      "no-twin": { type: "boolean", default: false },
      out: { type: "string" },
      readme: { type: "boolean", default: false },
    },
  });
  const options: Options = {
    core: Number(values.core),
    windows: Number(values.windows),
    seconds: Number(values.seconds),
    warmup: Number(values.warmup),
    peers: !values["no-peers"] && noted("no Open vSwitch", ovsDpdkMissing()),
    twin: !values["no-twin"] && noted("no C twin", twinMissing()),
  };
  const out = values.out ?? projectFile("build/bench/standard");
  mkdirSync(dirname(out), { recursive: true });
  const report = loadReport(`${out}.json`);
  const wanted = standardCases.filter((one) => values.only?.includes(one.name) ?? true);
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
  saveReport(report, out);
  if (values.readme) updateReadme(report, out);
  const shown = report.rows.filter((row) => wanted.some((one) => one.name === row.name));
  process.stdout.write(`${plainTable(standardTable(shown)).join("\n")}\n\n${out}.md\n`);
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
  const ours = [];
  const peers: PeerResult[] = [];
  const native: PeerResult[] = [];
  const configurations = options.peers
    ? ovsConfigurations.filter((each) => one.peers.includes(each.name))
    : [];
  const { OVS_VSWITCHD: binary } = process.env;
  for (const configuration of configurations) {
    ours.push(await measureOurs(one, options));
    await attempt(one, peers, () => measurePeer(input, configuration, options));
    if (binary !== undefined) {
      await attempt(one, native, () => measurePeer(input, configuration, { ...options, binary }));
    }
  }
  while (ours.length < 2) ours.push(await measureOurs(one, options));
  return { name: one.name, ours, peers, native, sourcePps: await measureSource(input, options) };
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

function loadReport(path: string): StandardReport {
  if (!existsSync(path)) return { rows: [], extraction: [] };
  return JSON.parse(readFileSync(path, "utf8")) as StandardReport;
}

function noted(what: string, missing: string | undefined): boolean {
  if (missing !== undefined) process.stderr.write(`${what}: ${missing}\n`);
  return missing === undefined;
}

exitOnSignals();
await main();
