// UFIDs: 128 bits that name a megaflow, the same in every PMD for the same mask and masked key.

import { createHash } from "node:crypto";

/** The UFID of a megaflow, four words, from its mask and its key; bits outside the mask do not matter. */
export function ufidOf(key: Uint32Array, mask: Uint32Array): Uint32Array {
  const words: number[] = [];
  for (let i = 0; i < mask.length; i++) if (mask[i] !== 0) words.push(i);
  const ufid = new Uint32Array(4);
  ufidInto(ufid, key, mask, words);
  return ufid;
}

/** The same into an array of the caller's; `words` are the numbers of the words that the mask has bits in. */
export function ufidInto(
  ufid: Uint32Array,
  key: Uint32Array,
  mask: Uint32Array,
  words: ArrayLike<number>,
): void {
  let [a, b, c, d] = seeds as [number, number, number, number];
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!;
    const bits = mask[word]!;
    const where = scramble(word);
    const which = scramble(bits);
    const value = scramble(key[word]! & bits);
    a = mix(mix(mix(a, where), which), value);
    b = mix(mix(mix(b, where), which), value);
    c = mix(mix(mix(c, where), which), value);
    d = mix(mix(mix(d, where), which), value);
  }
  ufid[0] = finish(a);
  ufid[1] = finish(b);
  ufid[2] = finish(c);
  ufid[3] = finish(d);
}

/** The first word of the UFID alone: a hash of the key under the mask. */
export function ufidWord(key: Uint32Array, mask: Uint32Array, words: ArrayLike<number>): number {
  let hash = seeds[0]!;
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!;
    const bits = mask[word]!;
    hash = mix(mix(mix(hash, scramble(word)), scramble(bits)), scramble(key[word]! & bits));
  }
  return finish(hash);
}

/** Prints a UFID as Open vSwitch does: `ufid:xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx` without the prefix. */
export function formatUfid(ufid: Uint32Array): string {
  const hex = Array.from(ufid, (word) => word.toString(16).padStart(8, "0")).join("");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}

/** Returns the UFID that a text names, with or without `ufid:` in front; undefined if it names none. */
export function parseUfid(text: string): Uint32Array | undefined {
  const hex = /^(?:ufid:)?([0-9a-f]{8})-?([0-9a-f]{4})-?([0-9a-f]{4})-?([0-9a-f]{4})-?([0-9a-f]{12})$/i.exec(
    text.trim(),
  );
  if (hex === null) return undefined;
  const digits = hex.slice(1).join("");
  return Uint32Array.from([0, 8, 16, 24], (at) => Number.parseInt(digits.slice(at, at + 8), 16));
}

/** Four independent hashes make 128 bits; their seeds are nothing up the sleeve. */
const digest = createHash("sha256").update("megaflow ufid").digest();
const seeds = [0, 4, 8, 12].map((offset) => digest.readUInt32LE(offset));

/** MurmurHash3's mixing (Appleby, public domain algorithm) over the words that the mask looks at. */
function scramble(word: number): number {
  const k = Math.imul(word, 0xcc9e2d51);
  return Math.imul((k << 15) | (k >>> 17), 0x1b873593);
}

function mix(hash: number, scrambled: number): number {
  let h = hash ^ scrambled;
  h = (h << 13) | (h >>> 19);
  return (Math.imul(h, 5) + 0xe6546b64) | 0;
}

function finish(mixed: number): number {
  let hash = mixed ^ (mixed >>> 16);
  hash = Math.imul(hash, 0x85ebca6b);
  hash ^= hash >>> 13;
  hash = Math.imul(hash, 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
