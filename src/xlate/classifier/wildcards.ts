// Adding bits to a mask: a subtable's up to a stage, or a prefix of a field; and comparing masks.

import { swap32 } from "../../odp/flow-key.ts";

/** Adds the first `end` of a subtable's words. */
export function fold(
  wildcards: Uint32Array,
  { words, masks }: { readonly words: Uint16Array; readonly masks: Uint32Array },
  end: number,
): void {
  for (let i = 0; i < end; i++) {
    const word = words[i] as number;
    wildcards[word] = ((wildcards[word] as number) | (masks[i] as number)) >>> 0;
  }
}

/** Adds the first `bits` bits of the field that begins at `word`. */
export function setPrefixBits(mask: Uint32Array, word: number, bits: number): void {
  const whole = bits >>> 5;
  for (let i = 0; i < whole; i++) mask[word + i] = 0xffffffff;
  const rest = bits & 31;
  if (rest === 0) return;
  const part = swap32((0xffffffff << (32 - rest)) >>> 0);
  mask[word + whole] = ((mask[word + whole] as number) | part) >>> 0;
}

/** Whether a mask has all of the first `bits` bits of a field. */
export function hasPrefixBits(mask: Uint32Array, word: number, bits: number): boolean {
  const whole = bits >>> 5;
  for (let i = 0; i < whole; i++) if (mask[word + i] !== 0xffffffff) return false;
  const rest = bits & 31;
  if (rest === 0) return true;
  const part = (0xffffffff << (32 - rest)) >>> 0;
  return (swap32(mask[word + whole] as number) & part) >>> 0 === part;
}

/** Whether every bit of `inner` is in `outer`. */
export function covers(outer: Uint32Array, inner: Uint32Array): boolean {
  for (let i = 0; i < inner.length; i++) {
    if (((inner[i] as number) & ~(outer[i] as number)) !== 0) return false;
  }
  return true;
}
