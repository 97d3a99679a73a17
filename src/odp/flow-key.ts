// The flow key seen from TypeScript: 136 little-endian words in the layout of
// assembly/layout/flow-key.ts. Wire fields are kept in network byte order, so their values are read
// with the `be` functions; metadata with the `le` ones. A mask has the same type.

import { KEY_WORD_COUNT } from "../../assembly/layout/flow-key.ts";

/** A key or a mask: `KEY_WORD_COUNT` words, or more where pipeline-only words follow. */
export type FlowKey = Uint32Array;

/** Returns a key of zeros. */
export function flowKeyCreate(): FlowKey {
  return new Uint32Array(KEY_WORD_COUNT);
}

/** Returns the byte at `offset`. */
export function getU8(words: FlowKey, offset: number): number {
  return (words[offset >>> 2]! >>> ((offset & 3) << 3)) & 0xff;
}

/** Writes the byte at `offset`. */
export function setU8(words: FlowKey, offset: number, value: number): void {
  const shift = (offset & 3) << 3;
  words[offset >>> 2] = (words[offset >>> 2]! & ~(0xff << shift)) | ((value & 0xff) << shift);
}

/** Returns the host-order 16 bits at the even `offset`. */
export function getLe16(words: FlowKey, offset: number): number {
  return (words[offset >>> 2]! >>> ((offset & 2) << 3)) & 0xffff;
}

/** Writes host-order 16 bits at the even `offset`. */
export function setLe16(words: FlowKey, offset: number, value: number): void {
  const shift = (offset & 2) << 3;
  words[offset >>> 2] = (words[offset >>> 2]! & ~(0xffff << shift)) | ((value & 0xffff) << shift);
}

/** Returns the network-order 16 bits at the even `offset`. */
export function getBe16(words: FlowKey, offset: number): number {
  return swap16(getLe16(words, offset));
}

/** Writes network-order 16 bits at the even `offset`. */
export function setBe16(words: FlowKey, offset: number, value: number): void {
  setLe16(words, offset, swap16(value));
}

/** Returns the host-order 32 bits at `offset`, a multiple of 4. */
export function getLe32(words: FlowKey, offset: number): number {
  return words[offset >>> 2]!;
}

/** Writes host-order 32 bits at `offset`, a multiple of 4. */
export function setLe32(words: FlowKey, offset: number, value: number): void {
  words[offset >>> 2] = value;
}

/** Returns the network-order 32 bits at `offset`, a multiple of 4. */
export function getBe32(words: FlowKey, offset: number): number {
  return swap32(words[offset >>> 2]!);
}

/** Writes network-order 32 bits at `offset`, a multiple of 4. */
export function setBe32(words: FlowKey, offset: number, value: number): void {
  words[offset >>> 2] = swap32(value);
}

/** Returns the network-order unsigned integer of `size` bytes at `offset`. */
export function getBe(words: FlowKey, offset: number, size: number): bigint {
  let value = 0n;
  for (let i = 0; i < size; i++) value = (value << 8n) | BigInt(getU8(words, offset + i));
  return value;
}

/** Writes an unsigned integer of `size` bytes in network order at `offset`. */
export function setBe(words: FlowKey, offset: number, size: number, value: bigint): void {
  let rest = value;
  for (let i = size - 1; i >= 0; i--) {
    setU8(words, offset + i, Number(rest & 0xffn));
    rest >>= 8n;
  }
}

/** Returns the 48-bit MAC address at the even `offset`. */
export function getMac(words: FlowKey, offset: number): bigint {
  return getBe(words, offset, 6);
}

/** Writes a 48-bit MAC address at the even `offset`. */
export function setMac(words: FlowKey, offset: number, mac: bigint): void {
  setBe(words, offset, 6, mac);
}

/** Returns the 128-bit value at `offset`, a multiple of 4. */
export function getBe128(words: FlowKey, offset: number): bigint {
  const at = offset >>> 2;
  return (
    (BigInt(swap32(words[at]!)) << 96n) |
    (BigInt(swap32(words[at + 1]!)) << 64n) |
    (BigInt(swap32(words[at + 2]!)) << 32n) |
    BigInt(swap32(words[at + 3]!))
  );
}

/** Writes a 128-bit value at `offset`, a multiple of 4. */
export function setBe128(words: FlowKey, offset: number, value: bigint): void {
  const at = offset >>> 2;
  words[at] = swap32(Number((value >> 96n) & 0xffffffffn));
  words[at + 1] = swap32(Number((value >> 64n) & 0xffffffffn));
  words[at + 2] = swap32(Number((value >> 32n) & 0xffffffffn));
  words[at + 3] = swap32(Number(value & 0xffffffffn));
}

/** Returns whether any of `size` bytes at `offset` has a bit set. */
export function anyBits(words: FlowKey, offset: number, size: number): boolean {
  for (let i = offset; i < offset + size; i++) if (getU8(words, i) !== 0) return true;
  return false;
}

/** Returns the 16 bits with their bytes exchanged. */
export function swap16(value: number): number {
  return ((value & 0xff) << 8) | ((value >>> 8) & 0xff);
}

/** Returns the 32 bits with their bytes in reverse, unsigned. */
export function swap32(value: number): number {
  return ((value << 24) | ((value & 0xff00) << 8) | ((value >>> 8) & 0xff00) | (value >>> 24)) >>> 0;
}
