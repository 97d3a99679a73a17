// How a subtable's mask is cut into the stages of a lookup, and hashed along them.

import { swap32 } from "../../odp/flow-key.ts";
import { CountMap } from "./count-map.ts";
import { PREFIX_FIELDS, SEGMENT_COUNT, SEGMENT_MASKS } from "./flow-segments.ts";
import type { ClassifierOptions } from "./options.ts";

/** One stage of the lookup: the words it adds to those before. */
export interface Stage {
  /** End of the stage's words in `Subtable.words`. */
  readonly end: number;
  /** Hashes of all values up to here; null in the last stage, whose answer is the hash table's. */
  readonly index: CountMap | null;
  /** Prefix fields (by index into PREFIX_FIELDS) that the stage holds, with their lengths. */
  readonly prefixes: readonly { readonly field: number; readonly length: number }[];
}

/** One step of the hash that the stages continue; unsigned. */
export function mixHash(hash: number, value: number): number {
  let k = Math.imul(value, 0xcc9e2d51);
  k = (k << 15) | (k >>> 17);
  let h = hash ^ Math.imul(k, 0x1b873593);
  h = (h << 13) | (h >>> 19);
  h = Math.imul(h, 5) + 0xe6546b64;
  return (h ^ (h >>> 16)) >>> 0;
}

/** Zero bits below the lowest set one; 32 of zero. */
export function trailingZeros(value: number): number {
  return value === 0 ? 32 : 31 - Math.clz32(value & -value);
}

/** Length of the prefix that `mask` is on a field, or 0 when it is none or no prefix. */
export function prefixLength(mask: Uint32Array, word: number, words: number): number {
  let length = 0;
  let ended = false;
  for (let i = 0; i < words; i++) {
    const bits = swap32(mask[word + i] as number);
    if (ended) {
      if (bits !== 0) return 0;
      continue;
    }
    const inverse = ~bits >>> 0;
    if ((inverse & (inverse + 1)) !== 0) return 0;
    length += 32 - trailingZeros(bits);
    ended = bits !== 0xffffffff;
  }
  return length;
}

/** The words of a mask in stage order, and the stages. */
export interface StagePlan {
  words: number[];
  masks: number[];
  stages: Stage[];
}

/** Cuts a mask into stages; without staged lookup there is one. */
export function planStages(
  mask: Uint32Array,
  options: ClassifierOptions,
  prefixLengths: readonly number[],
): StagePlan {
  const words: number[] = [];
  const masks: number[] = [];
  const ends: { end: number; segments: number[] }[] = [];
  let segments: number[] = [];
  for (let segment = 0; segment < SEGMENT_COUNT; segment++) {
    const before = words.length;
    const segmentMask = SEGMENT_MASKS[segment] as Uint32Array;
    for (let word = 0; word < mask.length; word++) {
      const bits = ((mask[word] as number) & (segmentMask[word] as number)) >>> 0;
      if (bits === 0) continue;
      words.push(word);
      masks.push(bits);
    }
    segments.push(segment);
    if (words.length === before) continue;
    if (options.staged || ends.length === 0) ends.push({ end: words.length, segments });
    else (ends[0] as { end: number }).end = words.length;
    if (options.staged) segments = [];
  }
  const stages = ends.map(({ end, segments: held }, i) => ({
    end,
    index: i === ends.length - 1 ? null : new CountMap(),
    prefixes: PREFIX_FIELDS.flatMap((field, index) => {
      const length = options.tries ? (prefixLengths[index] as number) : 0;
      return length > 0 && held.includes(field.segment) ? [{ field: index, length }] : [];
    }),
  }));
  return { words, masks, stages };
}
