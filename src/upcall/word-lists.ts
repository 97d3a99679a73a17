// Short lists of words in a few large arrays: a list of its own for each of 200,000 megaflows would cost the
// controller three times the memory, and its garbage collector the time to look through them.
//
//   word 0 ... count - 1   the words, behind [count]; in a list that is free, word 0 is the next free one

import { grown } from "./rules-in-use.ts";

const CHUNK_LOG = 16;
const CHUNK_WORDS = 1 << CHUNK_LOG;
const NONE = 0;

/** See the head of the file. Lists have at least one word, and go by address. */
export class WordLists {
  readonly #chunks: Uint32Array[] = [];
  /** First free list of each length. */
  #free = new Uint32Array(16);
  /** Words of the last chunk that were never used. */
  #fresh = 0;

  /** Makes a list of so many words, at most 65,000; returns its address. */
  add(count: number): number {
    if (count >= this.#free.length) this.#free = grown(this.#free, new Uint32Array(count * 2));
    const free = this.#free[count] as number;
    if (free !== NONE) {
      this.#free[count] = this.at(free, 0);
      return free;
    }
    if (this.#fresh < count + 1) {
      this.#chunks.push(new Uint32Array(CHUNK_WORDS));
      // Address 0 means none.
      this.#fresh = this.#chunks.length === 1 ? CHUNK_WORDS - 1 : CHUNK_WORDS;
    }
    const address = this.#chunks.length * CHUNK_WORDS - this.#fresh;
    this.#fresh -= count + 1;
    this.chunkOf(address)[address & (CHUNK_WORDS - 1)] = count;
    return address;
  }

  /** Gives a list back. */
  remove(address: number): void {
    const count = this.length(address);
    this.chunkOf(address)[this.firstOf(address)] = this.#free[count] as number;
    this.#free[count] = address;
  }

  /** Words of a list. */
  length(address: number): number {
    return this.chunkOf(address)[address & (CHUNK_WORDS - 1)] as number;
  }

  at(address: number, i: number): number {
    return this.chunkOf(address)[(address & (CHUNK_WORDS - 1)) + 1 + i] as number;
  }

  /** The array that a list's words lie in, one after the other, and where they begin there. */
  chunkOf(address: number): Uint32Array {
    return this.#chunks[address >>> CHUNK_LOG] as Uint32Array;
  }

  firstOf(address: number): number {
    return (address & (CHUNK_WORDS - 1)) + 1;
  }
}
