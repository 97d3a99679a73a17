// Cycles a packet for any cache sizes: predicted hit rates times what the calibration measured, with the
// cost of reading memory corrected for each cache's footprint.
//
//   C = fixed + microflow stage + misses * (mask cache + masked lookup + what is inserted)

import type { Anchor, Calibration } from "./calibrate.ts";
import { extraCost } from "./memory-curve.ts";
import type { HitPrediction } from "./predict-hits.ts";

/** Cycles a packet by part, and what follows from their sum. */
export interface Cost {
  readonly fixed: number;
  readonly microflow: number;
  readonly maskCache: number;
  readonly masked: number;
  /** Sum of the parts with what a turn adds. */
  readonly cycles: number;
  readonly mpps: number;
}

const MICROFLOW_ENTRY = 8;
const MASK_CACHE_ENTRY = 8;
const LINE = 64;
/** The exact mode's entry: hash and whole key. */
const EXACT_ENTRY = 576;

/** A value over a share, known at some places. */
type Knots = readonly (readonly [at: number, value: number])[];

/** See the head of the file. */
export class CostModel {
  readonly #calibration: Calibration;
  readonly #fixed: number;
  /** Masked lookup of a miss with all off, and what finds the first mask to try then. */
  readonly #masked: number;
  readonly #guess: number;
  /** Anchors with a mask cache alone, smallest first. */
  readonly #masks: readonly Anchor[];
  /** What a lookup that the mask cache answers costs more than one that it does not. */
  readonly #answer: number;
  /** Anchors with a microflow cache, smallest first. */
  readonly #microflow: readonly Anchor[];
  /** What remembering a miss adds to its masked lookup, over the share of hits. */
  readonly #remember: Knots;

  constructor(calibration: Calibration) {
    this.#calibration = calibration;
    const { anchors } = calibration;
    const off = find(anchors, (one) => one.microflowEntries === 0 && one.maskCacheEntries === 0);
    const masks = anchors.filter((one) => one.microflowEntries === 0 && one.maskCacheEntries > 0);
    const names = anchors.filter((one) => one.microflowEntries > 0).sort((a, b) => a.microflow - b.microflow);
    this.#fixed = median(anchors.map((one) => one.fixed));
    this.#masked = off.maskedStage;
    this.#guess = off.maskCacheStage;
    this.#masks = [...masks].sort((a, b) => a.maskCacheEntries - b.maskCacheEntries);
    this.#answer = slope(
      this.#masks.map((one) => [one.maskCache, missCost(one) - this.#maskCacheMemory(one.maskCacheEntries)]),
    );
    this.#microflow = [...names].sort((a, b) => a.microflowEntries - b.microflowEntries);
    this.#remember = names
      .filter((one) => one.microflow < 0.9)
      .map((one) => [one.microflow, one.maskedStage / (1 - one.microflow) - off.maskedStage]);
  }

  /** The cost of a configuration. */
  cost(hits: HitPrediction): Cost {
    const { settings, bypassed } = hits;
    const asked = settings["microflow.entries"] === 0 ? 0 : 1 - bypassed;
    const missed = 1 - hits.microflow;
    const hitShare = asked === 0 ? 0 : hits.microflow / asked;
    const microflow = asked * this.#microflowStage(settings["microflow.entries"], hitShare);
    const known = missed === 0 ? 0 : hits.maskCache / missed;
    const asking = this.#maskCache(settings["maskCache.entries"], known);
    const maskCache = missed * asking;
    const remembered = asked * (1 - hitShare) * at(this.#remember, hitShare);
    const masked = missed * this.#masked + remembered;
    const sum = this.#fixed + microflow + maskCache + masked;
    const cycles = sum * this.#calibration.overhead;
    return {
      fixed: this.#fixed,
      microflow,
      maskCache,
      masked,
      cycles,
      mpps: (this.#calibration.ghz * 1000) / cycles,
    };
  }

  /** What a miss costs on top of its masked lookup: finding the mask to try first, and noting which it was. */
  #maskCache(entries: number, known: number): number {
    if (entries === 0) return this.#guess;
    const knots = this.#masks.map((one): [number, number] => [
      Math.log2(one.maskCacheEntries),
      missCost(one) - this.#masked + (known - one.maskCache) * this.#answer,
    ]);
    return at(knots, Math.log2(entries));
  }

  /**
   * Between two anchors the stage costs what lies between their costs: as far along as the share of hits is, or,
   * where both answer all there is to answer, as the size is.
   */
  #microflowStage(entries: number, hitShare: number): number {
    const above = this.#microflow.findIndex((one) => one.microflowEntries >= entries);
    const high = this.#microflow[above] ?? this.#microflow.at(-1);
    const low = above > 0 ? this.#microflow[above - 1]! : high;
    if (low === undefined || high === undefined) return 0;
    if (low === high || high.microflowEntries === entries) return high.microflowStage;
    const width = high.microflow - low.microflow;
    const along =
      Math.abs(width) > 0.05
        ? (hitShare - low.microflow) / width
        : Math.log2(entries / low.microflowEntries) / Math.log2(high.microflowEntries / low.microflowEntries);
    return low.microflowStage + Math.min(1, Math.max(0, along)) * (high.microflowStage - low.microflowStage);
  }

  #maskCacheMemory(entries: number): number {
    const { memory, connections, ghz } = this.#calibration;
    // Four probes, of which as many lines are touched as the table has, or as there are connections.
    const touched = Math.min(entries * MASK_CACHE_ENTRY, connections * LINE * 4);
    return extraCost(memory, touched) * ghz;
  }
}

/** Bytes that the caches of a configuration take. */
export function cacheBytes(settings: HitPrediction["settings"]): { microflow: number; maskCache: number } {
  const size = settings["microflow.mode"] === "exact" ? EXACT_ENTRY : MICROFLOW_ENTRY;
  return {
    microflow: settings["microflow.entries"] * size,
    maskCache: settings["maskCache.entries"] * MASK_CACHE_ENTRY,
  };
}

/** Both stages of a miss, microflow cache off. */
function missCost(anchor: Anchor): number {
  return anchor.maskCacheStage + anchor.maskedStage;
}

/** Slope of the straight line through points, by least squares; 0 where they are all at one place. */
function slope(points: Knots): number {
  const mean = (of: (point: readonly [number, number]) => number): number =>
    points.reduce((sum, point) => sum + of(point), 0) / points.length;
  const x = mean((point) => point[0]);
  const y = mean((point) => point[1]);
  const spread = mean((point) => (point[0] - x) ** 2);
  return spread < 1e-3 ? 0 : mean((point) => (point[0] - x) * (point[1] - y)) / spread;
}

function at(knots: Knots, share: number): number {
  const [first] = knots;
  if (first === undefined) return 0;
  for (let i = 1; i < knots.length; i++) {
    const low = knots[i - 1]!;
    const high = knots[i]!;
    if (share > high[0]) continue;
    if (share <= low[0]) return low[1];
    return low[1] + ((share - low[0]) / (high[0] - low[0])) * (high[1] - low[1]);
  }
  return share <= first[0] ? first[1] : knots.at(-1)![1];
}

function find(anchors: readonly Anchor[], which: (one: Anchor) => boolean): Anchor {
  const found = anchors.find(which);
  if (found === undefined) throw new RangeError("the calibration lacks an anchor");
  return found;
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1]!;
}
