// Mixing of 32-bit names, apart from every hash that the datapath uses.

/** A permutation of 32-bit numbers in which every bit of the input decides every bit of the output (MurmurHash3's finisher). */
export function mixName(name: number): number {
  let x = name ^ (name >>> 16);
  x = Math.imul(x, 0x85ebca6b);
  x ^= x >>> 13;
  x = Math.imul(x, 0xc2b2ae35);
  return (x ^ (x >>> 16)) >>> 0;
}
