// Memory for one simulation after the other: what each of them took is free for the next all at once, since a
// garbage collector that is in no hurry would let them add up.

const CHUNK_WORDS = 1 << 19;

/** See the head of the file. */
export class Scratch {
  readonly #chunks: Uint32Array[] = [];
  /** Words in use of each chunk. */
  #used: number[] = [];

  /** So many words, all 0, until the next reset. */
  take(words: number): Uint32Array {
    let chunk = this.#chunks.findIndex((one, i) => one.length - this.#used[i]! >= words);
    if (chunk < 0) {
      chunk = this.#chunks.push(new Uint32Array(Math.max(words, CHUNK_WORDS))) - 1;
      this.#used.push(0);
    }
    const start = this.#used[chunk]!;
    this.#used[chunk] = start + words;
    return this.#chunks[chunk]!.subarray(start, start + words).fill(0);
  }

  /** Everything that was taken is free again. */
  reset(): void {
    this.#used = this.#chunks.map(() => 0);
  }
}
