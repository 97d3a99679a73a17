// Measures one subject: frames a second that arrive, again and again, then loss and latency at half of that.

import { setTimeout as sleep } from "node:timers/promises";
import type { Subject } from "./subject.ts";
import { Topology } from "./topology.ts";
import { flood, type Load, paced } from "./traffic.ts";

/** Rings are empty when nothing has arrived for so long. */
const SETTLE_MS = 150;
const SETTLE_LIMIT_MS = 10_000;
/** What the paced generator keeps up evenly. */
const PACED_MAX = 1_000_000;

/** How it is measured. */
export interface MeasurePlan {
  readonly load: Load;
  readonly windows: number;
  readonly generatorCore: number;
  readonly switchCore: number;
}

/** At half load. */
export interface HalfLoad {
  /** Frames a second that were offered. */
  readonly offered: number;
  readonly loss: number;
  readonly p50Us: number;
  readonly p99Us: number;
  readonly p999Us: number;
  readonly samples: number;
}

/** What came of it. */
export interface VethResult {
  readonly name: string;
  readonly note: string;
  readonly details: string;
  /** Frames a second delivered (or received), one a window. */
  readonly windows: readonly number[];
  readonly median: number;
  /** Frames a second that the generator tried to send meanwhile. */
  readonly offered: number;
  /** Null for a subject that only receives. */
  readonly half: HalfLoad | null;
}

/** A subject that could not be measured. */
export interface Unmeasured {
  readonly name: string;
  readonly note: string;
  readonly reason: string;
}

/** Measures a subject in a topology of its own; a subject that cannot run says why. */
export async function measure(subject: Subject, plan: MeasurePlan): Promise<VethResult | Unmeasured> {
  const { name, note } = subject;
  const missing = subject.missing();
  if (missing !== undefined) return { name, note, reason: missing };
  try {
    return subject.receivesOnly
      ? await measureReceiver(subject, plan)
      : await measureForwarder(subject, plan);
  } catch (error) {
    return { name, note, reason: error instanceof Error ? error.message : String(error) };
  }
}

async function measureForwarder(subject: Subject, plan: MeasurePlan): Promise<VethResult> {
  const topology = new Topology(plan.generatorCore, plan.switchCore);
  try {
    const running = await subject.start(topology);
    const rates: number[] = [];
    const offered: number[] = [];
    // The first one warms up: megaflows, V8, page tables.
    for (let i = 0; i <= plan.windows; i++) {
      const before = topology.delivered();
      const { sent, seconds } = await flood(topology, plan.load);
      const arrived = topology.delivered() - before;
      await settle(topology);
      if (i === 0) continue;
      rates.push(arrived / seconds);
      offered.push(sent / seconds);
    }
    const rate = median(rates);
    if (rate === 0) throw new Error("no frame arrived at the far end");
    const half = await atHalfLoad(topology, plan.load, Math.min(rate / 2, PACED_MAX));
    await running.stop();
    return {
      name: subject.name,
      note: subject.note,
      details: running.details ?? "",
      windows: rates,
      median: rate,
      offered: median(offered),
      half,
    };
  } finally {
    await topology.close();
  }
}

async function atHalfLoad(topology: Topology, load: Load, rate: number): Promise<HalfLoad> {
  const before = topology.delivered();
  const {
    sent,
    refused = 0,
    seconds,
    samples = 0,
    p50Us = Number.NaN,
    p99Us = Number.NaN,
    p999Us = Number.NaN,
  } = await paced(topology, load, rate);
  await settle(topology);
  const arrived = topology.delivered() - before;
  return { offered: sent / seconds, loss: 1 - arrived / (sent - refused), p50Us, p99Us, p999Us, samples };
}

/** Waits until the rings have emptied themselves. */
async function settle(topology: Topology): Promise<void> {
  const deadline = Date.now() + SETTLE_LIMIT_MS;
  for (let before = -1, now = topology.delivered(); before !== now && Date.now() < deadline; ) {
    before = now;
    await sleep(SETTLE_MS);
    now = topology.delivered();
  }
}

/** A receiver counts for itself and says so at its end, so each window has a fresh one. */
async function measureReceiver(subject: Subject, plan: MeasurePlan): Promise<VethResult> {
  const rates: number[] = [];
  const offered: number[] = [];
  let details = "";
  for (let i = 0; i < plan.windows; i++) {
    const topology = new Topology(plan.generatorCore, plan.switchCore);
    try {
      const running = await subject.start(topology);
      details = running.details ?? "";
      const { sent, seconds } = await flood(topology, plan.load);
      await sleep(SETTLE_MS);
      const received = await running.stop();
      if (received === undefined) throw new Error("it does not say what it received");
      rates.push(received / seconds);
      offered.push(sent / seconds);
    } finally {
      await topology.close();
    }
  }
  const { name, note } = subject;
  return { name, note, details, windows: rates, median: median(rates), offered: median(offered), half: null };
}

/** The middle value; the mean of the two in the middle of an even number. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((x, y) => x - y);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? 0;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? 0)) / 2;
}
