// What the page's server asks of a switch.

import type { Reading } from "./feed.ts";
import type { Curves, Description, Megaflows } from "./shapes.ts";

/** Order of the megaflows: most packets, most bytes, or most recently used first. */
export const megaflowSorts = ["packets", "bytes", "used"] as const;

/** What to list of the megaflows. */
export interface MegaflowQuery {
  /** Words that must all stand in the match, the actions or the UFID; empty = all. */
  readonly search: string;
  readonly sort: (typeof megaflowSorts)[number];
  /** Rows wanted. */
  readonly limit: number;
}

/** A profiler of the running switch: which sizes of the caches would miss how often. */
export interface LiveProfiler {
  curves(): Curves;
  /** Turns it on or off. */
  set(on: boolean): Promise<void>;
}

/** See the head of the file. */
export interface PageSource {
  describe(): Description;
  /** What happened since the last call. */
  read(): Reading;
  megaflows(query: MegaflowQuery): Promise<Megaflows>;
  curves(): Curves;
  /** Changes settings while the switch runs. Rejects with ConfigError for what cannot be, having changed nothing. */
  changeSettings(changes: Readonly<Record<string, unknown>>): Promise<void>;
  /** Turns the live profiler on or off. Rejects with MegaflowError where there is none. */
  setProfiling(on: boolean): Promise<void>;
  /** Everything that is counted, in Prometheus' text format. */
  metrics(): string;
}
