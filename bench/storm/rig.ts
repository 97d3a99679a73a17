// A switch under a storm: the controller on this thread and its core, one PMD on another, traces on its ports.
import { setTimeout as sleep } from "node:timers/promises";
import { FrameStore } from "../../src/bench/pipeline/frame-store.ts";
import { readThreadTimes } from "../../src/bench/thread-time.ts";
import { workloadRules } from "../../src/bench/workload/generate.ts";
import { completeSpec, type WorkloadSpec } from "../../src/bench/workload/spec.ts";
import { defaultSettings, type Settings } from "../../src/config/settings.ts";
import { loadNative } from "../../src/native.ts";
import { placeTrace } from "../../src/netdev/trace.ts";
import type { OfPort } from "../../src/openflow/port.ts";
import { ThreadedSwitch } from "../../src/threaded-switch.ts";

/** Where and how much. */
export interface StormOptions {
  /** CPU of the PMD and CPU of the controller; the same where there is but one. */
  readonly pmdCore: number;
  readonly controllerCore: number;
  /** New flows of a storm. */
  readonly flows: number;
  /** Seconds of a window of measurement. */
  readonly seconds: number;
  /** Times that each figure is taken. */
  readonly runs: number;
  readonly log: (line: string) => void;
}

/** Ports of the rig: one for storms, one for established traffic, and where they send to. */
export const STORM_PORT = 1 as OfPort;
export const QUIET_PORT = 2 as OfPort;
const PORTS = 4;
const SEED = 1n;

/** Longest that a PMD may be kept from its core by others. */
const ROBBED_SECONDS = 60;

/** Established traffic: 1,000 connections under 16 masks, and packets after which it is established. */
export const QUIET = completeSpec({ flows: 1000, masks: 16 });
const QUIET_PACKETS = 3 * QUIET.packets;

/** Upcalls that a storm has waiting at once: it awaits answers, as connections do. */
export const WINDOW = 1024;

/** Starts a switch with its ports. */
export function startRig(options: StormOptions, settings: Partial<Settings> = {}): ThreadedSwitch {
  loadNative().addon?.setAffinity(options.controllerCore);
  const owner = new ThreadedSwitch({
    settings: { ...defaultSettings, flowLimit: 1 << 18, maxIdleMs: 600_000, ...settings },
    seed: SEED,
    cores: [options.pmdCore],
    idle: { mode: "busy" },
    log: options.log,
  });
  for (let number = 1; number <= PORTS; number++) {
    owner.addPort({ number: number as OfPort, name: `p${number}`, transmit: "null" });
  }
  return owner;
}

/** Rules of a workload with as many tables before it as are asked for; each looks at what it goes by. */
export function stormRules(spec: WorkloadSpec, tables: number): string {
  const lines: string[] = [];
  for (let table = 0; table < tables - 1; table++) {
    for (let i = 0; i < 50; i++) {
      lines.push(
        `table=${table},priority=10,ip,nw_dst=192.${table}.${i}.0/24 actions=goto_table:${table + 1}`,
      );
    }
    lines.push(`table=${table},priority=1 actions=load:${table}->NXM_NX_REG7[],goto_table:${table + 1}`);
  }
  for (const rule of workloadRules(spec)) lines.push(`table=${tables - 1},${rule}`);
  return lines.join("\n");
}

/** A workload of which every packet begins a connection with a rule of its own. */
export function exactSpec(flows: number): WorkloadSpec {
  return completeSpec({ scheme: "exact", flows, packets: flows });
}

/** Puts a workload's packets into the switch's memory. */
export function place(owner: ThreadedSwitch, spec: WorkloadSpec) {
  return { ...placeTrace(owner.memory, FrameStore.ofWorkload(spec).packets()), leftOut: 0 };
}

/** Rules of a workload moved to the port of established traffic, and to tables that no storm uses. */
export function quietRules(spec: WorkloadSpec): string {
  return [...workloadRules(spec)].map((rule) => rule.replaceAll("in_port=1,", "in_port=2,")).join("\n");
}

/** Waits until established traffic makes no upcalls any more; rejects after `seconds`. */
export async function established(owner: ThreadedSwitch, seconds: number): Promise<void> {
  const upcalls = () => owner.pmds[0]!.stats.counters.UPCALLS;
  const rounds = () => owner.portCounters(QUIET_PORT).rxPackets;
  const first = rounds();
  let before = -1;
  await until("established traffic", seconds, () => {
    if (rounds() - first < QUIET_PACKETS) return false;
    const quiet = upcalls() === before;
    before = upcalls();
    return quiet;
  });
}

/** Waits until `holds`; rejects after `seconds`. */
export async function until(what: string, seconds: number, holds: () => boolean): Promise<void> {
  const end = performance.now() + seconds * 1000;
  while (!holds()) {
    if (performance.now() > end) throw new Error(`waited ${seconds} s in vain: ${what}`);
    await sleep(2);
  }
}

/** Processor time that this thread and the PMD's have had. */
export interface Spent {
  /** Milliseconds of the clock. */
  readonly ms: number;
  readonly controllerMs: number;
  readonly pmdMs: number;
}

/** Measures processor time from its construction on: other processes take their part of a busy machine's cores. */
export class SpentTime {
  readonly #threads = readThreadTimes();
  readonly #start = performance.now();

  get spent(): Spent {
    const now = readThreadTimes();
    const own = String(process.pid);
    let controllerMs = 0;
    let pmdMs = 0;
    for (const [thread, ns] of now) {
      const ms = (ns - (this.#threads.get(thread) ?? 0)) / 1e6;
      if (thread === own) controllerMs = ms;
      else pmdMs = Math.max(pmdMs, ms);
    }
    return { ms: performance.now() - this.#start, controllerMs, pmdMs };
  }
}

/** What a port's queue got through. */
export interface Rate {
  /** Millions of packets a second of the clock. */
  readonly mpps: number;
  /** The same a second of the PMD's processor time. */
  readonly mppsAlone: number;
}

/** Packets that a port receives, over some time or until `ended`. */
export async function rateOf(
  owner: ThreadedSwitch,
  port: OfPort,
  seconds: number,
  ended: () => boolean = () => false,
): Promise<Rate> {
  const before = owner.portCounters(port).rxPackets;
  const time = new SpentTime();
  const received = () => owner.portCounters(port).rxPackets - before;
  const end = performance.now() + seconds * 1000;
  while (performance.now() < end && !ended()) await sleep(5);
  // A while in which others had the PMD's core all the time tells nothing.
  await until("packets", ROBBED_SECONDS, () => received() > 0);
  const packets = received();
  const { ms, pmdMs } = time.spent;
  return { mpps: packets / ms / 1000, mppsAlone: packets / pmdMs / 1000 };
}
