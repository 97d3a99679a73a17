// Miss-ratio curves of running traffic from a sample of its connections: reuse distances, and a grid of small
// caches with the real policies, each as much smaller as the sample is than the traffic.

import { MASK_CACHE_PROBES } from "../../assembly/layout/mask-cache.ts";
import { MICROFLOW_BUCKET_WAYS } from "../../assembly/layout/microflow-cache.ts";
import { defaultSettings, type Settings } from "../config/settings.ts";
import type { Lookups } from "./lookups.ts";
import { MaskCacheSim } from "./mask-cache-sim.ts";
import { MicroflowSim } from "./microflow-sim.ts";
import { ReuseTracker } from "./reuse-distance.ts";

/** Sizes of the microflow cache that are tried, and of the mask cache behind each. 0 = off. */
const liveMicroflowSizes = withDefault(
  [0, 1 << 10, 1 << 12, 1 << 14, 1 << 16, 1 << 18, 1 << 20],
  defaultSettings["microflow.entries"],
);
const liveMaskCacheSizes = withDefault(
  [256, 1 << 12, 1 << 14, 1 << 16, 1 << 18],
  defaultSettings["maskCache.entries"],
);

/** How the caches of the running switch work. */
export interface LivePolicy {
  readonly mode: Settings["microflow.mode"];
  readonly insertInverse: number;
  readonly victim: Settings["maskCache.victim"];
}

/** One size of the microflow cache. */
export interface LiveSize {
  readonly entries: number;
  /** Share of lookups that it would not answer; null where the sample is too thin for the size. */
  readonly missRatio: number | null;
  /** The same with perfect least-recently-used replacement. */
  readonly lruMissRatio: number;
  /** Share of all lookups that neither it nor a mask cache behind it would answer, by the mask cache's entries. */
  readonly maskCache: readonly { readonly entries: number; readonly missRatio: number | null }[];
}

/** What the sample says about the traffic of late; plain JSON. */
export interface MissRatioCurves {
  /** One connection in so many is in the sample. */
  readonly sampling: number;
  /** Lookups in the sample, and what they stand for; of late, since older ones count less and less. */
  readonly sampled: number;
  readonly lookups: number;
  /** Connections that are alive, roughly. */
  readonly connections: number;
  /** Share of lookups that are the first of their connection: no size can answer them. */
  readonly firstShare: number;
  readonly sizes: readonly LiveSize[];
  /** How far the miss ratios of four quarters of the sample lie apart: half of the widest distance. */
  readonly uncertainty: number;
}

interface Cell {
  readonly sim: MaskCacheSim | null;
  hits: number;
}

interface Row {
  readonly entries: number;
  readonly sim: MicroflowSim | null;
  hits: number;
  readonly cells: readonly Cell[];
}

/** A small cache of fewer sets says nothing about a large one. */
const SETS_MIN = 4;
/** Lookups between two halvings of all counts. */
const HALVING = 1 << 20;
const QUARTERS = 4;
/** Lookups in a millisecond, roughly: the clock of the exact mode. */
const LOOKUPS_PER_MS = 10_000;

/** See the head of the file. */
export class LiveCurves {
  readonly #sampling: number;
  readonly #tracker: ReuseTracker;
  readonly #quarters: readonly ReuseTracker[];
  readonly #rows: readonly Row[];
  #counted = 0;
  #sinceHalving = 0;

  /** One connection in `sampling` (a power of two) will be told. */
  constructor(sampling: number, policy: LivePolicy) {
    this.#sampling = sampling;
    this.#tracker = new ReuseTracker({ share: 1 / sampling, limit: 1 << 16 });
    this.#quarters = Array.from(
      { length: QUARTERS },
      () => new ReuseTracker({ share: 1 / (sampling * QUARTERS), limit: 1 << 14 }),
    );
    this.#rows = liveMicroflowSizes.map((entries) => ({
      entries,
      sim: microflowSim(entries, sampling, policy),
      hits: 0,
      cells: liveMaskCacheSizes.map((size) => ({ sim: maskCacheSim(size, sampling, policy), hits: 0 })),
    }));
  }

  /** Takes sampled lookups. */
  add(lookups: Lookups): void {
    for (let i = 0; i < lookups.count; i++) {
      const name = lookups.signatures[i]!;
      this.#tracker.touch(name);
      // Bits of the name that the sample was not drawn by.
      this.#quarters[(Math.imul(name, 0x85ebca6b) >>> 30) & (QUARTERS - 1)]!.touch(name);
    }
    for (const row of this.#rows) {
      const round = row.sim?.round(lookups);
      if (round === undefined) continue;
      row.hits += round.hits;
      for (const cell of row.cells)
        cell.hits += cell.sim?.round(lookups, round.misses, round.missEnds).hits ?? 0;
    }
    this.#counted += lookups.count;
    this.#sinceHalving += lookups.count;
    if (this.#sinceHalving >= HALVING) this.#halve();
  }

  /** The curves as of now. */
  curves(): MissRatioCurves {
    const { histogram } = this.#tracker;
    const misses = (hits: number): number => (this.#counted === 0 ? 1 : 1 - hits / this.#counted);
    return {
      sampling: this.#sampling,
      sampled: Math.round(this.#counted),
      lookups: Math.round(this.#counted * this.#sampling),
      connections: Math.round(this.#tracker.connections * this.#sampling),
      firstShare: histogram.total === 0 ? 0 : histogram.firsts / histogram.total,
      sizes: this.#rows.map((row) => ({
        entries: row.entries,
        missRatio: row.sim === null ? null : misses(row.hits),
        lruMissRatio: 1 - histogram.hitRate(row.entries),
        maskCache: row.cells.map((cell, i) => ({
          entries: liveMaskCacheSizes[i]!,
          missRatio: cell.sim === null || row.sim === null ? null : misses(row.hits + cell.hits),
        })),
      })),
      uncertainty: this.#uncertainty(),
    };
  }

  #uncertainty(): number {
    let widest = 0;
    for (const entries of liveMicroflowSizes) {
      const rates = this.#quarters.map((quarter) => quarter.histogram.hitRate(entries));
      widest = Math.max(widest, Math.max(...rates) - Math.min(...rates));
    }
    return widest / 2;
  }

  /** What is old counts for half, so that the curves follow the traffic. */
  #halve(): void {
    this.#sinceHalving = 0;
    this.#counted /= 2;
    for (const tracker of [this.#tracker, ...this.#quarters]) tracker.histogram.halve();
    for (const row of this.#rows) {
      row.hits /= 2;
      for (const cell of row.cells) cell.hits /= 2;
    }
  }
}

function microflowSim(
  entries: number,
  sampling: number,
  { mode, insertInverse }: LivePolicy,
): MicroflowSim | null {
  if (entries !== 0 && entries / sampling < SETS_MIN * MICROFLOW_BUCKET_WAYS) return null;
  const lookupsPerMs = LOOKUPS_PER_MS / sampling;
  return new MicroflowSim({ mode, insertInverse, bypass: false, lookupsPerMs, entries: entries / sampling });
}

function maskCacheSim(entries: number, sampling: number, { victim }: LivePolicy): MaskCacheSim | null {
  if (entries / sampling < SETS_MIN * MASK_CACHE_PROBES) return null;
  return new MaskCacheSim({ entries: entries / sampling, victim });
}

function withDefault(sizes: readonly number[], usual: number): readonly number[] {
  return [...new Set([...sizes, usual])].sort((a, b) => a - b);
}
