// `megaflow tune`: how large the flow caches should be for some traffic, why, and the proof.

import { writeFileSync } from "node:fs";
import { basename } from "node:path";
import type { Profile } from "../../config/profiles.ts";
import type { Settings } from "../../config/settings.ts";
import { UsageError } from "../../errors.ts";
import { adviceLines, type SizeRow, shownRows, sizeRow, sizeTable, studyLines } from "../../tune/format.ts";
import { Lab } from "../../tune/lab.ts";
import { measureSizes } from "../../tune/measure-sizes.ts";
import { placeCapture } from "../../tune/place-trace.ts";
import { tuneReportHtml } from "../../tune/report-html.ts";
import { type Study, study } from "../../tune/study.ts";
import { studyJson, studyReport } from "../../tune/study-report.ts";
import { verify } from "../../tune/verify.ts";
import {
  readRules,
  readSeed,
  readSettings,
  ruleOptions,
  seedOption,
  settingOptions,
} from "../common-options.ts";
import { defaultCore } from "../environment.ts";
import type { Arguments, CommandSpec } from "../options.ts";
import { PORTS_DEFAULT, PORTS_MAX } from "../ports.ts";
import { ProgressBar } from "../progress-bar.ts";
import { tuneAttached } from "../tune-attached.ts";

const CPU_MAX = 1023;
const VERIFY_MS = 3000;
const BUDGET_MS = 15_000;

export const spec: CommandSpec = {
  name: "tune",
  summary: "Say how large the flow caches should be for a capture or a running switch, and prove it.",
  usage: ["--pcap FILE --flows FILE [OPTIONS]", "--attach SOCKET [OPTIONS]"],
  details: [
    "The capture goes through the rules once to learn the megaflows, and once more to record its lookups. From " +
      "that recording both caches are simulated at every size, and a calibration of under a second tells what " +
      "each part of a lookup costs on this machine. The table shows the sizes of one cache beside the recommended " +
      "size of the other: > is recommended, * is the present size.",
    "Like megaflow bench, the figures are for a capture that is sent round and round by one core. The reason says " +
      "which part of the misses are first packets of their connection, which no size can help.",
    "--verify runs a switch with the present and the recommended sizes, and with others of the tables while there is " +
      "time, and prints predicted beside measured: the rate, and the share of lookups that either cache answers; " +
      "--sweep measures every size. docs/sizing.md is a guided experiment.",
  ],
  options: [
    { name: "pcap", value: "FILE", meaning: "The capture." },
    ...ruleOptions,
    {
      name: "attach",
      value: "SOCKET",
      meaning: "Profile the switch behind this control socket instead of a capture.",
    },
    {
      name: "for",
      value: "TIME",
      meaning: "With --attach: how long to watch the traffic.",
      default: "10s",
    },
    { name: "in-port", value: "PORT", meaning: "Port that the packets come in.", default: "1" },
    { name: "ports", value: "N", meaning: "Ports 1 to N exist.", default: String(PORTS_DEFAULT) },
    { name: "core", value: "CPU", meaning: "CPU that measures.", default: "1, or 0 where there is one" },
    ...settingOptions,
    { name: "verify", meaning: "Run it with both sizes (or apply it, with --attach) and compare." },
    { name: "seconds", value: "TIME", meaning: "With --verify: time to measure each.", default: "3s" },
    {
      name: "budget",
      value: "TIME",
      meaning:
        "With --verify: time for all sizes together; the present and the recommended ones are measured in any case.",
      default: "15s",
    },
    { name: "sweep", meaning: "Measure every size instead of trusting the prediction." },
    { name: "report", value: "FILE.html", meaning: "Write curves and table as one HTML file." },
    { ...seedOption, default: "0" },
    { name: "json", meaning: "Print one JSON object (docs/json.md)." },
  ],
  examples: [
    [
      "megaflow tune --pcap examples/captures/lab.pcap --flows examples/three-tables.flows",
      "What the demonstration's traffic wants.",
    ],
    [
      "megaflow tune --pcap in.pcap --flows rules.flows --verify --report tune.html",
      "Prove the recommendation, and draw the miss-ratio curves.",
    ],
    [
      "megaflow tune --attach br0 --for 30s",
      "Watch the running switch br0 and say what its caches should be.",
    ],
    ["megaflow tune --attach br0 --verify", "Apply the recommendation to it, and measure what came of it."],
  ],
};

/** Runs the command. */
export async function run(args: Arguments): Promise<void> {
  const attach = args.text("attach");
  if (attach === undefined) return tuneCapture(args);
  for (const name of ["pcap", "flows", "sweep"])
    if (args.flag(name) || args.text(name) !== undefined)
      throw new UsageError(`--attach and --${name} exclude each other`);
  return tuneAttached(attach, {
    watchMs: args.durationMs("for", 10_000),
    verifyMs: args.flag("verify") ? args.durationMs("seconds", VERIFY_MS) : undefined,
    report: reportFile(args),
    json: args.flag("json"),
    core: args.count("core", 0, CPU_MAX, defaultCore()),
  });
}

interface Plan {
  readonly pcap: string;
  readonly profile: Profile;
  readonly settings: Settings;
  readonly rules: ReturnType<typeof readRules>;
  readonly ports: number;
  readonly inPort: number;
  readonly seed: bigint;
  readonly core: number;
}

async function tuneCapture(args: Arguments): Promise<void> {
  const plan = readPlan(args);
  const report = reportFile(args);
  const bar = new ProgressBar();
  let found: Study;
  let rows: SizeRow[];
  const lab = await openLab(plan);
  try {
    const share = args.flag("sweep") ? 0.2 : args.flag("verify") ? 0.4 : 1;
    found = await study(lab, plan.settings, plan.profile.name, undefined, (done, what) =>
      bar.show(done * share, what),
    );
    rows = rowsOf(found);
    if (args.flag("sweep")) {
      for (const [i, { hits }] of found.candidates.entries()) {
        bar.show(share + ((1 - share) * i) / rows.length, "measuring every size");
        const { mpps, hits: counts } = await measureSizes(lab, hits);
        rows[i] = { ...rows[i]!, measuredMpps: mpps, measuredHits: shares(counts) };
      }
    }
  } finally {
    bar.clear();
    await lab.close();
  }
  if (args.flag("verify")) rows = await verified(args, plan, found, rows);
  const title = `Cache sizes for ${basename(plan.pcap)}`;
  if (report !== undefined) writeFileSync(report, tuneReportHtml(studyReport(title, found, rows)));
  print(args, found, rows);
}

function print(args: Arguments, found: Study, rows: readonly SizeRow[]): void {
  if (args.flag("json")) {
    process.stdout.write(`${JSON.stringify(studyJson(found, rows), undefined, 2)}\n`);
    return;
  }
  const { recommended, present } = marksOf(found, rows);
  const shown = shownRows(rows, recommended, present);
  const apply = (changes: string[]): string =>
    `megaflow ctl set ${changes.join(" ")}    (or --set of run, replay and bench)`;
  const lines = [
    ...studyLines(found),
    "",
    "Microflow cache, beside the recommended mask cache:",
    ...sizeTable(shown.microflow, { present, recommended }),
    "",
    "Mask cache, beside the recommended microflow cache:",
    ...sizeTable(shown.maskCache, { present, recommended }),
    "",
    ...adviceLines(found.advice, apply),
  ];
  if (args.flag("sweep")) {
    const best = rows.reduce((one, other) => (other.measuredMpps! > one.measuredMpps! ? other : one));
    const part = recommended.measuredMpps! / best.measuredMpps!;
    lines.push(
      `Measured:    the recommended sizes reach ${(part * 100).toFixed(1)} % of the fastest of ${rows.length} (microflow.entries=${best.microflowEntries} maskCache.entries=${best.maskCacheEntries})`,
    );
  }
  process.stdout.write(`${lines.join("\n")}\n`);
}

/** Rows of all candidates. */
function rowsOf(found: Study): SizeRow[] {
  const facts = {
    caches: found.calibration.caches,
    // Each megaflow is asked for once, the traffic seen once.
    upcalls: found.traffic.learned.megaflows / Math.max(1, found.traffic.packets),
  };
  return found.candidates.map((candidate) => sizeRow(candidate, facts));
}

function marksOf(found: Study, rows: readonly SizeRow[]): { recommended: SizeRow; present: SizeRow } {
  const row = (of: Study["candidates"][number]): SizeRow => rows[found.candidates.indexOf(of)]!;
  return { recommended: row(found.advice.recommended), present: row(found.advice.present) };
}

async function verified(args: Arguments, plan: Plan, found: Study, rows: SizeRow[]): Promise<SizeRow[]> {
  const bar = new ProgressBar();
  const { candidates } = found;
  const which = inOrderOfWorth(found, rows);
  try {
    const results = await verify(
      {
        trace: plan.pcap,
        flows: plan.rules.flows,
        groups: plan.rules.groups,
        settings: plan.settings,
        exactMegaflows: plan.profile.exactMegaflows,
        seed: plan.seed,
        cores: [plan.core],
        ports: plan.ports,
        inPorts: [plan.inPort],
        log: (line) => process.stderr.write(`megaflow: ${line}\n`),
      },
      which.map(({ hits }) => hits.settings),
      {
        least: new Set([found.advice.present, found.advice.recommended]).size,
        eachMs: args.durationMs("seconds", VERIFY_MS),
        budgetMs: args.durationMs("budget", BUDGET_MS),
      },
      (share) => bar.show(0.4 + 0.6 * share, "running it"),
    );
    const measured = rows.slice();
    for (const [i, { mpps, hits }] of results.entries()) {
      const at = candidates.indexOf(which[i]!);
      measured[at] = { ...measured[at]!, measuredMpps: mpps, measuredHits: hits };
    }
    return measured;
  } finally {
    bar.clear();
  }
}

/** What the tables show: the present and the recommended sizes first, then those nearest to the recommended ones. */
function inOrderOfWorth(found: Study, rows: readonly SizeRow[]): Study["candidates"][number][] {
  const { recommended, present } = marksOf(found, rows);
  const octaves = (a: number, b: number): number => Math.abs(Math.log2(a + 1) - Math.log2(b + 1));
  const far = (row: SizeRow): number =>
    octaves(row.microflowEntries, recommended.microflowEntries) +
    octaves(row.maskCacheEntries, recommended.maskCacheEntries);
  const { microflow, maskCache } = shownRows(rows, recommended, present);
  const others = [...microflow, ...maskCache].sort((a, b) => far(a) - far(b));
  return [...new Set([present, recommended, ...others])].map((row) => found.candidates[rows.indexOf(row)]!);
}

function readPlan(args: Arguments): Plan {
  const ports = args.count("ports", 1, PORTS_MAX, PORTS_DEFAULT);
  const inPort = args.count("in-port", 1, PORTS_MAX, 1);
  if (inPort > ports) throw new UsageError(`--in-port ${inPort}: the ports are 1 to ${ports} (--ports)`);
  const { profile, settings } = readSettings(args);
  return {
    pcap: args.required("pcap", "FILE"),
    profile,
    settings,
    rules: readRules(args),
    ports,
    inPort,
    seed: readSeed(args, 0n),
    core: args.count("core", 0, CPU_MAX, defaultCore()),
  };
}

async function openLab(plan: Plan): Promise<Lab> {
  const { settings, seed, ports, inPort, core } = plan;
  const lab = new Lab({ settings, exactMegaflows: plan.profile.exactMegaflows, seed, ports, inPort, core });
  for (const { text, file } of plan.rules.groups) lab.addGroups(text, file);
  for (const { text, file } of plan.rules.meters) lab.addMeters(text, file);
  for (const { text, file } of plan.rules.flows) lab.addFlows(text, file);
  const trace = await placeCapture(lab.memory, plan.pcap);
  if (trace.leftOut > 0)
    process.stderr.write(
      `megaflow: ${plan.pcap}: ${trace.leftOut} packets left out, too short or too long to send\n`,
    );
  lab.setTrace(trace);
  return lab;
}

function shares(counts: {
  readonly lookups: number;
  readonly microflow: number;
  readonly maskCache: number;
  readonly masked: number;
  readonly upcall: number;
}): SizeRow["hits"] {
  const of = (level: number): number => level / Math.max(1, counts.lookups);
  return {
    microflow: of(counts.microflow),
    maskCache: of(counts.maskCache),
    masked: of(counts.masked),
    upcall: of(counts.upcall),
  };
}

function reportFile(args: Arguments): string | undefined {
  const file = args.text("report");
  if (file === undefined || file.endsWith(".html")) return file;
  throw new UsageError(`--report ${file}: the name must end in .html`);
}
