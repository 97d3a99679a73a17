// The lookups of a trace as parallel arrays: what every simulation reads. They come from the datapath itself
// (assembly/pmd/sample.ts), so names, megaflows and masks are the real ones.

import {
  SAMPLE_COUNT,
  SAMPLE_ENTRIES,
  SAMPLE_ENTRY_SIZE,
  SAMPLE_FLOW,
  SAMPLE_KEY_HASH,
  SAMPLE_MASK,
  SAMPLE_MASK_NAME,
  SAMPLE_SIGNATURE,
} from "../../assembly/layout/sample.ts";

/** Lookups in the order they happened. All arrays but `batchEnds` have `count` entries in use. */
export interface Lookups {
  readonly count: number;
  /** Name of the microflow; 0 = not cached. */
  readonly signatures: Uint32Array;
  /** Name in the mask cache; 0 = not cached. */
  readonly maskNames: Uint32Array;
  /** Address of the megaflow's and the mask's record; 0 = an upcall. */
  readonly flows: Uint32Array;
  readonly masks: Uint32Array;
  /** Hash of the whole key, which the exact mode goes by; empty where nobody asked for it. */
  readonly keyHashes: Uint32Array;
  /** Place behind the last lookup of each batch: a batch does not see its own insertions. */
  readonly batchEnds: Uint32Array;
}

const words = (offset: number): number => offset >>> 2;

/** Gathers lookups from the records of a sample ring. */
export class LookupCollector {
  #capacity = 0;
  #count = 0;
  #signatures = new Uint32Array(0);
  #maskNames = new Uint32Array(0);
  #flows = new Uint32Array(0);
  #masks = new Uint32Array(0);
  #keyHashes = new Uint32Array(0);
  #batchEnds = new Uint32Array(1024);
  #batches = 0;

  readonly #hashes: boolean;

  /** `expected` lookups have room from the start; `hashes` of whole keys take a fifth more. */
  constructor(expected = 1024, hashes = true) {
    this.#hashes = hashes;
    this.#grow(Math.max(expected, 16));
  }

  /** Lookups so far. */
  get count(): number {
    return this.#count;
  }

  /** Takes the record at `address` of linear memory. */
  add(u32: Uint32Array, address: number): void {
    const entries = u32[words(address + SAMPLE_COUNT)]!;
    while (this.#count + entries > this.#capacity) this.#grow(this.#capacity * 2);
    let at = words(address + SAMPLE_ENTRIES);
    for (let i = this.#count; i < this.#count + entries; i++, at += SAMPLE_ENTRY_SIZE / 4) {
      this.#signatures[i] = u32[at + words(SAMPLE_SIGNATURE)]!;
      this.#maskNames[i] = u32[at + words(SAMPLE_MASK_NAME)]!;
      this.#flows[i] = u32[at + words(SAMPLE_FLOW)]!;
      this.#masks[i] = u32[at + words(SAMPLE_MASK)]!;
      if (this.#hashes) this.#keyHashes[i] = u32[at + words(SAMPLE_KEY_HASH)]!;
    }
    this.#count += entries;
    this.#endBatch();
  }

  /** Everything gathered so far; it stays valid while more is added. */
  lookups(): Lookups {
    const count = this.#count;
    return {
      count,
      signatures: this.#signatures.subarray(0, count),
      maskNames: this.#maskNames.subarray(0, count),
      flows: this.#flows.subarray(0, count),
      masks: this.#masks.subarray(0, count),
      keyHashes: this.#keyHashes.subarray(0, count),
      batchEnds: this.#batchEnds.slice(0, this.#batches),
    };
  }

  #endBatch(): void {
    if (this.#batches === this.#batchEnds.length) this.#batchEnds = grown(this.#batchEnds, this.#batches * 2);
    this.#batchEnds[this.#batches++] = this.#count;
  }

  #grow(capacity: number): void {
    this.#capacity = capacity;
    this.#signatures = grown(this.#signatures, capacity);
    this.#maskNames = grown(this.#maskNames, capacity);
    this.#flows = grown(this.#flows, capacity);
    this.#masks = grown(this.#masks, capacity);
    if (this.#hashes) this.#keyHashes = grown(this.#keyHashes, capacity);
  }
}

function grown(from: Uint32Array, length: number): Uint32Array<ArrayBuffer> {
  const to = new Uint32Array(length);
  to.set(from);
  return to;
}
