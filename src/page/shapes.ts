// The JSON that the live page and its server exchange: types alone, read by src/page and, through JSDoc, by the
// JavaScript in page/. docs/live-page.md says the same in words.

import type { PortRates } from "../observe/port-rates.ts";

/** What one PMD did in one interval: numbers in this order, then the cycles a packet of each stage (0 where nothing was timed). */
export const pmdColumns = [
  /** Packets received a second. */
  "rate",
  /** Share of the thread's time that was not idle, 0 to 1; -1 where it is not known. */
  "busy",
  /** Cycles of work a packet; 0 where it is not known. */
  "cycles",
  /** Lookups a second answered by each level. */
  "microflow",
  "maskCache",
  "masked",
  "upcall",
  /** Masks tried a lookup. */
  "masksPerLookup",
  /** Upcalls queued a second, and packets a second dropped because theirs was lost. */
  "upcalls",
  "upcallsLost",
  /** Packets dropped a second, over all reasons. */
  "dropped",
  /** Held at the moment. */
  "megaflows",
  "masks",
] as const;

/** Name of a column of a PMD's numbers. */
export type PmdColumn = (typeof pmdColumns)[number];

/** What the page keeps of an interval: it is in the history. */
export interface Sample {
  /** Counts up by one; a hole says that the client missed some. */
  readonly seq: number;
  /** End of the interval, milliseconds since 1970. */
  readonly time: number;
  /** One list of numbers a PMD: `pmdColumns`, then the stages. */
  readonly pmds: readonly (readonly number[])[];
}

/** A port in the last interval. */
export interface PortLine extends PortRates {
  readonly kind: string;
}

/** What only the newest interval has. */
export interface Latest {
  readonly ports: readonly PortLine[];
  /** Packets a second by reason; reasons that did not occur are left out. */
  readonly drops: Readonly<Record<string, number>>;
  /** Per PMD: whether the microflow cache is being bypassed as useless. */
  readonly bypassed: readonly boolean[];
  /** Counts up with every change of a setting, from wherever it came. */
  readonly settingsVersion: number;
}

/** Body of a `sample` event. */
export interface SampleEvent {
  readonly sample: Sample;
  readonly latest: Latest;
}

/** `GET /api/history`. */
export interface History {
  readonly intervalMs: number;
  readonly samples: readonly Sample[];
}

/** A setting that may be changed while the switch runs. */
export interface LiveSetting {
  readonly key: string;
  readonly value: number | string;
  readonly meaning: string;
  /** What it takes, in words. */
  readonly range: string;
  /** Values in order, for a slider (sizes, 0 = off) or a choice (words). */
  readonly values: readonly (number | string)[];
  /** Bytes in each PMD at each of `values`; absent where memory does not depend on it. */
  readonly bytes?: readonly number[];
}

/** A cache of the CPU. */
export interface CpuCache {
  /** `L1`, `L2`, `L3`. */
  readonly name: string;
  readonly bytes: number;
}

/** `GET /api/switch`. */
export interface Description {
  readonly bridge: string;
  readonly version: string;
  /** Milliseconds since 1970. */
  readonly started: number;
  readonly pmds: readonly { readonly index: number; readonly core: number }[];
  /** Names of the numbers of a PMD in a sample, and of the stages whose cycles follow them. */
  readonly columns: readonly PmdColumn[];
  readonly stages: readonly string[];
  readonly settings: readonly LiveSetting[];
  readonly settingsVersion: number;
  readonly cpuCaches: readonly CpuCache[];
  /** Cycles a nanosecond of every count of cycles. */
  readonly cyclesPerNs: number;
  /** Whether the switch has a live profiler that can be turned on. */
  readonly profiler: boolean;
}

/** One row of `GET /api/megaflows`. */
export interface MegaflowRow {
  readonly ufid: string;
  /** PMDs that have it; their counters are added up. */
  readonly pmds: readonly number[];
  readonly match: string;
  readonly actions: string;
  readonly packets: number;
  readonly bytes: number;
  /** Seconds since its last packet; null = none yet. */
  readonly usedSeconds: number | null;
}

/** `GET /api/megaflows?search=&sort=&limit=`. */
export interface Megaflows {
  /** When they were read, milliseconds since 1970: two answers tell rates. */
  readonly time: number;
  /** Equal ones of several PMDs counted once. */
  readonly total: number;
  /** How many of them the search found. */
  readonly found: number;
  readonly rows: readonly MegaflowRow[];
}

/** Points of one curve: share of lookups that miss, by entries. */
export interface MissCurve {
  /** Cache it is about. */
  readonly cache: "microflow" | "maskCache";
  readonly title: string;
  /** PMD it is about; null = all together. */
  readonly pmd: number | null;
  /** What no real cache reaches: perfect least-recently-used replacement. */
  readonly ideal: boolean;
  readonly points: readonly { readonly entries: number; readonly missRatio: number }[];
}

/** `GET /api/curves`. */
export interface Curves {
  readonly profiling: boolean;
  /** Why there is nothing to show, or what the curves rest on. */
  readonly note: string;
  readonly curves: readonly MissCurve[];
}

/** Any answer that is not a success. */
export interface Failure {
  readonly error: string;
}
