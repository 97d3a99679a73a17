// COLD: the mask array. One record a distinct mask, counted by its flows; the array holds the records'
// addresses in the order in which lookups try them, without holes, and is ordered by hits now and then
// (kernel net/openvswitch/flow_table.c, ovs_flow_masks_rebalance).

import { clock, pmd, random32, regionBase, setting } from "../core/state.ts";
import {
  FLOW_CLASS0_LANES,
  FLOW_CLASS0_SIZE,
  FLOW_CLASS1_LANES,
  FLOW_CLASS1_SIZE,
  FLOW_CLASS2_SIZE,
  FLOW_COLD_SIZE,
} from "../layout/flow.ts";
import { MASK_MAX } from "../layout/limits.ts";
import {
  MASK_BIT,
  MASK_BYTES,
  MASK_CLASS,
  MASK_COLD,
  MASK_FINGERPRINT,
  MASK_FLOWS,
  MASK_HITS,
  MASK_HITS_TOTAL,
  MASK_INDEX,
  MASK_KIND,
  MASK_KIND_ANY,
  MASK_KIND_FOUR,
  MASK_KIND_TWO,
  MASK_LANES,
  MASK_OFFSETS,
  MASK_SALT,
  MASK_SIZE,
  MASKS_ARRAY,
  MASKS_HINTS,
  MASKS_RECORDS,
} from "../layout/mask.ts";
import { PMD_MASK_COUNT, RegionId, Setting } from "../layout/pmd.ts";

/** Masks in the array. */
export let maskCount: u32 = 0;
/** Address of the array. */
export let maskArray: u32 = 0;

let lastRank: u32 = 0;
/** No record at or above this number is in use. */
let bitEnd: u32 = 0;

export function masksInit(): void {
  maskArray = regionBase(RegionId.MASKS) + MASKS_ARRAY;
  maskCount = 0;
  bitEnd = 0;
  memory.fill(regionBase(RegionId.MASKS), 0, MASKS_RECORDS);
}

/** Highest record number in use, plus one. */
export function maskBitEnd(): u32 {
  return bitEnd;
}

/** The mask record with number `bit`. */
export function maskByBit(bit: u32): u32 {
  return maskArray - MASKS_ARRAY + MASKS_RECORDS + bit * MASK_SIZE;
}

/** The mask at a place of the array. */
export function maskAt(index: u32): u32 {
  return load<u32>(maskArray + (index << 2));
}

/**
 * Finds the mask with these lanes (numbers, u8 each) and bytes (16 a lane), or 0.
 * Lanes 0 and 1, or 0 to 3, are filled up by the caller: see `maskKind`.
 */
export function maskFind(lanes: u32, numbers: u32, bytes: u32): u32 {
  const print = fingerprint(lanes, numbers, bytes);
  const hint = load<u32>(hintOf(print));
  if (hint !== 0 && same(hint, print, lanes, numbers, bytes)) return hint;
  for (let i: u32 = 0; i < maskCount; i++) {
    const mask = maskAt(i);
    if (same(mask, print, lanes, numbers, bytes)) {
      store<u32>(hintOf(print), mask);
      return mask;
    }
  }
  return 0;
}

/** Adds a mask without flows to the end of the array; 0 when the array is full. */
export function maskCreate(lanes: u32, numbers: u32, bytes: u32): u32 {
  const limit = min<u32>(MASK_MAX, setting(Setting.MASK_LIMIT));
  if (maskCount >= limit) return 0;
  const bit = freeBit();
  const mask = maskByBit(bit);
  memory.fill(mask, 0, MASK_SIZE);
  store<u32>(mask, lanes, MASK_LANES);
  store<u32>(mask, maskKind(lanes, numbers), MASK_KIND);
  for (let i: u32 = 0; i < lanes; i++) {
    store<u16>(mask + (i << 1), ((load<u8>(numbers + i) as u32) << 4) as u16, MASK_OFFSETS);
  }
  memory.copy(mask + MASK_BYTES, bytes, lanes << 4);
  store<u64>(mask, ((random32() as u64) << 32) | (random32() as u64), MASK_SALT);
  store<u32>(mask, bit, MASK_BIT);
  store<u32>(mask, fingerprint(lanes, numbers, bytes), MASK_FINGERPRINT);
  const size =
    lanes <= FLOW_CLASS0_LANES
      ? FLOW_CLASS0_SIZE
      : lanes <= FLOW_CLASS1_LANES
        ? FLOW_CLASS1_SIZE
        : FLOW_CLASS2_SIZE;
  store<u32>(mask, lanes <= FLOW_CLASS0_LANES ? 0 : lanes <= FLOW_CLASS1_LANES ? 1 : 2, MASK_CLASS);
  store<u32>(mask, size - FLOW_COLD_SIZE, MASK_COLD);
  store<u32>(mask, maskCount, MASK_INDEX);
  store<u32>(maskArray + (maskCount << 2), mask);
  maskCount++;
  if (bit >= bitEnd) bitEnd = bit + 1;
  store<u32>(pmd, maskCount, PMD_MASK_COUNT);
  return mask;
}

/** Takes a flow off the mask; the last one takes the mask with it. Later masks move up: no holes. */
export function maskRelease(mask: u32): void {
  const flows = load<u32>(mask, MASK_FLOWS) - 1;
  store<u32>(mask, flows, MASK_FLOWS);
  if (flows !== 0) return;
  const hint = hintOf(load<u32>(mask, MASK_FINGERPRINT));
  if (load<u32>(hint) === mask) store<u32>(hint, 0);
  maskCount--;
  for (let i = load<u32>(mask, MASK_INDEX); i < maskCount; i++) {
    const moved = maskAt(i + 1);
    store<u32>(maskArray + (i << 2), moved);
    store<u32>(moved, i, MASK_INDEX);
  }
  store<u32>(maskArray + (maskCount << 2), 0);
  store<u32>(mask, 0, MASK_LANES);
  while (bitEnd !== 0 && load<u32>(maskByBit(bitEnd - 1), MASK_LANES) === 0) bitEnd--;
  store<u32>(pmd, maskCount, PMD_MASK_COUNT);
}

/** Orders the array by the hits since the last time, at most once an interval. */
export function masksRank(): void {
  const interval = setting(Setting.RANK_INTERVAL_MS);
  if (interval === 0 || maskCount < 2 || clock - lastRank < interval) return;
  lastRank = clock;
  for (let i: u32 = 1; i < maskCount; i++) {
    const mask = maskAt(i);
    const hits = load<u32>(mask, MASK_HITS);
    let j = i;
    for (; j > 0 && load<u32>(maskAt(j - 1), MASK_HITS) < hits; j--) placeMask(maskAt(j - 1), j);
    if (j !== i) placeMask(mask, j);
  }
  for (let i: u32 = 0; i < maskCount; i++) {
    const mask = maskAt(i);
    store<u64>(mask, load<u64>(mask, MASK_HITS_TOTAL) + (load<u32>(mask, MASK_HITS) as u64), MASK_HITS_TOTAL);
    store<u32>(mask, 0, MASK_HITS);
  }
}

/** How lookups compare a mask with these lanes. */
export function maskKind(lanes: u32, numbers: u32): u32 {
  if (lanes !== 2 && lanes !== 4) return MASK_KIND_ANY;
  for (let i: u32 = 0; i < lanes; i++) if ((load<u8>(numbers + i) as u32) !== i) return MASK_KIND_ANY;
  return lanes === 2 ? MASK_KIND_TWO : MASK_KIND_FOUR;
}

function placeMask(mask: u32, index: u32): void {
  store<u32>(maskArray + (index << 2), mask);
  store<u32>(mask, index, MASK_INDEX);
}

function freeBit(): u32 {
  for (let bit: u32 = 0; bit < bitEnd; bit++) if (load<u32>(maskByBit(bit), MASK_LANES) === 0) return bit;
  return bitEnd;
}

function hintOf(print: u32): u32 {
  return maskArray - MASKS_ARRAY + MASKS_HINTS + ((print & (MASK_MAX - 1)) << 2);
}

function fingerprint(lanes: u32, numbers: u32, bytes: u32): u32 {
  let h: u64 = lanes as u64;
  for (let i: u32 = 0; i < lanes; i++) {
    h = mix(h, load<u8>(numbers + i) as u64);
    h = mix(h, load<u64>(bytes + (i << 4)));
    h = mix(h, load<u64>(bytes + (i << 4), 8));
  }
  return (h >> 32) as u32;
}

function mix(h: u64, word: u64): u64 {
  return (rotl<u64>(h, 23) ^ word) * (((0x9e3779b9 as u64) << 32) | 0x7f4a7c15);
}

function same(mask: u32, print: u32, lanes: u32, numbers: u32, bytes: u32): bool {
  if (load<u32>(mask, MASK_FINGERPRINT) !== print || load<u32>(mask, MASK_LANES) !== lanes) return false;
  for (let i: u32 = 0; i < lanes; i++) {
    if ((load<u16>(mask + (i << 1), MASK_OFFSETS) as u32) !== (load<u8>(numbers + i) as u32) << 4)
      return false;
  }
  return memory.compare(mask + MASK_BYTES, bytes, lanes << 4) === 0;
}
