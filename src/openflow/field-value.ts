// Reading and writing a field of a pipeline flow, and marking a field's bits in a mask. The `Number`
// forms serve fields of up to 32 bits without making bigints; everything else goes by bigint.

import {
  getBe,
  getBe128,
  getLe16,
  getU8,
  setBe,
  setBe128,
  setLe16,
  setU8,
  swap16,
  swap32,
} from "../odp/flow-key.ts";
import type { Field, Subfield } from "./field.ts";

/** CFI bit of a VLAN tci as a value: the tag is there. */
const VLAN_CFI = 0x1000;
/** dl_vlan's value for "no tag" (OpenFlow 1.0 OFP_VLAN_NONE). */
export const DL_VLAN_NONE = 0xffff;

/** Returns the field's value. A `port16` field reads as OpenFlow 1.0's 16 bits. */
export function fieldGet(words: Uint32Array, field: Field): bigint {
  if (field.size <= 4) return BigInt(fieldGetNumber(words, field));
  if (field.size === 16) return getBe128(words, field.offset);
  return getBe(words, field.offset, field.size);
}

/** Returns the value of a field whose container is at most 4 bytes. */
export function fieldGetNumber(words: Uint32Array, field: Field): number {
  return ((containerGet(words, field) >>> field.shift) & Number(field.valueMask)) >>> 0;
}

/** Writes the field as an action does: setting a VLAN id or priority makes the tag present. */
export function fieldSet(words: Uint32Array, field: Field, value: bigint): void {
  if (field.size <= 4) fieldSetNumber(words, field, Number(value & field.valueMask));
  else if (field.size === 16) setBe128(words, field.offset, value);
  else setBe(words, field.offset, field.size, value);
}

/** Writes a field whose container is at most 4 bytes; `value` within the field's `valueMask`. */
function fieldSetNumber(words: Uint32Array, field: Field, value: number): void {
  if (field.quirk === "port16") {
    containerSet(words, field, value >= 0xff00 ? (0xffff0000 | value) >>> 0 : value);
    return;
  }
  if (field.quirk === "dlVlan" && value === DL_VLAN_NONE) {
    containerSet(words, field, 0);
    return;
  }
  const bits = Number(field.valueMask) << field.shift;
  let container = (containerGet(words, field) & ~bits) | ((value << field.shift) & bits);
  if (field.quirk === "dlVlan" || field.quirk === "vlanPcp") container |= VLAN_CFI;
  containerSet(words, field, container >>> 0);
}

/** Zeroes the field's bits, in values or in a mask. */
export function fieldClear(words: Uint32Array, field: Field): void {
  if (field.size > 4) {
    setBe(words, field.offset, field.size, 0n);
    return;
  }
  const whole = field.quirk === "port16" || field.quirk === "icmp";
  const bits = whole ? -1 : Number(field.valueMask) << field.shift;
  containerSet(words, field, (containerGet(words, field) & ~bits) >>> 0);
}

/** Writes `value` where `mask` has bits and leaves the others: set_field with a mask. */
export function fieldSetMasked(words: Uint32Array, field: Field, value: bigint, mask: bigint): void {
  const old = fieldGet(words, field);
  fieldSet(words, field, (old & ~mask) | (value & mask));
}

/** Marks in `mask` that all of the field was looked at or must match. */
export function fieldMaskAll(mask: Uint32Array, field: Field): void {
  fieldMaskBits(mask, field, field.valueMask);
}

/** Marks in `mask` those bits of the field that `bits` has. */
export function fieldMaskBits(mask: Uint32Array, field: Field, bits: bigint): void {
  if (field.size <= 4) {
    if (field.quirk === "port16" || (field.quirk === "icmp" && bits === field.valueMask)) {
      containerSet(mask, field, field.size === 4 ? 0xffffffff : 0xffff);
      return;
    }
    const low = Number(bits & field.valueMask);
    let container = containerGet(mask, field) | (low << field.shift);
    if (field.quirk === "dlVlan" || field.quirk === "vlanPcp") container |= VLAN_CFI;
    containerSet(mask, field, container >>> 0);
  } else if (field.size === 16) {
    setBe128(mask, field.offset, getBe128(mask, field.offset) | bits);
  } else {
    setBe(mask, field.offset, field.size, getBe(mask, field.offset, field.size) | bits);
  }
}

/** Returns the value of part of a field. */
export function subfieldGet(words: Uint32Array, part: Subfield): bigint {
  return (fieldGet(words, part.field) >> BigInt(part.offset)) & ones(part.width);
}

/** Writes part of a field; bits of `value` above the part's width are ignored. */
export function subfieldSet(words: Uint32Array, part: Subfield, value: bigint): void {
  const mask = ones(part.width) << BigInt(part.offset);
  fieldSetMasked(words, part.field, value << BigInt(part.offset), mask);
}

/** Marks in `mask` the bits of part of a field. */
export function subfieldMask(mask: Uint32Array, part: Subfield): void {
  fieldMaskBits(mask, part.field, ones(part.width) << BigInt(part.offset));
}

/** Returns a number of `width` 1-bits. */
export function ones(width: number): bigint {
  return (1n << BigInt(width)) - 1n;
}

function containerGet(words: Uint32Array, field: Field): number {
  const offset = field.offset;
  if (field.size === 1) return getU8(words, offset);
  if (field.size === 2) {
    const value = getLe16(words, offset);
    return field.order === "be" ? swap16(value) : value;
  }
  const value = words[offset >>> 2]!;
  return field.order === "be" ? swap32(value) : value;
}

function containerSet(words: Uint32Array, field: Field, value: number): void {
  const offset = field.offset;
  if (field.size === 1) setU8(words, offset, value);
  else if (field.size === 2) setLe16(words, offset, field.order === "be" ? swap16(value) : value);
  else words[offset >>> 2] = field.order === "be" ? swap32(value) : value;
}
