// Counts how often each 32-bit hash was added: the index of one stage of a subtable.
//
// Open addressing with linear probing and backward-shift deletion, so that removals leave nothing
// behind that a later lookup would have to step over. Two values with one hash share a count, which
// only ever makes `has` answer yes too often: that costs a narrower megaflow, never a wrong one.

const INITIAL_CAPACITY = 8;

/** A multiset of 32-bit hashes. */
export class CountMap {
  #hashes = new Uint32Array(INITIAL_CAPACITY);
  #counts = new Uint32Array(INITIAL_CAPACITY);
  #used = 0;

  /** Distinct hashes present. */
  get size(): number {
    return this.#used;
  }

  /** Bytes of storage. */
  get bytes(): number {
    return this.#hashes.byteLength + this.#counts.byteLength;
  }

  /** Whether `hash` was added more often than removed. */
  has(hash: number): boolean {
    const wanted = hash >>> 0;
    const mask = this.#hashes.length - 1;
    for (let i = wanted & mask; ; i = (i + 1) & mask) {
      if (this.#counts[i] === 0) return false;
      if (this.#hashes[i] === wanted) return true;
    }
  }

  /** Adds one occurrence of `hash`. */
  add(hash: number): void {
    const wanted = hash >>> 0;
    const mask = this.#hashes.length - 1;
    let i = wanted & mask;
    while (this.#counts[i] !== 0) {
      if (this.#hashes[i] === wanted) {
        this.#counts[i] = (this.#counts[i] as number) + 1;
        return;
      }
      i = (i + 1) & mask;
    }
    this.#hashes[i] = wanted;
    this.#counts[i] = 1;
    this.#used++;
    if (this.#used * 4 > this.#hashes.length * 3) this.#grow();
  }

  /** Takes away one occurrence of `hash`, which must be present. */
  remove(hash: number): void {
    const wanted = hash >>> 0;
    const mask = this.#hashes.length - 1;
    let i = wanted & mask;
    while (this.#hashes[i] !== wanted || this.#counts[i] === 0) {
      if (this.#counts[i] === 0) throw new RangeError("CountMap.remove: the hash is not there");
      i = (i + 1) & mask;
    }
    const left = (this.#counts[i] as number) - 1;
    this.#counts[i] = left;
    if (left === 0) {
      this.#used--;
      this.#closeGap(i);
    }
  }

  #closeGap(gap: number): void {
    const mask = this.#hashes.length - 1;
    let hole = gap;
    for (let i = (hole + 1) & mask; this.#counts[i] !== 0; i = (i + 1) & mask) {
      const home = (this.#hashes[i] as number) & mask;
      if (((i - home) & mask) < ((i - hole) & mask)) continue;
      this.#hashes[hole] = this.#hashes[i] as number;
      this.#counts[hole] = this.#counts[i] as number;
      this.#counts[i] = 0;
      hole = i;
    }
  }

  #grow(): void {
    const hashes = this.#hashes;
    const counts = this.#counts;
    this.#hashes = new Uint32Array(hashes.length * 2);
    this.#counts = new Uint32Array(hashes.length * 2);
    const mask = this.#hashes.length - 1;
    for (let from = 0; from < hashes.length; from++) {
      if (counts[from] === 0) continue;
      let i = (hashes[from] as number) & mask;
      while (this.#counts[i] !== 0) i = (i + 1) & mask;
      this.#hashes[i] = hashes[from] as number;
      this.#counts[i] = counts[from] as number;
    }
  }
}
