// A measurement as it is kept: what was run, on what, and what came out. `megaflow bench --json` prints it,
// `--compare` reads it, the reports draw it.
import type { ProfileName } from "../config/profiles.ts";
import type { Settings } from "../config/settings.ts";
import { MegaflowError } from "../errors.ts";
import type { Environment } from "./environment.ts";
import type { YardstickWindow } from "./yardstick-window.ts";

/** One window. */
export interface Window {
  /** Packets that left, millions a second by wall clock; the yardstick's own time is taken out. */
  readonly mpps: number;
  /** Share of the window that the PMDs really ran. */
  readonly running: number;
  /** The same of each PMD where there are several, the largest first. */
  readonly shares?: readonly number[];
  /** Not there where the window had no steady moment, and in results of versions before the yardstick. */
  readonly yardstick?: YardstickWindow;
}

/** Cycles and nanoseconds a packet of one stage, as timed on one batch in 256. */
export interface StageCost {
  readonly stage: string;
  readonly cycles: number;
  readonly ns: number;
}

/** How the switch was set up. */
interface BenchSetup {
  /** Version of the package. */
  readonly megaflow: string;
  readonly profile: ProfileName;
  readonly settings: Settings;
  readonly fifoFrames: boolean;
  /** CPU of each PMD. */
  readonly pmdCores: readonly number[];
  /** Which PMD ran where. */
  readonly placement: readonly string[];
  /** Port mode: what packets come from and go to. */
  readonly portMode: string;
  /** TSC cycles a nanosecond; null where it is not known. */
  readonly cyclesPerNs: number | null;
  /** Real frequency of a core in GHz when the measurement ended. */
  readonly clockGhz: number;
}

/** See the head of the file. Rates are medians over windows. */
export interface BenchResult {
  /** Name of the workload, or the capture's file name. */
  readonly name: string;
  readonly mpps: number;
  /** Of one PMD: wall-clock time over packets received, times PMDs. */
  readonly nsPerPacket: number;
  readonly cyclesPerPacket: number | null;
  /** Half the distance between the first and third quartile of the windows' rates, as a share of the median. */
  readonly spread: number;
  /** Windows by run; every run is a switch of its own. */
  readonly windows: readonly (readonly Window[])[];
  /** Windows that were measured again because others had too much of the core (`--again`). */
  readonly repeated?: number;
  readonly rxPackets: number;
  readonly drops: number;
  readonly upcallLost: number;
  readonly upcalls: number;
  /** Fractions of the lookups. */
  readonly hits: { microflow: number; maskCache: number; masked: number; upcall: number };
  readonly masksPerLookup: number;
  readonly megaflows: number;
  readonly masks: number;
  readonly stages: readonly StageCost[];
  /** Nanoseconds that a batch took from receive to the end of transmit; null where none was timed. */
  readonly batchLatencyNs: { p50: number; p99: number; p999: number } | null;
  /** Packets of one round of the trace. */
  readonly tracePackets: number;
  /** Names the yardstick that ran beside it; results can be compared by it where this is equal. */
  readonly yardstick?: string;
  /** Digest of every byte sent in one round, in order. */
  readonly hash: string;
  readonly warnings: readonly string[];
  readonly environment: BenchSetup & Environment;
}

/** Rates by run, corrected for what other processes took: what --compare looks at. */
export function correctedRates(result: BenchResult): number[][] {
  return result.windows.map((run) => run.map((window) => window.mpps / window.running));
}

/** Reads a result, or a list of them, from JSON text. Throws MegaflowError `BENCH_RESULT` naming the file. */
export function parseResults(text: string, file: string): BenchResult[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new MegaflowError("BENCH_RESULT", `${file}: no JSON: ${(cause as Error).message}`, { cause });
  }
  const results: unknown[] = Array.isArray(value) ? value : [value];
  for (const result of results) {
    if (isResult(result)) continue;
    throw new MegaflowError("BENCH_RESULT", `${file}: not a result of megaflow bench --json`);
  }
  if (results.length === 0) throw new MegaflowError("BENCH_RESULT", `${file}: a list without a result`);
  return results as BenchResult[];
}

/** Whether a value has what a comparison looks at. */
function isResult(value: unknown): boolean {
  const { name, windows, environment } = (value ?? {}) as Partial<BenchResult>;
  if (typeof name !== "string" || !environment || !Array.isArray(windows) || windows.length === 0)
    return false;
  return windows.every((run) => Array.isArray(run) && run.length > 0 && run.every(isWindow));
}

function isWindow(window: Partial<BenchResult["windows"][number][number]> | null): boolean {
  return Number.isFinite(window?.mpps) && Number.isFinite(window?.running);
}
