// Rule changes while a PMD has as many megaflows as it may: how soon what a change touches is gone, how long it
// takes to look at every megaflow again, how long the controller is away at a time, and what the PMD notices.
//
//   npx tsx bench/storm/rule-change.ts [--megaflows 200000] [--pmd-core 1] [--controller-core 0] [--json]

import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { readEnvironment } from "../../src/bench/environment.ts";
import { FrameStore } from "../../src/bench/pipeline/frame-store.ts";
import { workloadRules } from "../../src/bench/workload/generate.ts";
import { completeSpec, type WorkloadSpec } from "../../src/bench/workload/spec.ts";
import { defaultSettings } from "../../src/config/settings.ts";
import { loadNative } from "../../src/native.ts";
import { placeTrace } from "../../src/netdev/trace.ts";
import type { OfPort } from "../../src/openflow/port.ts";
import { ThreadedSwitch } from "../../src/threaded-switch.ts";

/** Where and how much. */
export interface RuleChangeOptions {
  readonly megaflows: number;
  /** CPU of the PMD and CPU of the controller. */
  readonly pmdCore: number;
  readonly controllerCore: number;
  /** Seconds over which the rate of established traffic is taken. */
  readonly seconds: number;
  readonly log: (line: string) => void;
}

/** What one change took; times in milliseconds. */
export interface ChangeTimes {
  readonly what: string;
  /** Megaflows translated again, and of these changed or removed. */
  readonly retranslated: number;
  readonly changed: number;
  /** The call itself: reading and applying the rules. */
  readonly applyMs: number;
  /** From the call to the last PMD's word that nothing goes by the old rules. */
  readonly settledMs: number;
  /** Of that, what the controller's thread worked, and what it waited for its core because others had it. */
  readonly workMs: number;
  readonly waitedMs: number;
  /** Share of its rate that established traffic on another port kept meanwhile; NaN where it was too short to tell. */
  readonly keptShare: number;
}

/** All of it. */
export interface RuleChangeFigures {
  readonly megaflows: number;
  readonly beforeMpps: number;
  readonly changes: readonly ChangeTimes[];
  /** 99 % of the slices of revalidation, the longest one, and the longest sweep over all statistics, in milliseconds. */
  readonly usualSliceMs: number;
  readonly longestSliceMs: number;
  readonly longestSweepMs: number;
}

const FILL_PORT = 1 as OfPort;
const QUIET_PORT = 2 as OfPort;
const FILL_LIMIT_MS = 120_000;
/** Upcalls that the filling has waiting at once. */
const WINDOW = 1024;
/** A rate over less says nothing. */
const RATE_MIN_MS = 20;

/** Fills a switch with megaflows and changes its rules. */
export async function measureRuleChange(options: RuleChangeOptions): Promise<RuleChangeFigures> {
  loadNative().addon?.setAffinity(options.controllerCore);
  const owner = new ThreadedSwitch({
    settings: { ...defaultSettings, flowLimit: 1 << 20, maxIdleMs: 3_600_000 },
    seed: 1n,
    cores: [options.pmdCore],
    log: options.log,
  });
  try {
    for (const number of [1, 2, 3, 4]) {
      owner.addPort({ number: number as OfPort, name: `p${number}`, transmit: "null" });
    }
    await fill(owner, options);
    return await measure(owner, options);
  } finally {
    await owner.close();
  }
}

/** One megaflow for each of so many connections, and established traffic beside them. */
async function fill(owner: ThreadedSwitch, { megaflows, log }: RuleChangeOptions): Promise<void> {
  const storm = completeSpec({ scheme: "exact", flows: megaflows, packets: megaflows });
  const quiet = completeSpec({ flows: 1000, masks: 16 });
  const moved = [...workloadRules(quiet)].map((rule) => rule.replaceAll("in_port=1,", "in_port=2,"));
  owner.addFlows([...workloadRules(storm), ...moved].join("\n"));
  const trace = place(owner, storm);
  const { counters } = owner.pmds[0]!.handler;
  const start = performance.now();
  owner.addTrace(FILL_PORT, trace, { rounds: 1, window: WINDOW });
  while (counters.installed + counters.notInstalled < megaflows) {
    if (performance.now() - start > FILL_LIMIT_MS) throw new Error(`no ${megaflows} megaflows in time`);
    await sleep(20);
  }
  await owner.drain();
  log(`${owner.pmds[0]!.handler.liveCount} megaflows after ${Math.round(performance.now() - start)} ms`);
  owner.addTrace(QUIET_PORT, place(owner, quiet));
  while (owner.traceRounds() < 3) await sleep(10);
}

function place(owner: ThreadedSwitch, spec: WorkloadSpec) {
  return { ...placeTrace(owner.memory, FrameStore.ofWorkload(spec).packets()), leftOut: 0 };
}

async function measure(owner: ThreadedSwitch, options: RuleChangeOptions): Promise<RuleChangeFigures> {
  const { megaflows } = owner.revalidatorStats();
  const before = await rate(owner, () => sleep(options.seconds * 1000));
  const changes: ChangeTimes[] = [];
  const one = async (what: string, change: () => void) => {
    changes.push(await changeOnce(owner, what, before.perMs, change));
    await sleep(100);
  };
  const sixteenth = "table=0,priority=60000,in_port=1,ip,nw_proto=17,tp_src=0/0xf";
  const wide = "table=0,priority=60001,in_port=1,ip";
  await one("a rule over a sixteenth of the megaflows", () => owner.addFlows(`${sixteenth} actions=drop`));
  await one("that rule deleted", () => owner.delFlows(sixteenth, undefined, true));
  await one("a rule that no megaflow meets", () => owner.addFlows("table=0,arp,in_port=1 actions=4"));
  await one("a rule over all of them", () => owner.addFlows(`${wide} actions=4`));
  await one("that rule deleted", () => owner.delFlows(wide, undefined, true));
  await one("every megaflow translated again", () => owner.revalidate());
  const { sliceUs, dumpUs } = owner.revalidatorStats();
  return {
    megaflows,
    beforeMpps: before.perMs / 1000,
    changes,
    usualSliceMs: sliceUs.p99 / 1000,
    longestSliceMs: sliceUs.max / 1000,
    longestSweepMs: dumpUs.max / 1000,
  };
}

async function changeOnce(
  owner: ThreadedSwitch,
  what: string,
  usualPerMs: number,
  change: () => void,
): Promise<ChangeTimes> {
  const before = owner.revalidatorStats();
  const scheduled = schedule();
  const start = performance.now();
  change();
  const applyMs = performance.now() - start;
  const { perMs, ms } = await rate(owner, () => owner.settled());
  const settledMs = performance.now() - start;
  const [workMs, waitedMs] = schedule().map((value, i) => value - scheduled[i]!) as [number, number];
  const after = owner.revalidatorStats();
  return {
    what,
    retranslated: after.retranslated - before.retranslated,
    changed: after.changed + after.removed.changed - before.changed - before.removed.changed,
    applyMs,
    settledMs,
    workMs,
    waitedMs,
    keptShare: ms < RATE_MIN_MS ? Number.NaN : perMs / usualPerMs,
  };
}

/** Milliseconds that this thread has worked, and that it was kept from working. */
function schedule(): [work: number, waited: number] {
  const [work, waited] = readFileSync(`/proc/self/task/${process.pid}/schedstat`, "utf8").split(" ");
  return [Number(work) / 1e6, Number(waited) / 1e6];
}

/** Packets a millisecond of established traffic while something goes on. */
async function rate(
  owner: ThreadedSwitch,
  what: () => Promise<unknown>,
): Promise<{ perMs: number; ms: number }> {
  const packets = owner.portCounters(QUIET_PORT).rxPackets;
  const start = performance.now();
  await what();
  const ms = performance.now() - start;
  return { perMs: (owner.portCounters(QUIET_PORT).rxPackets - packets) / ms, ms };
}

/** Prints the figures as lines. */
export function ruleChangeLines(figures: RuleChangeFigures): string[] {
  const lines = figures.changes.map((change) => {
    const { what, retranslated, changed, applyMs, settledMs, workMs, waitedMs, keptShare } = change;
    const kept = Number.isNaN(keptShare) ? "" : `, forwarding kept ${(keptShare * 100).toFixed(0)} %`;
    return `${what}: ${retranslated} translated again, ${changed} changed; applied in ${applyMs.toFixed(1)} ms, in force after ${settledMs.toFixed(1)} ms (worked ${workMs.toFixed(0)}, waited for the core ${waitedMs.toFixed(0)})${kept}`;
  });
  return [
    `${figures.megaflows} megaflows, established traffic at ${figures.beforeMpps.toFixed(2)} Mpps`,
    ...lines,
    `99 % of the slices under ${figures.usualSliceMs.toFixed(1)} ms, the longest ${figures.longestSliceMs.toFixed(1)} ms; statistics of all read in ${figures.longestSweepMs.toFixed(1)} ms of work`,
  ];
}

if (import.meta.url === pathToFileURL(process.argv[1] as string).href) {
  const { values } = parseArgs({
    options: {
      megaflows: { type: "string", default: "200000" },
      "pmd-core": { type: "string", default: "1" },
      "controller-core": { type: "string", default: "0" },
      json: { type: "boolean", default: false },
    },
  });
  const figures = await measureRuleChange({
    megaflows: Number(values.megaflows),
    pmdCore: Number(values["pmd-core"]),
    controllerCore: Number(values["controller-core"]),
    seconds: 1,
    log: (line) => process.stderr.write(`${line}\n`),
  });
  if (values.json) console.log(JSON.stringify({ ...figures, environment: readEnvironment() }));
  else for (const line of ruleChangeLines(figures)) console.log(line);
}
