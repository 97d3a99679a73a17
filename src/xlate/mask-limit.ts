// Keeps the number of masks bounded: a lookup tries one mask after the other, so that past a limit a new
// mask costs every packet more than a narrower megaflow costs its own.

/** Masks in use, each with the number of megaflows that have it. */
export class MaskSet {
  readonly #masks = new Map<string, { readonly mask: Uint32Array; users: number }>();
  /** Most distinct masks; from there on megaflows get one of those there are. */
  limit: number;

  constructor(limit: number) {
    this.limit = limit;
  }

  get size(): number {
    return this.#masks.size;
  }

  /**
   * The mask to install a megaflow with: `mask` itself while there is room or it is in use already, else
   * the narrowest widening of it there is, that is the one in use that has all of its bits and the
   * fewest others. Such a mask looks at more, which is always sound. The last place is kept for
   * `everything`, which widens any mask.
   */
  choose(mask: Uint32Array, everything: Uint32Array): Uint32Array {
    if (this.#masks.size < this.limit - 1 || this.#masks.has(keyOf(mask))) return mask;
    return (
      this.#smallestSuperset(mask) ??
      (extraBits(everything, mask) < Number.POSITIVE_INFINITY ? everything : mask)
    );
  }

  /** One more megaflow has this mask. */
  add(mask: Uint32Array): void {
    const key = keyOf(mask);
    const entry = this.#masks.get(key);
    if (entry === undefined) this.#masks.set(key, { mask: mask.slice(), users: 1 });
    else entry.users++;
  }

  /** One megaflow less has this mask. */
  remove(mask: Uint32Array): void {
    const key = keyOf(mask);
    const entry = this.#masks.get(key);
    if (entry === undefined) return;
    entry.users--;
    if (entry.users === 0) this.#masks.delete(key);
  }

  #smallestSuperset(mask: Uint32Array): Uint32Array | undefined {
    let best: Uint32Array | undefined;
    let fewest = Number.POSITIVE_INFINITY;
    for (const { mask: candidate } of this.#masks.values()) {
      const extra = extraBits(candidate, mask);
      if (extra < fewest) {
        best = candidate;
        fewest = extra;
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

function keyOf(mask: Uint32Array): string {
  let key = "";
  for (let i = 0; i < mask.length; i++) if (mask[i] !== 0) key += `${i}:${mask[i]},`;
  return key;
}
