// The mask cache in miniature: the probes, victim rules and clock of assembly/cache/mask-cache.ts over names
// and masks alone. It sees only what the microflow cache missed.

import { MASK_CACHE_PROBES } from "../../assembly/layout/mask-cache.ts";
import type { Lookups } from "./lookups.ts";

/** A mask cache to be simulated. */
export interface MaskCachePolicy {
  /** 0 = off. */
  readonly entries: number;
  readonly victim: "kernel" | "lru";
}

/** What came of a round of misses. */
export interface MaskCacheRound {
  /** Lookups that found their mask. */
  readonly hits: number;
  /** Lookups that the cache knew, rightly or not. */
  readonly known: number;
  readonly inserts: number;
}

/** Most misses of a batch: BATCH_MAX of the datapath. */
const BATCH = 256;

/** Whether misses ask the mask cache at all: with a single mask there is nothing to choose, except to the kernel. */
export function asksMaskCache({ entries, victim }: MaskCachePolicy, masks: number): boolean {
  return entries !== 0 && (masks > 1 || victim === "kernel");
}

/** Bits between the four probes of a cache of so many entries, as src/datapath/pmd-memory.ts sets them. */
export function maskCacheShift(entries: number): number {
  const bits = Math.log2(Math.max(entries, 2));
  return bits <= 8 ? 8 : Math.max(1, Math.floor((32 - bits) / 3));
}

/** See the head of the file. State lives on from round to round. */
export class MaskCacheSim {
  readonly #kernel: boolean;
  readonly #names: Uint32Array;
  /** Mask that matched last, by address (the datapath keeps its place in the mask array). */
  readonly #masks: Uint32Array;
  /** Coarse clock of the last use. */
  readonly #stamps: Uint16Array;
  readonly #entryMask: number;
  readonly #shift: number;
  readonly #found = new Int32Array(BATCH);
  readonly #guesses = new Uint32Array(BATCH);
  readonly #entries: number;
  #ticks = 0;

  constructor(policy: MaskCachePolicy) {
    this.#entries = policy.entries;
    this.#kernel = policy.victim === "kernel";
    this.#names = new Uint32Array(policy.entries);
    this.#masks = new Uint32Array(policy.entries);
    this.#stamps = new Uint16Array(policy.entries);
    this.#entryMask = Math.max(policy.entries, 1) - 1;
    this.#shift = maskCacheShift(policy.entries);
  }

  /** Sends misses through once: places in the trace, and where each batch of them ends. */
  round(trace: Lookups, misses: Uint32Array, missEnds: Uint32Array): MaskCacheRound {
    if (this.#entries === 0) return { hits: 0, known: 0, inserts: 0 };
    const sum = { hits: 0, known: 0, inserts: 0 };
    let start = 0;
    for (const end of missEnds) {
      for (let from = start; from < end; from += BATCH)
        this.#batch(trace, misses, from, Math.min(end, from + BATCH), sum);
      start = end;
    }
    return sum;
  }

  #batch(
    trace: Lookups,
    misses: Uint32Array,
    start: number,
    end: number,
    sum: { hits: number; known: number; inserts: number },
  ): void {
    const masks = this.#masks;
    for (let m = start; m < end; m++) {
      const name = trace.maskNames[misses[m]!]!;
      // The answer: the entry, as ~entry when it is another name's.
      const answer = name === 0 ? NONE : this.#find(name);
      this.#found[m - start] = answer;
      const entry = answer < 0 ? ~answer : answer;
      const guessed = name !== 0 && (answer >= 0 || this.#kernel);
      this.#guesses[m - start] = guessed ? masks[entry]! : 0;
    }
    for (let m = start; m < end; m++) {
      const answer = this.#found[m - start]!;
      if (answer === NONE) continue;
      const i = misses[m]!;
      const mask = trace.masks[i]!;
      const known = answer >= 0;
      const entry = known ? answer : ~answer;
      if (known) sum.known++;
      if (mask === 0) {
        if (known) this.#names[entry] = 0;
        continue;
      }
      if (known && this.#guesses[m - start] === mask) sum.hits++;
      masks[entry] = mask;
      this.#stamps[entry] = this.#ticks >>> 6;
      if (known) continue;
      this.#names[entry] = trace.maskNames[i]!;
      sum.inserts++;
    }
  }

  /** The entry of the name, or ~ the entry to overwrite. */
  #find(name: number): number {
    this.#ticks = (this.#ticks + 1) >>> 0;
    const names = this.#names;
    let victim = -1;
    let probe = name;
    for (let segment = 0; segment < MASK_CACHE_PROBES; segment++) {
      const entry = probe & this.#entryMask;
      if (names[entry] === name) return entry;
      if (victim < 0 || this.#worse(entry, victim)) victim = entry;
      probe >>>= this.#shift;
    }
    return ~victim;
  }

  #worse(entry: number, than: number): boolean {
    const name = this.#names[entry]!;
    const thanName = this.#names[than]!;
    if (this.#kernel || name === 0 || thanName === 0) return name < thanName;
    const now = this.#ticks >>> 6;
    return ((now - this.#stamps[entry]!) & 0xffff) > ((now - this.#stamps[than]!) & 0xffff);
  }
}

/** The packet goes around the cache. */
const NONE = -0x80000000;
