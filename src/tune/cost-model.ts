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
  /** Masked lookup of a miss with all off, and what the mask cache adds: where it fails, and where it answers. */
  readonly #masked: number;
  readonly #noteFailed: number;
  readonly #noteAnswered: number;
  /** Mask cache stage of a miss: with none, where it fails, and where it answers; memory taken off. */
  readonly #guess: number;
  readonly #askFailed: number;
  readonly #askAnswered: number;
  /** Anchors with a microflow cache, smallest first. */
  readonly #microflow: readonly Anchor[];
  /** What remembering a miss adds to its masked lookup, over the share of hits. */
  readonly #remember: Knots;

  constructor(calibration: Calibration) {
    this.#calibration = calibration;
    const { anchors } = calibration;
    const off = find(anchors, (one) => one.microflowEntries === 0 && one.maskCacheEntries === 0);
    const masks = anchors.filter((one) => one.microflowEntries === 0 && one.maskCacheEntries > 0);
    const [failing, answering] = masks as [Anchor, Anchor];
    const names = anchors.filter((one) => one.microflowEntries > 0).sort((a, b) => a.microflow - b.microflow);
    this.#fixed = median(anchors.map((one) => one.fixed));
    this.#masked = off.maskedStage;
    this.#guess = off.maskCacheStage;
    // Neither anchor is pure: two equations with the shares that were measured.
    const ask = (one: Anchor): number => one.maskCacheStage - this.#maskCacheMemory(one.maskCacheEntries);
    [this.#askFailed, this.#askAnswered] = separate(
      [failing.maskCache, ask(failing)],
      [answering.maskCache, ask(answering)],
    );
    const note = (one: Anchor): number => one.maskedStage - off.maskedStage;
    [this.#noteFailed, this.#noteAnswered] = separate(
      [failing.maskCache, note(failing)],
      [answering.maskCache, note(answering)],
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
    const maskCache = missed * this.#maskCacheStage(settings["maskCache.entries"], known);
    const note =
      settings["maskCache.entries"] === 0
        ? 0
        : this.#noteFailed + known * (this.#noteAnswered - this.#noteFailed);
    const remembered = asked * (1 - hitShare) * at(this.#remember, hitShare);
    const masked = missed * (this.#masked + note) + remembered;
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

  #maskCacheStage(entries: number, known: number): number {
    if (entries === 0) return this.#guess;
    const ask = this.#askFailed + known * (this.#askAnswered - this.#askFailed);
    return ask + this.#maskCacheMemory(entries);
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

/** Values at shares 0 and 1 of a straight line through two points; level where the points are too near. */
function separate(first: readonly [number, number], second: readonly [number, number]): [number, number] {
  const width = second[0] - first[0];
  if (Math.abs(width) < 0.1) return [first[1], Math.min(first[1], second[1])];
  const slope = (second[1] - first[1]) / width;
  return [first[1] - slope * first[0], first[1] + slope * (1 - first[0])];
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
