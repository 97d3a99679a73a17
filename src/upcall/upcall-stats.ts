// What the slow path has done, as plain objects: for commands that show it, the live page and metrics.

import { PMD_REGIONS, RegionId, UPCALL_PORT_LOST, UPCALL_PORT_SIZE } from "../../assembly/layout/pmd.ts";
import type { SwitchMemory } from "../datapath/memory.ts";
import { UPCALL_PORTS } from "../datapath/pmd-memory.ts";
import { Histogram, type HistogramReport } from "./histogram.ts";
import type { PortUpcallCounters } from "./port-queues.ts";

/** Why packets lost their upcall, by UpcallLoss. */
const lossNames = ["rate", "share", "frames", "ring", "timeout"] as const;
type LossName = (typeof lossNames)[number];

/**
 * Packets dropped as `upcall lost`: over the port's rate (upcall.portRate), over its share of pending
 * upcalls or of waiting frames, with the upcall ring full, or not answered in time.
 */
export type UpcallLosses = Readonly<Record<LossName, number>>;

/** Upcalls of one port, over all PMDs. */
export interface PortUpcallStats extends Readonly<PortUpcallCounters> {
  /** Datapath port. */
  readonly port: number;
  readonly lost: UpcallLosses;
}

/** Upcalls of a switch. */
export interface UpcallStats extends Readonly<PortUpcallCounters> {
  /** Megaflows taken out again. */
  readonly deleted: number;
  /** Packets whose action's meaning nobody knew any more. */
  readonly unknownCookies: number;
  /** Upcalls that wait for the controller now. */
  readonly waiting: number;
  /** From the PMD's turn that queued a miss to its translation. One upcall in 16 is timed, and the first of each slice. */
  readonly queueing: HistogramReport;
  readonly translation: HistogramReport;
  /** From the command's sending to the PMD's reply. */
  readonly installation: HistogramReport;
  readonly lost: UpcallLosses;
  readonly ports: readonly PortUpcallStats[];
}

/** Counters of the slow path of one PMD. */
export interface HandlerCounters extends PortUpcallCounters {
  /** Of the misses that were not installed, those that found as many megaflows as the limit allows, or no memory. */
  refused: number;
  /** Megaflows not installed, or taken out instead of changed, because linear memory was full. */
  noMemory: number;
  deleted: number;
  unknownCookies: number;
}

/** Times of the slow path of one PMD. */
export class UpcallTimes {
  readonly queueing = new Histogram();
  readonly translation = new Histogram();
  readonly installation = new Histogram();
}

/** One PMD's part. */
export interface UpcallSource {
  readonly counters: HandlerCounters;
  readonly times: UpcallTimes;
  readonly waiting: number;
  readonly ports: readonly { readonly port: number; readonly counters: PortUpcallCounters }[];
  /** Losses of a port. */
  lost(port: number): UpcallLosses;
}

/** Adds up what all PMDs have done; `ports` are the datapath's ports whose losses are asked for. */
export function sumUpcalls(sources: readonly UpcallSource[], ports: Iterable<number>): UpcallStats {
  const counters: HandlerCounters = {
    ...noUpcalls(),
    refused: 0,
    noMemory: 0,
    deleted: 0,
    unknownCookies: 0,
  };
  const times = new UpcallTimes();
  let waiting = 0;
  for (const source of sources) {
    addCounters(counters, source.counters);
    times.queueing.addAll(source.times.queueing);
    times.translation.addAll(source.times.translation);
    times.installation.addAll(source.times.installation);
    waiting += source.waiting;
  }
  const perPort = [...ports].map((port) => portStats(sources, port));
  return {
    ...counters,
    waiting,
    queueing: times.queueing.report(),
    translation: times.translation.report(),
    installation: times.installation.report(),
    lost: perPort.map((one) => one.lost).reduce(addLosses, NO_LOSSES),
    ports: perPort,
  };
}

/** Reads the losses of a port from the memory of the PMD whose control block lies at `control`. */
export function readLosses(memory: SwitchMemory, control: number, port: number): UpcallLosses {
  const at = upcallPortAt(memory, control, port) + UPCALL_PORT_LOST;
  const read = (i: number): number => memory.u32[(at + i * 4) >>> 2]!;
  return Object.fromEntries(lossNames.map((name, i) => [name, read(i)])) as UpcallLosses;
}

/** Address of the record that a PMD's upcalls keep of a port. */
export function upcallPortAt(memory: SwitchMemory, control: number, port: number): number {
  const base = memory.u32[(control + PMD_REGIONS + RegionId.PENDING * 8) >>> 2]!;
  return base + UPCALL_PORTS + port * UPCALL_PORT_SIZE;
}

const NO_LOSSES = Object.fromEntries(lossNames.map((name) => [name, 0])) as UpcallLosses;

function portStats(sources: readonly UpcallSource[], port: number): PortUpcallStats {
  const counters = noUpcalls();
  let lost = NO_LOSSES;
  for (const source of sources) {
    const mine = source.ports.find((one) => one.port === port);
    if (mine !== undefined) addCounters(counters, mine.counters);
    lost = addLosses(lost, source.lost(port));
  }
  return { port, ...counters, lost };
}

function noUpcalls(): PortUpcallCounters {
  return { misses: 0, punts: 0, translations: 0, deduplicated: 0, installed: 0, notInstalled: 0 };
}

function addCounters<T extends PortUpcallCounters>(sum: T, more: T): void {
  for (const name of Object.keys(sum) as (keyof T)[]) {
    (sum[name] as number) += more[name] as number;
  }
}

function addLosses(a: UpcallLosses, b: UpcallLosses): UpcallLosses {
  return Object.fromEntries(lossNames.map((name) => [name, a[name] + b[name]])) as UpcallLosses;
}
