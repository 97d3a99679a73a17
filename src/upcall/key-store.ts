// Keys of megaflows and of waiting upcalls, without their empty lanes, in a few large arrays: a typed array
// of its own for each of 200,000 keys would cost the controller ten times the memory.
//
//   word 0        bit (lane - 3) set for every lane from 3 up that is there; lanes 0 to 2 always are
//   words 1 ...   the lanes, four words each, in order

import { KEY_LANE_COUNT, KEY_WORD_COUNT } from "../../assembly/layout/flow-key.ts";

/** Lanes that are always there: all that most IPv4 traffic has. */
const PLAIN_LANES = 3;
const CHUNK_LOG = 16;
const CHUNK_WORDS = 1 << CHUNK_LOG;
/** No key; number 0 is never given out. */
const NONE = 0;

/** See the head of the file. Keys go by number. */
export class KeyStore {
  readonly #chunks: Uint32Array[] = [];
  /** First free place of each size, by the lanes from 3 up; its word 0 has the next one. */
  readonly #free = new Int32Array(KEY_LANE_COUNT - PLAIN_LANES + 1);
  readonly #scratch = new Uint32Array(KEY_WORD_COUNT);
  /** Words of the last chunk that were never used. */
  #fresh = 0;

  /** Bytes taken from the heap. */
  get bytes(): number {
    return this.#chunks.length * CHUNK_WORDS * 4;
  }

  /**
   * Stores a key; returns its number. Its lanes 0 to 3 begin at index `from`, and behind them come, one after
   * the other, those from 4 up for which `written` has bit (lane - 4) set (KEY_DIRTY of the datapath): all of
   * them in a key that is whole.
   */
  add(words: Uint32Array, from: number, written = 0xffffffff): number {
    let lanes = 0;
    let count = 0;
    const possible = ((written << 1) | 1) >>> 0;
    let at = from + PLAIN_LANES * 4;
    for (let lane = PLAIN_LANES, bit = 1; lane < KEY_LANE_COUNT; lane++, bit <<= 1) {
      if ((possible & bit) === 0) continue;
      if ((words[at]! | words[at + 1]! | words[at + 2]! | words[at + 3]!) !== 0) {
        lanes |= bit;
        count++;
      }
      at += 4;
    }
    const number = this.#take(count);
    const chunk = this.#chunks[number >>> CHUNK_LOG]!;
    let to = number & (CHUNK_WORDS - 1);
    chunk[to++] = lanes;
    for (let i = 0; i < PLAIN_LANES * 4; i++) chunk[to++] = words[from + i]!;
    at = from + PLAIN_LANES * 4;
    for (let bit = 1, rest = lanes; rest !== 0; bit <<= 1) {
      if ((possible & bit) === 0) continue;
      if ((rest & bit) !== 0) for (let i = at; i < at + 4; i++) chunk[to++] = words[i]!;
      rest &= ~bit;
      at += 4;
    }
    return number;
  }

  /** Spreads a key out over KEY_WORD_COUNT words. */
  read(number: number, into: Uint32Array): void {
    const chunk = this.#chunks[number >>> CHUNK_LOG]!;
    let from = number & (CHUNK_WORDS - 1);
    let lanes = chunk[from++]!;
    for (let i = 0; i < PLAIN_LANES * 4; i++) into[i] = chunk[from++]!;
    into.fill(0, PLAIN_LANES * 4, KEY_WORD_COUNT);
    for (let lane = PLAIN_LANES; lanes !== 0; lane++, lanes >>>= 1) {
      if ((lanes & 1) === 0) continue;
      for (let i = lane * 4; i < lane * 4 + 4; i++) into[i] = chunk[from++]!;
    }
  }

  /** One word of a stored key. */
  word(number: number, word: number): number {
    const chunk = this.#chunks[number >>> CHUNK_LOG]!;
    const at = number & (CHUNK_WORDS - 1);
    if (word < PLAIN_LANES * 4) return chunk[at + 1 + word]!;
    const lane = (word >>> 2) - PLAIN_LANES;
    const lanes = chunk[at]!;
    if (((lanes >>> lane) & 1) === 0) return 0;
    const before = bitCount(lanes & ((1 << lane) - 1));
    return chunk[at + 1 + (PLAIN_LANES + before) * 4 + (word & 3)]!;
  }

  /** Whether a stored key and another one are equal under a mask. */
  agrees(
    number: number,
    key: Uint32Array,
    mask: { readonly bits: Uint32Array; readonly words: Uint8Array },
  ): boolean {
    this.read(number, this.#scratch);
    for (const word of mask.words) {
      if (((this.#scratch[word]! ^ key[word]!) & mask.bits[word]!) !== 0) return false;
    }
    return true;
  }

  /** Takes a key's place back. */
  remove(number: number): void {
    const chunk = this.#chunks[number >>> CHUNK_LOG]!;
    const at = number & (CHUNK_WORDS - 1);
    const size = bitCount(chunk[at]!);
    chunk[at] = this.#free[size]!;
    this.#free[size] = number;
  }

  #take(lanes: number): number {
    const free = this.#free[lanes]!;
    if (free !== NONE) {
      this.#free[lanes] = this.#chunks[free >>> CHUNK_LOG]![free & (CHUNK_WORDS - 1)]!;
      return free;
    }
    const words = 1 + (PLAIN_LANES + lanes) * 4;
    if (this.#fresh < words) {
      this.#chunks.push(new Uint32Array(CHUNK_WORDS));
      this.#fresh = CHUNK_WORDS;
      // Number 0 means none.
      if (this.#chunks.length === 1) this.#fresh--;
    }
    const number = this.#chunks.length * CHUNK_WORDS - this.#fresh;
    this.#fresh -= words;
    return number;
  }
}

function bitCount(word: number): number {
  let count = 0;
  for (let rest = word; rest !== 0; rest = (rest & (rest - 1)) >>> 0) count++;
  return count;
}
