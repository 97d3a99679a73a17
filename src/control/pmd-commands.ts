// dpif-netdev/...: what every PMD does with its time, in the forms of Open vSwitch (lib/dpif-netdev-perf.c).
//
// Its exact-match cache (EMC) is our microflow cache in exact mode, its signature cache (SMC) ours in signature
// mode. A packet that the mask cache answered is a megaflow hit with one subtable lookup.

import type { PmdSnapshot } from "../observe/snapshot.ts";
import { combineCounters, takeSnapshot } from "../observe/snapshot.ts";
import {
  type ControlAnswer,
  type ControlCommand,
  type ControlContext,
  ControlError,
  checkDatapath,
  takeOptions,
} from "./command.ts";
import { findPmd, threadHeader } from "./pmd-choice.ts";
import { type PerfNumbers, perfLines } from "./pmd-perf.ts";

export const pmdCommands: readonly ControlCommand[] = [
  {
    name: "dpif-netdev/pmd-perf-show",
    usage: "[-nh] [-pmd core] [dp]",
    min: 0,
    max: 4,
    run: perfShow,
  },
  { name: "dpif-netdev/pmd-stats-show", usage: "[-pmd core] [dp]", min: 0, max: 3, run: statsShow },
  { name: "dpif-netdev/pmd-stats-clear", usage: "[-pmd core] [dp]", min: 0, max: 3, run: statsClear },
  { name: "dpif-netdev/pmd-rxq-show", usage: "[-pmd core] [-secs secs] [dp]", min: 0, max: 5, run: rxqShow },
  { name: "dpif-netdev/pmd-rxq-rebalance", usage: "[dp]", min: 0, max: 1, run: rxqRebalance },
];

/** Where the numbers of a PMD were cleared last. */
interface Baseline {
  readonly timeMs: number;
  readonly pmd: PmdSnapshot;
}

/** Baselines belong to a switch and live as long as it does. */
const baselines = new WeakMap<object, Map<number, Baseline>>();

function perfShow(context: ControlContext, args: readonly string[]): ControlAnswer {
  const { options, rest } = takeOptions(args, ["-nh"], ["-pmd", "-it", "-ms"]);
  if (options.has("-it") || options.has("-ms"))
    throw new ControlError("histories of iterations are not kept");
  checkDatapath(context, rest[0]);
  const time = new Date().toTimeString().slice(0, 8);
  const ms = String(Date.now() % 1000).padStart(3, "0");
  return chosen(context, options).flatMap((numbers) => [
    "",
    `Time: ${time}.${ms}`,
    `Measurement duration: ${numbers.seconds.toFixed(3)} s`,
    "",
    threadHeader(context, numbers.pmd.index),
    "",
    ...perfLines(numbers),
  ]);
}

function statsShow(context: ControlContext, args: readonly string[]): ControlAnswer {
  const { options, rest } = takeOptions(args, [], ["-pmd"]);
  checkDatapath(context, rest[0]);
  return chosen(context, options).flatMap((numbers) => statsLines(context, numbers));
}

function statsLines(context: ControlContext, { pmd }: PerfNumbers): string[] {
  const exact = pmd.caches.microflow.mode === "exact";
  const { busy, idle } = pmd.time;
  const megaflow = pmd.hits.maskCache + pmd.hits.masked;
  const ratio = (a: number, b: number): string => (b === 0 ? 0 : a / b).toFixed(2);
  const lines = [
    `packets received: ${pmd.rxPackets}`,
    `packet recirculations: ${pmd.recirculated}`,
    `avg. datapath passes per packet: ${ratio(pmd.lookups, pmd.rxPackets)}`,
    "phwol hits: 0",
    "simple match hits: 0",
    `emc hits: ${exact ? pmd.hits.microflow : 0}`,
    `smc hits: ${exact ? 0 : pmd.hits.microflow}`,
    `megaflow hits: ${megaflow}`,
    `avg. subtable lookups per megaflow hit: ${ratio(pmd.masksTried, megaflow)}`,
    `miss with success upcall: ${Math.max(0, pmd.hits.upcall - pmd.upcallsLost)}`,
    `miss with failed upcall: ${pmd.upcallsLost}`,
    `avg. packets per output batch: ${ratio(pmd.txPackets, pmd.batches)}`,
  ];
  if (busy + idle > 0) {
    const total = busy + idle;
    lines.push(
      `idle cycles: ${idle} (${ratio(idle * 100, total)}%)`,
      `processing cycles: ${busy} (${ratio(busy * 100, total)}%)`,
    );
    if (pmd.rxPackets > 0) {
      lines.push(
        `avg cycles per packet: ${ratio(total, pmd.rxPackets)} (${total}/${pmd.rxPackets})`,
        `avg processing cycles per packet: ${ratio(busy, pmd.rxPackets)} (${busy}/${pmd.rxPackets})`,
      );
    }
  }
  return [threadHeader(context, pmd.index), ...lines.map((line) => `  ${line}`)];
}

function statsClear(context: ControlContext, args: readonly string[]): ControlAnswer {
  const { options, rest } = takeOptions(args, [], ["-pmd"]);
  checkDatapath(context, rest[0]);
  const only = options.get("-pmd");
  const index = only === undefined ? undefined : findPmd(context, only);
  const { timeMs, pmds } = takeSnapshot(context.owner);
  const cleared = baselines.get(context.owner) ?? new Map<number, Baseline>();
  baselines.set(context.owner, cleared);
  for (const pmd of pmds)
    if (index === undefined || pmd.index === index) cleared.set(pmd.index, { timeMs, pmd });
  return "";
}

/** The numbers of the PMDs that `-pmd` names, since they were cleared. */
function chosen(context: ControlContext, options: ReadonlyMap<string, string>): PerfNumbers[] {
  const only = options.get("-pmd");
  const index = only === undefined ? undefined : findPmd(context, only);
  const snapshot = takeSnapshot(context.owner);
  const hz = snapshot.cyclesPerNs * 1e9;
  return snapshot.pmds
    .filter((pmd) => index === undefined || pmd.index === index)
    .map((pmd) => {
      const base = baselines.get(context.owner)?.get(pmd.index);
      // One that was started anew has nothing to do with what was cleared.
      const before = base === undefined || base.pmd.polls > pmd.polls ? undefined : base;
      const sinceMs = before === undefined ? snapshot.uptimeMs : snapshot.timeMs - before.timeMs;
      return { pmd: since(before?.pmd, pmd), seconds: sinceMs / 1000, hz };
    });
}

function since(before: PmdSnapshot | undefined, after: PmdSnapshot): PmdSnapshot {
  if (before === undefined) return after;
  const { busy, idle, asleep, sleeps } = before.time;
  return {
    ...after,
    ...combineCounters(before, after, (x, y) => y - x),
    time: {
      busy: after.time.busy - busy,
      idle: after.time.idle - idle,
      asleep: after.time.asleep - asleep,
      sleeps: after.time.sleeps - sleeps,
      longest: after.time.longest,
    },
    stages: after.stages.map(({ stage, cycles }, i) => ({
      stage,
      cycles: cycles - (before.stages[i]?.cycles ?? 0),
    })),
    stagePackets: after.stagePackets - before.stagePackets,
  };
}

/** Seconds that pmd-rxq-show looks back: a multiple of five, a minute at most. */
function readSeconds(text: string | undefined): number {
  const seconds = Number(text ?? 60);
  if (!(seconds >= 5 && seconds <= 60)) throw new ControlError(`-secs takes 5 to 60, got "${text}"`);
  return Math.ceil(seconds / 5) * 5;
}

async function rxqRebalance(context: ControlContext, args: readonly string[]): Promise<ControlAnswer> {
  checkDatapath(context, args[0]);
  const moved = await context.owner.rebalanceRxqs();
  return `pmd rxq rebalance done: ${moved} ${moved === 1 ? "queue" : "queues"} moved.`;
}

function rxqShow(context: ControlContext, args: readonly string[]): ControlAnswer {
  const { options, rest } = takeOptions(args, [], ["-pmd", "-secs"]);
  checkDatapath(context, rest[0]);
  const seconds = readSeconds(options.get("-secs"));
  const only = options.get("-pmd");
  const index = only === undefined ? undefined : findPmd(context, only);
  const lines = [`Displaying last ${seconds} seconds pmd usage %`];
  for (const pmd of takeSnapshot(context.owner).pmds) {
    if (index === undefined || pmd.index === index) lines.push(...rxqLines(context, pmd, seconds));
  }
  return lines;
}

function rxqLines(context: ControlContext, pmd: PmdSnapshot, seconds: number): string[] {
  const before = context.history.ago(seconds).pmds.find((one) => one.index === pmd.index);
  const { busy, idle, asleep } = pmd.time;
  const all = busy + idle + asleep;
  // The numbers of one that was started anew begin at its start.
  const from = before !== undefined && before.total <= all ? before : { busy: 0, total: 0, rxqs: [] };
  const total = all - from.total;
  const worked = busy - from.busy;
  const gone = pmd.rxqs.map(({ cycles, packets }, i) => ({
    cycles: Math.max(0, cycles - (from.rxqs[i]?.cycles ?? 0)),
    packets: Math.max(0, packets - (from.rxqs[i]?.packets ?? 0)),
  }));
  const measured = gone.some((one) => one.cycles > 0);
  const packets = gone.reduce((sum, one) => sum + one.packets, 0);
  const percent = (cycles: number): string =>
    total > 0 ? `${((cycles * 100) / total).toFixed(0).padStart(2)} %` : "NOT AVAIL";
  // Where the cycles of a queue are not measured, a packet counts like any other.
  const shares = gone.map((one) =>
    measured ? one.cycles : packets === 0 ? 0 : (worked * one.packets) / packets,
  );
  const used = shares.reduce((sum, cycles) => sum + cycles, 0);
  const lines = [threadHeader(context, pmd.index), "  isolated : false"];
  for (const [i, rxq] of pmd.rxqs.entries()) {
    const port = rxq.portName.padEnd(16);
    const queue = String(rxq.queue).padStart(2);
    lines.push(`  port: ${port}  queue-id: ${queue} (enabled)   pmd usage: ${percent(shares[i] ?? 0)}`);
  }
  if (pmd.rxqs.length > 0) lines.push(`  overhead: ${percent(Math.max(0, worked - used))}`);
  return lines;
}
