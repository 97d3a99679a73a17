// TSC cycles from JavaScript: by the native addon, or by the clock and the frequency the kernel tells.
import { readFileSync } from "node:fs";
import { loadNative } from "../native.ts";

/** A counter of cycles. */
export interface CycleCounter {
  /** Cycles since some point in the past. */
  readonly read: () => number;
  /** Cycles that pass between two readings of which nothing lies in between. */
  readonly overhead: number;
  /** Cycles a nanosecond. */
  readonly ghz: number;
}

const CALIBRATION_MS = 40;
let counter: CycleCounter | undefined;
let ghzKnown: number | undefined;

/** The counter of this machine; calibrated on the first call, which takes 40 ms where the addon is there. */
export function cycleCounter(): CycleCounter {
  counter ??= create();
  return counter;
}

/** TSC cycles a nanosecond as the kernel knows them (BogoMIPS is twice the TSC's MHz on x86); undefined elsewhere. */
export function kernelTscGhz(): number | undefined {
  let cpuinfo = "";
  try {
    cpuinfo = readFileSync("/proc/cpuinfo", "utf8");
  } catch {
    return undefined;
  }
  if (!/^flags\s*:.*\bconstant_tsc\b/m.test(cpuinfo)) return undefined;
  const bogomips = /^bogomips\s*:\s*([\d.]+)/m.exec(cpuinfo)?.[1];
  return bogomips === undefined ? undefined : Number(bogomips) / 2000;
}

/** Cycles a nanosecond of what `cycleCounter` counts, without calibrating where the kernel knows. */
export function clockGhz(): number {
  ghzKnown ??= kernelTscGhz() ?? cycleCounter().ghz;
  return ghzKnown;
}

function create(): CycleCounter {
  const { addon } = loadNative();
  const ghz = kernelTscGhz() ?? 1;
  if (addon === undefined) {
    const read = () => performance.now() * 1e6 * ghz;
    return { read, overhead: overheadOf(read), ghz };
  }
  const read = addon.readCycles;
  return { read, overhead: overheadOf(read), ghz: calibrate(read) };
}

/** The median of many: a few are disturbed. */
function overheadOf(read: () => number): number {
  const costs = new Float64Array(20_001);
  for (let i = 0; i < costs.length; i++) {
    const before = read();
    costs[i] = read() - before;
  }
  return costs.sort()[10_000]!;
}

function calibrate(read: () => number): number {
  const startNs = process.hrtime.bigint();
  const start = read();
  let ns = 0n;
  while (ns < CALIBRATION_MS * 1e6) ns = process.hrtime.bigint() - startNs;
  return (read() - start) / Number(ns);
}
