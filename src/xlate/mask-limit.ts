// The masks of all megaflows of a PMD, each there once, and their number bounded: a lookup tries one mask
// after the other, so that past a limit a new mask costs every packet more than a narrower megaflow costs
// its own.

import { maskLanes } from "../odp/mask-lanes.ts";

/** A mask that megaflows share. */
export class MegaflowMask {
  /** KEY_WORD_COUNT words; not to be changed. */
  readonly bits: Uint32Array;
  /** Numbers of the words that have a bit. */
  readonly words: Uint8Array;
  /** Lanes of the key that the datapath's record holds. */
  readonly lanes: readonly number[];
  /** Megaflows that have it. */
  users = 0;
  /** Its place among the masks in use; another mask's later. */
  number = 0;
  readonly hash: number;
  /** Next mask with the same hash; the set's own. */
  next: MegaflowMask | undefined = undefined;

  constructor(mask: Uint32Array, hash: number) {
    this.bits = mask.slice();
    const words: number[] = [];
    for (let i = 0; i < mask.length; i++) if (mask[i] !== 0) words.push(i);
    this.words = Uint8Array.from(words);
    this.lanes = maskLanes(mask);
    this.hash = hash;
  }

  /** Whether it has exactly these bits. */
  equals(mask: Uint32Array): boolean {
    const { bits } = this;
    for (let i = 0; i < bits.length; i++) if (bits[i] !== mask[i]) return false;
    return true;
  }
}

/** Masks in use. */
export class MaskSet {
  readonly #byHash = new Map<number, MegaflowMask>();
  readonly #numbered: (MegaflowMask | undefined)[] = [];
  readonly #freeNumbers: number[] = [];
  #size = 0;
  /** The one chosen last: most megaflows have the mask of the one before. */
  #last: MegaflowMask | undefined;
  /** Most distinct masks; from there on megaflows get one of those there are. */
  limit: number;

  constructor(limit: number) {
    this.limit = limit;
  }

  /** Distinct masks in use. */
  get size(): number {
    return this.#size;
  }

  /**
   * The mask to install a megaflow with: `mask` itself while there is room or it is in use already, else
   * the narrowest widening of it there is, that is the one in use that has all of its bits and the
   * fewest others. Such a mask looks at more, which is always sound. The last place is kept for
   * `everything`, which widens any mask. The megaflow counts once `retain` was called.
   */
  choose(mask: Uint32Array, everything: Uint32Array): MegaflowMask {
    if (this.#last !== undefined && this.#last.users > 0 && this.#last.equals(mask)) return this.#last;
    const hash = hashOf(mask);
    let chosen = this.#find(mask, hash);
    if (chosen === undefined && this.#size >= this.limit - 1) {
      chosen = this.#smallestSuperset(mask);
      if (chosen === undefined && extraBits(everything, mask) < Number.POSITIVE_INFINITY) {
        chosen = new MegaflowMask(everything, hashOf(everything));
      }
    }
    chosen ??= new MegaflowMask(mask, hash);
    this.#last = chosen;
    return chosen;
  }

  /** The mask in use with this number. */
  at(number: number): MegaflowMask {
    return this.#numbered[number] as MegaflowMask;
  }

  /** One more megaflow has this mask. */
  retain(mask: MegaflowMask): void {
    if (mask.users++ > 0) return;
    mask.number = this.#freeNumbers.pop() ?? this.#numbered.length;
    this.#numbered[mask.number] = mask;
    mask.next = this.#byHash.get(mask.hash);
    this.#byHash.set(mask.hash, mask);
    this.#size++;
  }

  /** One megaflow less has this mask. */
  release(mask: MegaflowMask): void {
    if (--mask.users > 0) return;
    this.#numbered[mask.number] = undefined;
    this.#freeNumbers.push(mask.number);
    this.#size--;
    const first = this.#byHash.get(mask.hash);
    if (first !== mask) {
      let before = first;
      while (before?.next !== undefined && before.next !== mask) before = before.next;
      if (before !== undefined) before.next = mask.next;
    } else if (mask.next === undefined) this.#byHash.delete(mask.hash);
    else this.#byHash.set(mask.hash, mask.next);
    mask.next = undefined;
  }

  #find(mask: Uint32Array, hash: number): MegaflowMask | undefined {
    let one = this.#byHash.get(hash);
    while (one !== undefined && !one.equals(mask)) one = one.next;
    return one;
  }

  #smallestSuperset(mask: Uint32Array): MegaflowMask | undefined {
    let best: MegaflowMask | undefined;
    let fewest = Number.POSITIVE_INFINITY;
    for (const first of this.#byHash.values()) {
      for (let one: MegaflowMask | undefined = first; one !== undefined; one = one.next) {
        const extra = extraBits(one.bits, mask);
        if (extra < fewest) {
          best = one;
          fewest = extra;
        }
      }
    }
    return best;
  }
}

/** Bits that `outer` has and `inner` does not; infinite when `outer` lacks any of `inner`'s. */
function extraBits(outer: Uint32Array, inner: Uint32Array): number {
  let count = 0;
  for (let i = 0; i < inner.length; i++) {
    const a = outer[i] as number;
    const b = inner[i] as number;
    if ((b & ~a) !== 0) return Number.POSITIVE_INFINITY;
    for (let rest = (a & ~b) >>> 0; rest !== 0; rest = (rest & (rest - 1)) >>> 0) count++;
  }
  return count;
}

/** FNV-1a over words: masks are few, and differ in many bits. */
function hashOf(mask: Uint32Array): number {
  let hash = 0x811c9dc5 | 0;
  for (let i = 0; i < mask.length; i++) {
    const word = mask[i] as number;
    if (word !== 0) hash = Math.imul(hash ^ word ^ (i << 24), 0x01000193);
  }
  return hash ^ (hash >>> 15);
}
