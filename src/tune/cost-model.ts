// Cycles a packet for any cache sizes, from what the calibration measured with one cache at a time and from the
// predicted hit rates:
//
//   C = microflow cache alone (its size, its hits) + misses * what the mask cache adds to a miss (its size, its hits)
//
// and, while the microflow cache is bypassed, that of the mask cache alone. What a mask cache adds to a miss was
// measured where everything misses, and where some do. Between two sizes that were measured lies what lies between
// their costs; a hit rate other than theirs moves the cost by what a miss costs there.

import { MASK_CACHE_ENTRY_SIZE } from "../../assembly/layout/mask-cache.ts";
import {
  MICROFLOW_BUCKET_SIZE,
  MICROFLOW_BUCKET_WAYS,
  MICROFLOW_EXACT_SIZE,
} from "../../assembly/layout/microflow-cache.ts";
import type { Anchor, Calibration } from "./calibrate.ts";
import { extraCost } from "./memory-curve.ts";
import type { HitPrediction } from "./predict-hits.ts";

/** Cycles a packet by part, and what follows from their sum. */
export interface Cost {
  readonly fixed: number;
  readonly microflow: number;
  readonly maskCache: number;
  readonly masked: number;
  /** Sum of the parts. */
  readonly cycles: number;
  readonly mpps: number;
}

/** Cycles a packet by part. */
interface Parts {
  readonly fixed: number;
  readonly microflow: number;
  readonly maskCache: number;
  readonly masked: number;
}

const LINE = 64;
/** Hit shares nearer than this are the same. */
const ALIKE = 0.002;
/** A microflow cache that is larger is not tried, unless somebody has it: 64 MiB. */
const TABLE_BYTES_MAX = 64 << 20;
const NONE: Parts = { fixed: 0, microflow: 0, maskCache: 0, masked: 0 };

/** Mask caches of several sizes behind one microflow cache, smallest first. */
interface MaskCaches {
  /** The same without a mask cache. */
  readonly without: Anchor;
  readonly sizes: readonly Anchor[];
  /** What a lookup that the mask cache answers costs more than one that it does not. */
  readonly answer: number;
}

/** See the head of the file. */
export class CostModel {
  readonly #calibration: Calibration;
  readonly #off: Anchor;
  /** Anchors with a microflow cache alone, smallest first. */
  readonly #microflow: readonly Anchor[];
  /** Mask caches where every lookup comes to them, and behind a microflow cache where there are such anchors. */
  readonly #alone: MaskCaches;
  readonly #behind: MaskCaches | undefined;

  constructor(calibration: Calibration) {
    this.#calibration = calibration;
    const { anchors } = calibration;
    const off = anchors.find((one) => one.microflowEntries === 0 && one.maskCacheEntries === 0);
    if (off === undefined) throw new RangeError("the calibration lacks the anchor without caches");
    this.#off = off;
    this.#microflow = notDearer(
      anchors
        .filter((one) => one.microflowEntries > 0 && one.maskCacheEntries === 0)
        .sort((a, b) => a.microflowEntries - b.microflowEntries),
    );
    this.#alone = this.#maskCaches(off);
    const both = anchors.find((one) => one.microflowEntries > 0 && one.maskCacheEntries > 0);
    const without = anchors.find(
      (one) => one.microflowEntries === both?.microflowEntries && one.maskCacheEntries === 0,
    );
    this.#behind = without === undefined ? undefined : this.#maskCaches(without);
  }

  /** The cost of a configuration. */
  cost(hits: HitPrediction): Cost {
    const { settings, bypassed } = hits;
    const asked = settings["microflow.entries"] === 0 ? 0 : 1 - bypassed;
    const missed = 1 - hits.microflow;
    const known = missed === 0 ? 0 : hits.maskCache / missed;
    const hitShare = asked === 0 ? 0 : hits.microflow / asked;
    const on = asked === 0 ? NONE : this.#microflowAlone(settings["microflow.entries"], hitShare);
    const off = partsOf(this.#off);
    const entries = settings["maskCache.entries"];
    const added = (share: number): Parts =>
      hits.asksMaskCache ? this.#maskCache(entries, known, share) : NONE;
    const addedOn = added(hitShare);
    const addedOff = added(0);
    const part = (of: keyof Parts): number =>
      asked * (on[of] + (1 - hitShare) * addedOn[of]) + (1 - asked) * (off[of] + addedOff[of]);
    const parts: Parts = {
      fixed: part("fixed"),
      microflow: part("microflow"),
      maskCache: part("maskCache"),
      masked: part("masked"),
    };
    const cycles = parts.fixed + parts.microflow + parts.maskCache + parts.masked;
    return { ...parts, cycles, mpps: (this.#calibration.ghz * 1000) / cycles };
  }

  /** The mask caches that were measured with the microflow cache of an anchor. */
  #maskCaches(without: Anchor): MaskCaches {
    const sizes = this.#calibration.anchors
      .filter((one) => one.microflowEntries === without.microflowEntries && one.maskCacheEntries > 0)
      .sort((a, b) => a.maskCacheEntries - b.maskCacheEntries);
    const points = sizes.map((one): [number, number] => [
      knownShare(one),
      addedBy(one, without) - this.#maskCacheMemory(one.maskCacheEntries),
    ]);
    return { without, sizes, answer: slope(points) };
  }

  /** What a mask cache of so many entries, which knows a share of what it is asked, adds to a miss. */
  #maskCache(entries: number, known: number, hitShare: number): Parts {
    const alone = maskCacheAdds(this.#alone, entries, known);
    if (this.#behind === undefined) return alone;
    const behind = maskCacheAdds(this.#behind, entries, known);
    const along = clamp(hitShare / this.#behind.without.microflow);
    const part = (of: keyof Parts): number => mix(alone[of], behind[of], along);
    return { fixed: 0, microflow: 0, maskCache: part("maskCache"), masked: part("masked") };
  }

  /** A microflow cache of so many entries that answers such a share of what it is asked. */
  #microflowAlone(entries: number, hitShare: number): Parts {
    if (this.#microflow.length === 0) return partsOf(this.#off);
    const size = (one: Anchor): number => one.microflowEntries;
    const [low, high, bySize] = neighbours(this.#microflow, size, entries);
    const width = high.microflow - low.microflow;
    const between = low !== high && bySize > 0 && bySize < 1;
    // Where the neighbours answer different shares, those say more than the sizes.
    const along = between && Math.abs(width) > 0.05 ? clamp((hitShare - low.microflow) / width) : bySize;
    const parts = (of: keyof Parts): number => mix(partsOf(low)[of], partsOf(high)[of], along);
    const moreMisses = mix(low.microflow, high.microflow, along) - hitShare;
    return {
      fixed: parts("fixed"),
      microflow: parts("microflow"),
      maskCache: parts("maskCache") + moreMisses * this.#off.maskCacheStage,
      masked: parts("masked") + moreMisses * this.#off.maskedStage,
    };
  }

  #maskCacheMemory(entries: number): number {
    const { memory, connections, ghz } = this.#calibration;
    // Four probes, of which as many lines are touched as the table has, or as there are connections.
    const touched = Math.min(entries * MASK_CACHE_ENTRY_SIZE, connections * LINE * 4);
    return extraCost(memory, touched) * ghz;
  }
}

/** Bytes that the caches of a configuration take. */
export function cacheBytes(settings: HitPrediction["settings"]): { microflow: number; maskCache: number } {
  return {
    microflow: settings["microflow.entries"] * microflowEntryBytes(settings["microflow.mode"]),
    maskCache: settings["maskCache.entries"] * MASK_CACHE_ENTRY_SIZE,
  };
}

/** Whether anybody would want tables as large as that: in the exact mode, few entries fill a CPU's caches. */
export function isSane(settings: HitPrediction["settings"]): boolean {
  return cacheBytes(settings).microflow <= TABLE_BYTES_MAX;
}

/** Bytes of a microflow cache's entry: name and megaflow, or the whole key as well. */
export function microflowEntryBytes(mode: HitPrediction["settings"]["microflow.mode"]): number {
  return mode === "exact" ? MICROFLOW_EXACT_SIZE : MICROFLOW_BUCKET_SIZE / MICROFLOW_BUCKET_WAYS;
}

function maskCacheAdds({ without, sizes, answer }: MaskCaches, entries: number, known: number): Parts {
  if (entries === 0 || sizes.length === 0) return NONE;
  const [low, high, along] = neighbours(sizes, (one) => one.maskCacheEntries, entries);
  const added = (one: Anchor): number => addedBy(one, without) + (known - knownShare(one)) * answer;
  const asking = (one: Anchor): number => one.maskCacheStage / (1 - one.microflow);
  const sum = mix(added(low), added(high), along);
  // What the cache does not take itself it takes from the masked lookup, or spares it.
  const maskCache = mix(asking(low), asking(high), along) - asking(without);
  return { fixed: 0, microflow: 0, maskCache, masked: sum - maskCache };
}

/** Cycles that an anchor's mask cache adds to a miss. */
function addedBy(one: Anchor, without: Anchor): number {
  return (one.cycles - without.cycles) / (1 - one.microflow);
}

/** Share of its lookups that an anchor's mask cache answers. */
function knownShare(one: Anchor): number {
  return one.maskCache / (1 - one.microflow);
}

function partsOf(anchor: Anchor): Parts {
  const { fixed, microflowStage, maskCacheStage, maskedStage } = anchor;
  return { fixed, microflow: microflowStage, maskCache: maskCacheStage, masked: maskedStage };
}

/**
 * Of two sizes that answer the same the smaller cannot be the dearer one, since the larger touches no less memory:
 * where it was measured so, both cost what they cost on average (pool adjacent violators).
 */
function notDearer(rising: readonly Anchor[]): Anchor[] {
  const pools: Anchor[][] = [];
  for (const anchor of rising) {
    pools.push([anchor]);
    for (;;) {
      const [before, last] = pools.slice(-2);
      if (last === undefined || before === undefined) break;
      const alike = Math.abs(before.at(-1)!.microflow - last[0]!.microflow) < ALIKE;
      if (!alike || meanCycles(before) <= meanCycles(last)) break;
      pools.splice(-2, 2, [...before, ...last]);
    }
  }
  return pools.flatMap((pool) => pool.map((one) => scaled(one, meanCycles(pool) / one.cycles)));
}

function meanCycles(anchors: readonly Anchor[]): number {
  return anchors.reduce((sum, one) => sum + one.cycles, 0) / anchors.length;
}

function scaled(anchor: Anchor, by: number): Anchor {
  return {
    ...anchor,
    cycles: anchor.cycles * by,
    fixed: anchor.fixed * by,
    microflowStage: anchor.microflowStage * by,
    maskCacheStage: anchor.maskCacheStage * by,
    maskedStage: anchor.maskedStage * by,
  };
}

/** The anchors on both sides of a size, and how far it is from the one to the other, by octaves. */
function neighbours(
  rising: readonly Anchor[],
  size: (one: Anchor) => number,
  entries: number,
): [low: Anchor, high: Anchor, along: number] {
  const above = rising.findIndex((one) => size(one) >= entries);
  const high = rising[above] ?? (rising.at(-1) as Anchor);
  const low = above > 0 ? rising[above - 1]! : high;
  if (low === high) return [low, high, 0];
  return [low, high, Math.log2(entries / size(low)) / Math.log2(size(high) / size(low))];
}

function mix(low: number, high: number, along: number): number {
  return low + along * (high - low);
}

function clamp(share: number): number {
  return Math.min(1, Math.max(0, share));
}

/** Slope of the straight line through points, by least squares; 0 where they are all at one place. */
function slope(points: readonly (readonly [number, number])[]): number {
  if (points.length === 0) return 0;
  const mean = (of: (point: readonly [number, number]) => number): number =>
    points.reduce((sum, point) => sum + of(point), 0) / points.length;
  const x = mean((point) => point[0]);
  const y = mean((point) => point[1]);
  const spread = mean((point) => (point[0] - x) ** 2);
  return spread < 1e-3 ? 0 : mean((point) => (point[0] - x) * (point[1] - y)) / spread;
}
