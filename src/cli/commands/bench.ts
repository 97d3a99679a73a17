// `megaflow bench`: how fast the datapath forwards a trace that is sent round and round from memory.

import { readFileSync, writeFileSync } from "node:fs";
import { basename, extname } from "node:path";
import { PROFILE_INTERVAL } from "../../../assembly/layout/profile.ts";
import { type MeasureOptions, measure } from "../../bench/measure.ts";
import { FrameStore } from "../../bench/pipeline/frame-store.ts";
import { formatReport, type ReportExtras, type ReportFormat } from "../../bench/report/format.ts";
import { verdictLine } from "../../bench/report/views.ts";
import { type BenchResult, parseResults } from "../../bench/result.ts";
import { DEFAULT_THRESHOLD } from "../../bench/statistics.ts";
import { parseSweep, sweepPicture } from "../../bench/sweep.ts";
import { compareResults } from "../../bench/verdict.ts";
import { workloadRules } from "../../bench/workload/generate.ts";
import { ownInPort, ownPortRules, WORKLOAD_PORTS } from "../../bench/workload/own-ports.ts";
import { presets } from "../../bench/workload/presets.ts";
import { completeSpec } from "../../bench/workload/spec.ts";
import { UsageError } from "../../errors.ts";
import { closestWord } from "../closest-word.ts";
import {
  readRules,
  readSeed,
  readSettings,
  ruleOptions,
  seedOption,
  settingOptions,
} from "../common-options.ts";
import { defaultCore, packageVersion } from "../environment.ts";
import { EXIT_FAILED } from "../exit.ts";
import type { Arguments, CommandSpec } from "../options.ts";
import { PORTS_DEFAULT, PORTS_MAX } from "../ports.ts";
import { ProgressBar } from "../progress-bar.ts";

const CPU_MAX = 1023;
const SECONDS_MAX = 86_400;
const WINDOWS_DEFAULT = 10;
const WINDOWS_MAX = 10_000;
const AGAIN_DEFAULT = 0;
const RUNS_DEFAULT = 6;
const RUNS_MAX = 1000;
/** Of a comparison that stays undecided. */
const COMPARED_RUNS_MAX = 18;
const SECONDS_DEFAULT = 1.5;
const WARMUP_DEFAULT = 1;
const reportTypes: Readonly<Record<string, ReportFormat>> = {
  ".json": "json",
  ".csv": "csv",
  ".md": "md",
  ".html": "html",
  ".txt": "text",
};

export const spec: CommandSpec = {
  name: "bench",
  summary: "Measure how fast a core forwards a capture or a generated workload.",
  usage: ["--pcap FILE --flows FILE [OPTIONS]", "--workload NAME [OPTIONS]", "gen [OPTIONS]"],
  details: [
    "The capture is held in memory and sent round and round into one port; each packet is copied into a fresh " +
      "frame, as a network card would. The other ports count what they are sent and recycle the frame. " +
      "Warm-up lasts until one whole pass of the capture made no upcall, and at least --warmup seconds.",
    "The rate is the median over windows by wall clock. Stages are timed on one batch in " +
      `${PROFILE_INTERVAL}, and that costs what it costs: it is never off. docs/benchmarking.md says how to read it all.`,
    "megaflow bench gen writes the workloads as files; megaflow bench gen --help says which there are.",
  ],
  options: [
    { name: "pcap", value: "FILE", meaning: "The capture." },
    {
      name: "workload",
      value: "NAME",
      meaning: "A named workload with its rules, instead of --pcap and --flows.",
    },
    ...ruleOptions,
    { name: "in-port", value: "PORT", meaning: "Port that the packets come in.", default: "1" },
    { name: "ports", value: "N", meaning: "Ports 1 to N exist.", default: String(PORTS_DEFAULT) },
    {
      name: "core",
      value: "CPU",
      meaning: "CPU that the PMD is pinned to.",
      default: "1, or 0 where there is one",
    },
    {
      name: "cores",
      value: "CPU,CPU",
      meaning:
        "Measure with one PMD, then two, and so on, on these CPUs; each is sent the whole trace, with --workload into ports of its own.",
    },
    {
      name: "seconds",
      value: "S",
      meaning: "Seconds to measure, over all windows of a run.",
      default: String(SECONDS_DEFAULT),
    },
    { name: "windows", value: "N", meaning: "Windows of a run.", default: String(WINDOWS_DEFAULT) },
    {
      name: "again",
      value: "N",
      meaning:
        "Windows of a run that may be measured again because another process had over 3 % of a core in them.",
      default: String(AGAIN_DEFAULT),
    },
    {
      name: "runs",
      value: "N",
      meaning:
        "Fresh switches, one after the other: each has luck of its own, and --compare has to know how much. " +
        `An undecided comparison goes on up to ${COMPARED_RUNS_MAX}, unless the number is given.`,
      default: String(RUNS_DEFAULT),
    },
    {
      name: "warmup",
      value: "S",
      meaning: "Seconds to warm up, at least.",
      default: String(WARMUP_DEFAULT),
    },
    ...settingOptions,
    {
      name: "sweep",
      value: "KEY=VALUE,VALUE",
      meaning: "Measure with each value of a setting.",
    },
    { name: "fifo", meaning: "Use frames first in, first out, as a network card's descriptor ring does." },
    { ...seedOption, default: "0" },
    {
      name: "compare",
      value: "FILE",
      meaning:
        "Say whether it differs from an earlier result (--json), given the noise of both. Slower is exit status 1.",
    },
    {
      name: "threshold",
      value: "PERCENT",
      meaning: "Differences up to this are none.",
      default: String(DEFAULT_THRESHOLD * 100),
    },
    {
      name: "report",
      value: "FILE",
      multiple: true,
      meaning: "Write a report too: .json, .csv, .md, .html (with pictures) or .txt.",
    },
    { name: "json", meaning: "Print one JSON object, or a list of them (docs/json.md)." },
  ],
  examples: [
    [
      "megaflow bench --pcap examples/captures/lab.pcap --flows examples/three-tables.flows",
      "The demonstration's traffic, as fast as one core goes.",
    ],
    [
      "megaflow bench --pcap in.pcap --flows rules.flows --profile kernel --seconds 10 --json",
      "The same rules with the kernel datapath's caches, for a script.",
    ],
    [
      "megaflow bench --workload f100k-m64 --sweep microflow.entries=0,16k,256k --report sweep.html",
      "What the microflow cache's size does for 100,000 flows under 64 masks.",
    ],
    ["megaflow bench --workload f1k-m16 --compare before.json", "Whether a change made any difference."],
  ],
};

/** Runs the command. */
export async function run(args: Arguments): Promise<void> {
  const plan = await readPlan(args);
  const before = args.text("compare");
  const earlier = before === undefined ? [] : parseResults(readFileSync(before, "utf8"), before);
  checkNames(before, plan, earlier);
  const reports = args.list("report").map((file) => ({ file, format: reportFormat(file) }));
  const bar = new ProgressBar();
  const results: BenchResult[] = [];
  try {
    for (const [i, step] of plan.steps.entries()) {
      const progress = (share: number, what: string) =>
        bar.show((i + share) / plan.steps.length, `${step.name}: ${what}`);
      results.push(await measure({ ...step, ...moreRuns(args, step, earlier), progress }));
    }
  } finally {
    bar.clear();
  }
  const extras = { pictures: plan.pictures(results), notes: notes(args, results, earlier) };
  for (const { file, format } of reports) writeFileSync(file, formatReport(format, results, extras));
  process.stdout.write(formatReport(args.flag("json") ? "json" : "text", results, extras));
  if (args.flag("json")) for (const note of extras.notes) process.stderr.write(`megaflow: ${note}\n`);
}

interface Plan {
  readonly steps: readonly Omit<MeasureOptions, "progress">[];
  readonly pictures: (results: readonly BenchResult[]) => string[];
}

/** A comparison of which nothing would come is refused before anything is measured. */
function checkNames(file: string | undefined, { steps }: Plan, earlier: readonly BenchResult[]): void {
  if (file === undefined || steps.some(({ name }) => earlier.some((one) => one.name === name))) return;
  const names = (some: readonly { name: string }[]) => some.map(({ name }) => `"${name}"`).join(", ");
  throw new UsageError(`--compare ${file}: expected a result named ${names(steps)}, got ${names(earlier)}`);
}

/** What to measure, one step a result. */
async function readPlan(args: Arguments): Promise<Plan> {
  const cores = args.text("cores");
  const sweepText = args.text("sweep");
  if (cores !== undefined && sweepText !== undefined)
    throw new UsageError("--cores and --sweep exclude each other");
  const cpus = cores?.split(",").map((text) => readCpu(text)) ?? [];
  const base = await readStep(args, Math.max(1, cpus.length));
  if (cores !== undefined) {
    const steps = cpus.map((_, i) => {
      const name = `${base.name}, ${i + 1} PMD${i === 0 ? "" : "s"}`;
      const { inPorts } = base.subject;
      const subject = { ...base.subject, cores: cpus.slice(0, i + 1), inPorts: inPorts.slice(0, i + 1) };
      return { ...base, name, subject };
    });
    return { steps, pictures: () => [] };
  }
  if (sweepText === undefined) return { steps: [base], pictures: () => [] };
  const sweep = parseSweep(sweepText);
  const steps = sweep.values.map(({ text, value }) => {
    const settings = { ...base.subject.settings, [sweep.key]: value };
    return { ...base, name: `${base.name}, ${sweep.key}=${text}`, subject: { ...base.subject, settings } };
  });
  return { steps, pictures: (results) => [sweepPicture(sweep, results)] };
}

/** What is measured; with several PMDs a workload has ports for each. */
async function readStep(args: Arguments, pmds: number): Promise<Omit<MeasureOptions, "progress">> {
  const ports = args.count("ports", 1, PORTS_MAX, PORTS_DEFAULT);
  const inPort = args.count("in-port", 1, PORTS_MAX, 1);
  if (inPort > ports) throw new UsageError(`--in-port ${inPort}: the ports are 1 to ${ports} (--ports)`);
  const seconds = readSeconds(args, "seconds", SECONDS_DEFAULT, 0.1);
  const windows = args.count("windows", 1, WINDOWS_MAX, WINDOWS_DEFAULT);
  const { profile, settings } = readSettings(args);
  return {
    ...readTraffic(args, { settings, exactMegaflows: profile.exactMegaflows, ports, inPorts: [inPort] }),
    megaflow: packageVersion(),
    profile: profile.name,
    warmup: readSeconds(args, "warmup", WARMUP_DEFAULT, 0),
    windows,
    seconds: seconds / windows,
    again: args.count("again", 0, WINDOWS_MAX, AGAIN_DEFAULT),
    runs: args.count("runs", 1, RUNS_MAX, RUNS_DEFAULT),
  };

  function readTraffic(
    from: Arguments,
    fixed: Pick<MeasureOptions["subject"], "settings" | "exactMegaflows" | "ports" | "inPorts">,
  ): Pick<MeasureOptions, "name" | "subject"> {
    const common = {
      ...fixed,
      seed: readSeed(from, 0n),
      cores: [from.count("core", 0, CPU_MAX, defaultCore())],
      fifoFrames: from.flag("fifo"),
      log: (line: string) => process.stderr.write(`megaflow: ${line}\n`),
    };
    const workload = from.text("workload");
    if (workload === undefined) {
      const trace = from.required("pcap", "FILE");
      return { name: basename(trace, extname(trace)), subject: { ...common, ...readRules(from), trace } };
    }
    if (from.text("pcap") !== undefined) throw new UsageError("--workload and --pcap exclude each other");
    const traffic = completeSpec(findPreset(workload));
    const trace = FrameStore.ofWorkload(traffic);
    if (from.text("flows") !== undefined) {
      return { name: workload, subject: { ...common, ...readRules(from), trace } };
    }
    const text = ownPortRules([...workloadRules(traffic)], pmds).join("\n");
    const subject = { ...common, flows: [{ file: `workload ${workload}`, text }], trace };
    if (pmds === 1) return { name: workload, subject };
    const inPorts = Array.from({ length: pmds }, (_, i) => ownInPort(i));
    const ports = Math.max(fixed.ports, pmds * WORKLOAD_PORTS);
    return { name: workload, subject: { ...subject, inPorts, ports } };
  }
}

function findPreset(name: string) {
  const preset = Object.hasOwn(presets, name) ? presets[name] : undefined;
  if (preset !== undefined) return preset;
  const names = Object.keys(presets);
  const closest = closestWord(name, names);
  throw new UsageError(
    `unknown workload "${name}"; ${closest === undefined ? `there are ${names.join(", ")}` : `did you mean ${closest}?`}`,
  );
}

/** Runs are added while a comparison is undecided, unless their number was given. */
function moreRuns(
  args: Arguments,
  step: Pick<MeasureOptions, "name">,
  earlier: readonly BenchResult[],
): Pick<MeasureOptions, "more"> {
  const before = earlier.find((one) => one.name === step.name);
  if (before === undefined || args.text("runs") !== undefined) return {};
  const threshold = readThreshold(args);
  const wanting = (result: BenchResult) => compareResults(before, result, threshold).verdict === "undecided";
  return { more: { limit: COMPARED_RUNS_MAX, wanting } };
}

/** Verdicts against the earlier results of the same names; a slower one fails the command. */
function notes(
  args: Arguments,
  results: readonly BenchResult[],
  earlier: readonly BenchResult[],
): ReportExtras["notes"] & string[] {
  if (args.text("compare") === undefined) return [];
  const threshold = readThreshold(args);
  return results.map((result) => {
    const before = earlier.find((one) => one.name === result.name);
    if (before === undefined) return `${result.name}: not in ${args.text("compare")}`;
    const verdict = compareResults(before, result, threshold);
    if (verdict.verdict === "slower") process.exitCode = EXIT_FAILED;
    const bytes = before.hash === result.hash ? "" : "; and it does not send the same bytes";
    return `${verdictLine(result.name, verdict)}${bytes}`;
  });
}

function reportFormat(file: string): ReportFormat {
  const format = reportTypes[extname(file)];
  if (format !== undefined) return format;
  throw new UsageError(`--report ${file}: the name must end in ${Object.keys(reportTypes).join(", ")}`);
}

function readCpu(text: string): number {
  const cpu = /^\d{1,4}$/.test(text) ? Number(text) : Number.NaN;
  if (cpu <= CPU_MAX) return cpu;
  throw new UsageError(`--cores takes CPU numbers such as 1,2, got "${text}"`);
}

function readThreshold(args: Arguments): number {
  const text = args.text("threshold");
  if (text === undefined) return DEFAULT_THRESHOLD;
  const percent = Number(text);
  if (percent >= 0 && percent < 100) return percent / 100;
  throw new UsageError(`--threshold takes a percentage, 0 to 100, got "${text}"`);
}

function readSeconds(args: Arguments, name: string, fallback: number, least: number): number {
  const text = args.text(name);
  if (text === undefined) return fallback;
  const seconds = /^[0-9]+(\.[0-9]+)?$/.test(text) ? Number(text) : Number.NaN;
  if (!(seconds >= least && seconds <= SECONDS_MAX)) {
    throw new UsageError(`--${name} takes seconds, ${least} to ${SECONDS_MAX}, got "${text}"`);
  }
  return seconds;
}
