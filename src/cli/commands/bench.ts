// `megaflow bench`: how fast one PMD forwards a capture that is sent round and round from memory.

import { setTimeout as sleep } from "node:timers/promises";
import { LoadWatch } from "../../bench/environment.ts";
import type { PortConfig } from "../../config/run-config.ts";
import { UsageError } from "../../errors.ts";
import {
  readRules,
  readSeed,
  readSettings,
  ruleOptions,
  seedOption,
  settingOptions,
} from "../common-options.ts";
import type { RunEngine, SwitchCounters } from "../engine.ts";
import { defaultCore, environmentOf } from "../environment.ts";
import { benchJson, benchLines } from "../format/bench-report.ts";
import { ratesBetween } from "../format/rate-line.ts";
import type { Arguments, CommandSpec } from "../options.ts";
import { PORTS_DEFAULT, PORTS_MAX } from "../ports.ts";
import { createRunEngine } from "../run-engine.ts";

const CPU_MAX = 1023;
const SECONDS_MAX = 86_400;
/** Traffic that is not settled by then never will be: more flows than the limits hold. */
const WARMUP_LIMIT_MS = 60_000;
/** Time between two looks at a switch that warms up. */
const WARMUP_LOOK_MS = 20;

export const spec: CommandSpec = {
  name: "bench",
  summary: "Measure how fast one core forwards a capture.",
  usage: ["--pcap FILE --flows FILE [OPTIONS]"],
  details: [
    "The capture is held in memory and sent round and round into one port; each packet is copied into a fresh " +
      "frame, as a network card would. The other ports count what they are sent and recycle the frame. " +
      "Warm-up lasts until one whole pass of the capture made no upcall, and at least --warmup seconds.",
  ],
  options: [
    { name: "pcap", value: "FILE", meaning: "The capture. Required." },
    ...ruleOptions,
    { name: "in-port", value: "PORT", meaning: "Port that the packets come in.", default: "1" },
    { name: "ports", value: "N", meaning: "Ports 1 to N exist.", default: String(PORTS_DEFAULT) },
    {
      name: "core",
      value: "CPU",
      meaning: "CPU that the PMD is pinned to.",
      default: "1, or 0 where there is one",
    },
    { name: "seconds", value: "S", meaning: "Seconds to measure.", default: "5" },
    { name: "warmup", value: "S", meaning: "Seconds to warm up, at least.", default: "2" },
    ...settingOptions,
    { ...seedOption, default: "0" },
    { name: "json", meaning: "Print one JSON object (docs/json.md)." },
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
  ],
};

/** Runs the command. */
export async function run(args: Arguments): Promise<void> {
  const capture = args.required("pcap", "FILE");
  const portCount = args.count("ports", 1, PORTS_MAX, PORTS_DEFAULT);
  const inPort = args.count("in-port", 1, PORTS_MAX, 1);
  if (inPort > portCount)
    throw new UsageError(`--in-port ${inPort}: the ports are 1 to ${portCount} (--ports)`);
  const core = args.count("core", 0, CPU_MAX, defaultCore());
  const seconds = readSeconds(args, "seconds", 5, 0.1);
  const warmup = readSeconds(args, "warmup", 2, 0);
  const { profile, settings } = readSettings(args);
  const engine = await createRunEngine({
    bridge: "br0",
    profile,
    settings,
    seed: readSeed(args, 0n),
    ...readRules(args),
    cores: [core],
    ports: benchPorts(portCount, inPort, capture),
    log: note,
  });
  try {
    if (!(await warmUp(engine, warmup * 1000))) {
      note("the traffic does not settle: every pass of the capture makes upcalls (see flowLimit, maskLimit)");
    }
    const hash = await engine.outputHash();
    const load = new LoadWatch();
    const { before, after, elapsed } = await measure(engine, seconds);
    const rates = ratesBetween(before, after, { atSeconds: elapsed, seconds: elapsed }, engine.cyclesPerNs);
    const lost = (after.dropped["upcall lost"] ?? 0) - (before.dropped["upcall lost"] ?? 0);
    const report = { rates, upcallLost: lost, hash };
    const { placement } = engine;
    const cyclesPerNs = engine.cyclesPerNs ?? null;
    const setup = { profile: profile.name, settings, placement, cyclesPerNs };
    const environment = environmentOf(setup, load.others());
    if (args.flag("json")) process.stdout.write(`${benchJson(report, environment)}\n`);
    else process.stdout.write(`${benchLines(report, environment).join("\n")}\n`);
  } finally {
    await engine.close();
  }
}

/** Returns true once the switch is warm, false when it never settles. */
async function warmUp(engine: RunEngine, atLeastMs: number): Promise<boolean> {
  const start = performance.now();
  let misses = -1;
  let quietFromRound = 0;
  for (;;) {
    const now = engine.counters().hits.upcall;
    const rounds = engine.traceRounds();
    if (now !== misses) {
      misses = now;
      // The round that is under way does not count: it was not quiet from its start.
      quietFromRound = rounds + 1;
    }
    const elapsed = performance.now() - start;
    const settled = rounds > quietFromRound;
    if (elapsed >= atLeastMs && (settled || elapsed >= WARMUP_LIMIT_MS)) return settled;
    await sleep(WARMUP_LOOK_MS);
  }
}

async function measure(
  engine: RunEngine,
  seconds: number,
): Promise<{ before: SwitchCounters; after: SwitchCounters; elapsed: number }> {
  const before = engine.counters();
  const start = performance.now();
  await sleep(seconds * 1000);
  const after = engine.counters();
  return { before, after, elapsed: (performance.now() - start) / 1000 };
}

function benchPorts(count: number, inPort: number, capture: string): PortConfig[] {
  return Array.from({ length: count }, (_, i) => {
    const number = i + 1;
    const name = `p${number}`;
    return number === inPort
      ? { number, name, kind: "trace" as const, read: capture }
      : { number, name, kind: "null" as const };
  });
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

function note(line: string): void {
  process.stderr.write(`megaflow: ${line}\n`);
}
