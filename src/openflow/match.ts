// An OpenFlow match: values and mask over the words of a pipeline flow, the values already masked; and
// its compact form, which rules keep: a shared mask and only the words that it has bits in.

import { KEY_PACKET_TYPE, KEY_TCI0 } from "../../assembly/layout/flow-key.ts";
import { getLe16, getLe32, setLe16, setLe32 } from "../odp/flow-key.ts";
import type { Field, Subfield } from "./field.ts";
import { DL_VLAN_NONE, fieldClear, fieldGet, fieldMaskBits, fieldSet, ones } from "./field-value.ts";
import { FLOW_WORD_COUNT, flowCreate } from "./flow-layout.ts";

/** Values and mask; bit 1 of the mask = must match. */
export interface Match {
  readonly words: Uint32Array;
  readonly mask: Uint32Array;
}

/** A mask in its compact form; equal masks are the same object. */
export interface SharedMask {
  /** Index in the flow of every word that has bits, ascending. */
  readonly indexes: readonly number[];
  /** The bits of those words, as signed 32-bit numbers. */
  readonly bits: readonly number[];
}

/** A match in its compact form: a few tens of bytes where a Match has 1,280. */
export interface CompactMatch {
  readonly mask: SharedMask;
  /** Masked values of the mask's words, as signed 32-bit numbers. */
  readonly values: readonly number[];
}

/** Returns a match that every packet meets. */
export function matchCreate(): Match {
  return { words: flowCreate(), mask: flowCreate() };
}

/**
 * Makes `match` say that `field` has `value` in the bits of `bits` (all of the field if left out) and
 * nothing else about the field. A VLAN id or priority implies that there is a tag.
 */
export function matchSetField(match: Match, field: Field, value: bigint, bits = field.valueMask): void {
  if (field.quirk === "dlVlan" && value === BigInt(DL_VLAN_NONE)) {
    setLe16(match.words, KEY_TCI0, 0);
    setLe16(match.mask, KEY_TCI0, 0xffff);
    return;
  }
  matchClearField(match, field);
  if (bits === 0n) return;
  fieldSet(match.words, field, value & bits);
  fieldMaskBits(match.mask, field, bits);
}

/** Makes `match` say that a part of a field has `value`, besides what it said of the other bits. */
export function matchSetSubfield(match: Match, part: Subfield, value: bigint): void {
  const { field } = part;
  const bits = ones(part.width) << BigInt(part.offset);
  const known = fieldGet(match.mask, field);
  const rest = fieldGet(match.words, field) & known & ~bits;
  matchSetField(match, field, rest | ((value << BigInt(part.offset)) & bits), known | bits);
}

/** Adds what a match on `field` takes for granted: anything within a packet is in an Ethernet packet. */
export function matchRequire(match: Match, field: Field): void {
  if (field.prereq !== "none") matchEthernet(match);
}

/** A match on Ethernet packets, unless it says otherwise. */
export function matchEthernet(match: Match): void {
  if (getLe32(match.mask, KEY_PACKET_TYPE) === 0) setLe32(match.mask, KEY_PACKET_TYPE, 0xffffffff);
}

/** Makes `match` say nothing about `field`. */
export function matchClearField(match: Match, field: Field): void {
  fieldClear(match.words, field);
  fieldClear(match.mask, field);
}

/** Returns whether the match says that the packet carries a VLAN tag. */
export function matchHasVlan(match: Match): boolean {
  const present = 0x0010;
  return (getLe16(match.words, KEY_TCI0) & getLe16(match.mask, KEY_TCI0) & present) !== 0;
}

/** Returns whether two matches say the same. */
export function matchEqual(a: Match, b: Match): boolean {
  for (let i = 0; i < FLOW_WORD_COUNT; i++) {
    if (a.words[i] !== b.words[i] || a.mask[i] !== b.mask[i]) return false;
  }
  return true;
}

/** Returns whether the flow `words` meets the match. */
export function matchFits(match: Match, words: Uint32Array): boolean {
  for (let i = 0; i < FLOW_WORD_COUNT; i++) {
    if (((words[i]! ^ match.words[i]!) & match.mask[i]!) !== 0) return false;
  }
  return true;
}

/** Keeps one SharedMask for all the matches whose masks are equal. */
const sharedMasks = new Map<string, WeakRef<SharedMask>>();
const forgetMask = new FinalizationRegistry<string>((key) => {
  if (sharedMasks.get(key)?.deref() === undefined) sharedMasks.delete(key);
});

/** Returns the compact form of a match. */
export function compactMatch(match: Match): CompactMatch {
  const indexes: number[] = [];
  for (let i = 0; i < FLOW_WORD_COUNT; i++) if (match.mask[i] !== 0) indexes.push(i);
  const values = new Array<number>(indexes.length);
  let key = "";
  for (let i = 0; i < indexes.length; i++) {
    const index = indexes[i]!;
    key += `${index}:${match.mask[index]},`;
    values[i] = match.words[index]! | 0;
  }
  let mask = sharedMasks.get(key)?.deref();
  if (mask === undefined) {
    mask = { indexes, bits: indexes.map((index) => match.mask[index]! | 0) };
    sharedMasks.set(key, new WeakRef(mask));
    forgetMask.register(mask, key);
  }
  return { mask, values };
}

/** Returns the full form of a compact match. */
export function expandMatch(compact: CompactMatch): Match {
  const match = matchCreate();
  const { indexes, bits } = compact.mask;
  for (let i = 0; i < indexes.length; i++) {
    match.words[indexes[i]!] = compact.values[i]!;
    match.mask[indexes[i]!] = bits[i]!;
  }
  return match;
}

/** Returns whether two compact matches say the same. */
export function compactMatchEqual(a: CompactMatch, b: CompactMatch): boolean {
  return a.mask === b.mask && a.values.every((value, i) => value === b.values[i]);
}
