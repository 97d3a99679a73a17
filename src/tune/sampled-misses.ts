// What a microflow cache missed, sent through mask caches of every size: all of it, or where it is too much a
// sample of connections through caches as much smaller.

import type { Lookups } from "./lookups.ts";
import { MaskCacheSim } from "./mask-cache-sim.ts";
import type { Misses } from "./microflow-outcome.ts";
import { share } from "./microflow-outcome.ts";
import { mixName } from "./mix.ts";
import type { CacheSettings } from "./predict-hits.ts";

/** What a mask cache does with misses, as shares of them. */
export interface MaskCacheShares {
  readonly hits: number;
  readonly inserts: number;
  /** Of the first round's misses, from empty. */
  readonly onceHits: number;
}

/** A mask cache that is off, or that nobody asks. */
export const NOTHING: MaskCacheShares = { hits: 0, inserts: 0, onceHits: 0 };

/** A mask cache has settled once its misses could have filled it so many times. */
const FILLINGS = 8;
const SETTLING_ROUNDS_MAX = 5;
/** Misses that a steady state is averaged over, and the most rounds that a short trace makes of them. */
const STEADY_MISSES = 1 << 15;
const ROUNDS_MAX = 32;
/** Smallest cache that a sample is simulated in. */
const MINIATURE_MIN = 64;

/** See the head of the file. */
export class SampledMisses {
  readonly #lookups: Lookups;
  /** One connection in 2^n. */
  readonly #sampling: number;
  readonly #once: Misses;
  readonly #recent: readonly Misses[];
  /** Misses of the first round and of a recent one that the sample stands for, in the sample's scale. */
  readonly #expectedOnce: number;
  readonly #expected: number;
  /** What was simulated already, by size and rule. */
  readonly #known = new Map<string, MaskCacheShares>();

  private constructor(
    lookups: Lookups,
    sampling: number,
    once: Misses,
    recent: readonly Misses[],
    counts: Counts,
  ) {
    this.#lookups = lookups;
    this.#sampling = sampling;
    this.#once = once;
    this.#recent = recent;
    this.#expectedOnce = counts.once / 2 ** sampling;
    this.#expected = counts.steady / 2 ** sampling;
  }

  /** What a cache missed in its first round and in recent ones; `budget` of a round's misses are simulated at most. */
  static of(lookups: Lookups, once: Misses, recent: readonly Misses[], budget: number): SampledMisses {
    const sampling = samplingFor(once.misses.length, budget);
    const thin = (round: Misses): Misses => (sampling === 0 ? round : sampleMisses(lookups, round, sampling));
    const all = recent.reduce((sum, { misses }) => sum + misses.length, 0);
    const counts = { once: once.misses.length, steady: all / recent.length };
    return new SampledMisses(lookups, sampling, thin(once), recent.map(thin), counts);
  }

  /** Every lookup: what there is to answer without a microflow cache. */
  static ofAll(lookups: Lookups, budget: number): SampledMisses {
    const sampling = samplingFor(lookups.count, budget);
    const all = sampleAll(lookups, sampling);
    return new SampledMisses(lookups, sampling, all, [all], { once: lookups.count, steady: lookups.count });
  }

  /** What a mask cache of these settings does with them. */
  simulate(settings: CacheSettings): MaskCacheShares {
    const key = `${settings["maskCache.entries"]} ${settings["maskCache.victim"]}`;
    const known = this.#known.get(key) ?? this.#simulate(settings);
    this.#known.set(key, known);
    return known;
  }

  #simulate(settings: CacheSettings): MaskCacheShares {
    const entries = settings["maskCache.entries"];
    if (entries === 0 || this.#expectedOnce === 0) return NOTHING;
    const size = Math.max(Math.min(entries, MINIATURE_MIN), entries >>> this.#sampling);
    const sim = new MaskCacheSim({ entries: size, victim: settings["maskCache.victim"] });
    const once = sim.round(this.#lookups, this.#once.misses, this.#once.missEnds);
    const last = this.#recent.at(-1)!;
    const filling = Math.ceil((FILLINGS * size) / Math.max(1, last.misses.length)) - 1;
    // The kernel's rule lets high names stay for ever: what they displace it shows late.
    const slow = settings["maskCache.victim"] === "kernel";
    const settling = slow ? SETTLING_ROUNDS_MAX : Math.min(SETTLING_ROUNDS_MAX, filling);
    const settled = Math.max(settling, this.#recent.length - 1);
    for (let round = 0; round < settled; round++) {
      const { misses, missEnds } = this.#recent[round % this.#recent.length]!;
      sim.round(this.#lookups, misses, missEnds);
    }
    const rounds = Math.min(ROUNDS_MAX, Math.ceil(STEADY_MISSES / Math.max(1, last.misses.length)));
    const steady = { hits: 0, inserts: 0, misses: 0 };
    for (let round = 0; round < rounds; round++) {
      const { misses, missEnds } = this.#recent[(settled + round) % this.#recent.length]!;
      const { hits, inserts } = sim.round(this.#lookups, misses, missEnds);
      steady.hits += hits / rounds;
      steady.inserts += inserts / rounds;
      steady.misses += misses.length / rounds;
    }
    // As SHARDS-adj: lookups that the sample has too few or too many are those of popular connections, which hit.
    const hits = steady.hits + this.#expected - steady.misses;
    const onceHits = once.hits + this.#expectedOnce - this.#once.misses.length;
    return {
      hits: clamp(share(hits, this.#expected)),
      inserts: clamp(share(steady.inserts, this.#expected)),
      onceHits: clamp(share(onceHits, this.#expectedOnce)),
    };
  }
}

interface Counts {
  readonly once: number;
  readonly steady: number;
}

function samplingFor(misses: number, budget: number): number {
  return Math.max(0, Math.ceil(Math.log2(Math.max(misses, 1) / budget)));
}

function sampleMisses(lookups: Lookups, round: Misses, sampling: number): Misses {
  const misses: number[] = [];
  const missEnds = new Uint32Array(round.missEnds.length);
  const rest = (1 << sampling) - 1;
  let from = 0;
  for (let batch = 0; batch < round.missEnds.length; batch++) {
    const end = round.missEnds[batch]!;
    for (let m = from; m < end; m++) {
      const i = round.misses[m]!;
      if ((mixName(lookups.maskNames[i]!) & rest) === 0) misses.push(i);
    }
    missEnds[batch] = misses.length;
    from = end;
  }
  return { misses: Uint32Array.from(misses), missEnds };
}

function sampleAll(lookups: Lookups, sampling: number): Misses {
  const misses: number[] = [];
  const missEnds = new Uint32Array(lookups.batchEnds.length);
  const rest = (1 << sampling) - 1;
  let from = 0;
  for (let batch = 0; batch < lookups.batchEnds.length; batch++) {
    const end = lookups.batchEnds[batch]!;
    for (let i = from; i < end; i++) if ((mixName(lookups.maskNames[i]!) & rest) === 0) misses.push(i);
    missEnds[batch] = misses.length;
    from = end;
  }
  return { misses: Uint32Array.from(misses), missEnds };
}

function clamp(value: number): number {
  return Math.min(1, Math.max(0, value));
}
