// What a microflow cache missed, sent through mask caches of every size: all of it, or where it is too much a
// sample of connections through caches as much smaller.

import type { Lookups } from "./lookups.ts";
import { type MaskCachePolicy, MaskCacheSim } from "./mask-cache-sim.ts";
import type { MicroflowRound } from "./microflow-sim.ts";
import { mixName } from "./mix.ts";
import type { Scratch } from "./scratch.ts";
import { share } from "./share.ts";

/** Places of misses in the trace, and how many of them there are at the end of each batch. */
export type Misses = Pick<MicroflowRound, "misses" | "missEnds">;

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
  readonly #scratch: Scratch;
  /** One connection in 2^n. */
  readonly #sampling: number;
  readonly #once: Misses;
  readonly #recent: Misses[] = [];
  /** Misses of the first round and of all recent ones that the sample stands for. */
  readonly #onceCount: number;
  #recentCount = 0;
  /** What was simulated already, by size and rule. */
  readonly #known = new Map<string, MaskCacheShares>();

  /**
   * Begins with what a cache missed in its first round; `budget` misses of a round are simulated at most. The copies
   * lie in a scratch, until its next reset.
   */
  constructor(lookups: Lookups, once: Misses, budget: number, scratch: Scratch) {
    this.#scratch = scratch;
    this.#lookups = lookups;
    this.#sampling = Math.max(0, Math.ceil(Math.log2(Math.max(once.misses.length, 1) / budget)));
    this.#onceCount = once.misses.length;
    this.#once = this.#sampled(once);
  }

  /** Every lookup: what there is to answer without a microflow cache. Needs room for as many misses for a moment. */
  static ofAll(lookups: Lookups, room: Uint32Array, budget: number, scratch: Scratch): SampledMisses {
    for (let i = 0; i < lookups.count; i++) room[i] = i;
    const misses = room.subarray(0, lookups.count);
    const all = new SampledMisses(lookups, { misses, missEnds: lookups.batchEnds }, budget, scratch);
    all.#recent.push(all.#once);
    all.#recentCount = lookups.count;
    return all;
  }

  /** Adds what a later round missed; its arrays may be used for the next. */
  addRecent(round: Misses): void {
    this.#recent.push(this.#sampled(round));
    this.#recentCount += round.misses.length;
  }

  /** What a mask cache does with them. */
  simulate(policy: MaskCachePolicy): MaskCacheShares {
    const key = `${policy.entries} ${policy.victim}`;
    const known = this.#known.get(key) ?? this.#simulate(policy);
    this.#known.set(key, known);
    return known;
  }

  /** A copy of the misses of the connections in the sample. */
  #sampled({ misses, missEnds }: Misses): Misses {
    const rest = 2 ** this.#sampling - 1;
    const names = this.#lookups.maskNames;
    const isIn = (i: number): boolean => (mixName(names[i]!) & rest) === 0;
    let count = misses.length;
    if (rest !== 0) {
      count = 0;
      for (const i of misses) count += isIn(i) ? 1 : 0;
    }
    const places = this.#scratch.take(count);
    const ends = this.#scratch.take(missEnds.length);
    let found = 0;
    let from = 0;
    for (let batch = 0; batch < ends.length; batch++) {
      const end = missEnds[batch]!;
      for (let m = from; m < end; m++) if (isIn(misses[m]!)) places[found++] = misses[m]!;
      ends[batch] = found;
      from = end;
    }
    return { misses: places, missEnds: ends };
  }

  #simulate({ entries, victim }: MaskCachePolicy): MaskCacheShares {
    if (entries === 0 || this.#onceCount === 0) return NOTHING;
    const size = Math.max(Math.min(entries, MINIATURE_MIN), entries >>> this.#sampling);
    const sim = new MaskCacheSim({ entries: size, victim });
    const once = sim.round(this.#lookups, this.#once.misses, this.#once.missEnds);
    const last = this.#recent.at(-1)!;
    const filling = Math.ceil((FILLINGS * size) / Math.max(1, last.misses.length)) - 1;
    // The kernel's rule lets high names stay for ever: what they displace it shows late.
    const slow = victim === "kernel";
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
    // What the sample stands for, in its scale.
    const expected = this.#recentCount / this.#recent.length / 2 ** this.#sampling;
    const expectedOnce = this.#onceCount / 2 ** this.#sampling;
    // As SHARDS-adj: lookups that the sample has too few or too many are those of popular connections, which hit.
    const hits = steady.hits + expected - steady.misses;
    const onceHits = once.hits + expectedOnce - this.#once.misses.length;
    return {
      hits: clamp(share(hits, expected)),
      inserts: clamp(share(steady.inserts, expected)),
      onceHits: clamp(share(onceHits, expectedOnce)),
    };
  }
}

function clamp(value: number): number {
  return Math.min(1, Math.max(0, value));
}
