// Bitmaps that tell which masks can match a key: layout/pruning.ts has the picture.
//
// HOT: pruneChunk, one load of the key and one row a byte looked at. COLD: the rest. A set is built in the
// background, a slice at a time, into the second half of the region while the first answers; flows added
// meanwhile go into both.

import { pmd, regionBase, setting } from "../core/state.ts";
import { FLOW_KEY, FLOW_MASK } from "../layout/flow.ts";
import { KEY_SIZE } from "../layout/flow-key.ts";
import { MASK_BIT, MASK_BYTES, MASK_FILLED, MASK_LANES, MASK_OFFSETS } from "../layout/mask.ts";
import { PMD_SLAB_COUNT, PMD_SLABS, RegionId, Setting } from "../layout/pmd.ts";
import {
  PRUNE_BUILD_SLOTS,
  PRUNE_BYTES_MAX,
  PRUNE_LIST_GENERATION,
  PRUNE_LIST_SCRATCH,
  PRUNE_LIST_SIZE,
  PRUNE_LIST_USERS,
  PRUNE_MASKS_MIN,
  PRUNE_SET_SIZE,
  PRUNE_VALUES,
} from "../layout/pruning.ts";
import { classSize } from "./flows.ts";
import { maskAt, maskBitEnd, maskCount } from "./masks.ts";

/** No mask's number. */
export const NO_MASK: u32 = 0xffffffff;
/** Rows of 64 bytes and more, as a shift. */
const WIDE_SHIFT: u32 = 6;

/** Whether a set is in use. */
export let pruneReady: bool = false;
/** 64-mask chunks of the set in use. */
export let pruneChunks: u32 = 0;
/** Mask records below this number are in the bitmaps; the others must be tried by hand. */
export let pruneCovered: u32 = 0;

let list: u32 = 0;
let listEnd: u32 = 0;
let rowShift: u32 = 3;

let building: bool = false;
let nextList: u32 = 0;
let nextListEnd: u32 = 0;
let nextShift: u32 = 3;
let cursorSlab: u32 = 0;
let cursorFlow: u32 = 0;
/** Masks when the set in use was chosen, and flows removed since: when to build anew. */
let builtMasks: u32 = 0;
let staleFlows: u32 = 0;
/** Number of the set built last: masks remember in which sets their untouched bytes are filled in. */
let generation: u32 = 0;

export function pruneInit(): void {
  pruneReady = false;
  building = false;
  pruneChunks = 0;
  pruneCovered = 0;
  staleFlows = 0;
}

/** Masks of one chunk of 64 that can match the key, as a bitmap. */
export function pruneChunk(key: u32, chunk: u32): u64 {
  let candidates: u64 = ~(0 as u64);
  const shift = rowShift;
  const within = chunk << 3;
  for (let entry = list; entry < listEnd; entry += 8) {
    const value = load<u8>(key + load<u32>(entry)) as u32;
    candidates &= load<u64>(load<u32>(entry, 4) + (value << shift) + within);
  }
  return candidates;
}

/** The number of the first mask that can match the key; NO_MASK when none of those covered can. */
export function pruneFirst(key: u32): u32 {
  if (rowShift >= WIDE_SHIFT) return firstWide(key);
  for (let chunk: u32 = 0; chunk < pruneChunks; chunk++) {
    const candidates = pruneChunk(key, chunk);
    if (candidates !== 0) return (chunk << 6) + (ctz<u64>(candidates) as u32);
  }
  return NO_MASK;
}

/** 512 masks at a time, and no branch on which of them it is: a packet's mask is anyone's guess. */
function firstWide(key: u32): u32 {
  const end = listEnd;
  const zero = i64x2.splat(0);
  const scratch = list + PRUNE_LIST_SCRATCH;
  for (let within: u32 = 0; within >> rowShift === 0; within += 64) {
    let a = i64x2.splat(-1);
    let b = a;
    let c = a;
    let d = a;
    for (let entry = list; entry < end; entry += 8) {
      const value = load<u8>(key + load<u32>(entry)) as u32;
      const row = load<u32>(entry, 4) + (value << rowShift) + within;
      a = v128.and(a, v128.load(row));
      b = v128.and(b, v128.load(row, 16));
      c = v128.and(c, v128.load(row, 32));
      d = v128.and(d, v128.load(row, 48));
    }
    const words =
      i64x2.bitmask(i64x2.ne(a, zero)) |
      (i64x2.bitmask(i64x2.ne(b, zero)) << 2) |
      (i64x2.bitmask(i64x2.ne(c, zero)) << 4) |
      (i64x2.bitmask(i64x2.ne(d, zero)) << 6);
    if (words === 0) continue;
    v128.store(scratch, a);
    v128.store(scratch, b, 16);
    v128.store(scratch, c, 32);
    v128.store(scratch, d, 48);
    const word = ctz<i32>(words) as u32;
    return (within << 3) + (word << 6) + (ctz<u64>(load<u64>(scratch + (word << 3))) as u32);
  }
  return NO_MASK;
}

/** Tells the sets of a new flow. */
export function pruneAdd(flow: u32): void {
  if (pruneReady) addTo(list, listEnd, rowShift, flow);
  if (building) addTo(nextList, nextListEnd, nextShift, flow);
}

/** A removed flow leaves its bits behind: harmless until there are many. */
export function pruneRemoved(): void {
  staleFlows++;
}

/** Does a slice of the building that is due; called between batches. */
export function pruneWork(flows: u32): void {
  if (building) {
    buildSlice();
    return;
  }
  if (setting(Setting.PRUNING) === 0 || maskCount < PRUNE_MASKS_MIN) {
    pruneReady = false;
    return;
  }
  const uncovered = maskBitEnd() > pruneCovered;
  const changed = maskCount > builtMasks * 2 || maskCount * 2 < builtMasks;
  if (!pruneReady || uncovered || changed || staleFlows > flows + 1024) buildStart();
}

function buildStart(): void {
  const base = regionBase(RegionId.PRUNING);
  nextList = list === base ? base + PRUNE_SET_SIZE : base;
  const bits = maskBitEnd();
  nextShift = 3;
  while ((8 as u32) << nextShift < bits) nextShift++;
  nextListEnd = chooseBytes(nextList, nextShift);
  generation++;
  store<u32>(nextList, generation, PRUNE_LIST_GENERATION);
  const tables = (nextListEnd - nextList) >> 3;
  memory.fill(nextList + PRUNE_LIST_SIZE, 0, (tables * PRUNE_VALUES) << nextShift);
  cursorSlab = 0;
  cursorFlow = 0;
  staleFlows = 0;
  builtMasks = maskCount;
  building = true;
}

/** Adds the flows of a few hundred slots; the last slice puts the new set in use. */
function buildSlice(): void {
  const slabs = load<u32>(pmd, PMD_SLAB_COUNT);
  let budget = PRUNE_BUILD_SLOTS;
  while (cursorSlab < slabs) {
    const slab = pmd + PMD_SLABS + cursorSlab * 12;
    const end = load<u32>(slab, 4);
    const size = classSize(load<u32>(slab, 8));
    let flow = cursorFlow === 0 ? load<u32>(slab) : cursorFlow;
    for (; flow < end && budget !== 0; flow += size, budget--) {
      if (load<u32>(flow, FLOW_MASK) !== 0) addTo(nextList, nextListEnd, nextShift, flow);
    }
    if (flow < end) {
      cursorFlow = flow;
      return;
    }
    cursorFlow = 0;
    cursorSlab++;
  }
  building = false;
  list = nextList;
  listEnd = nextListEnd;
  rowShift = nextShift;
  pruneCovered = (8 as u32) << rowShift;
  pruneChunks = max<u32>(1, pruneCovered >> 6);
  pruneReady = true;
}

/**
 * Writes the list of {offset in the key, table} of the bytes worth looking at: those that most masks
 * look at come first, those that all masks fix to the same value are of no use.
 */
function chooseBytes(target: u32, shift: u32): u32 {
  const users = target + PRUNE_LIST_USERS;
  countUsers(users);
  const tables = target + PRUNE_LIST_SIZE;
  let chosen: u32 = 0;
  let wanted = maskCount;
  while (wanted !== 0 && chosen < PRUNE_BYTES_MAX) {
    let below: u32 = 0;
    for (let offset: u32 = 0; offset < KEY_SIZE && chosen < PRUNE_BYTES_MAX; offset++) {
      const masks = load<u16>(users + (offset << 1)) as u32;
      if (masks < wanted) below = max<u32>(below, masks);
      if (masks !== wanted || (masks === maskCount && !varies(offset))) continue;
      store<u32>(target + (chosen << 3), offset);
      store<u32>(target + (chosen << 3), tables + ((chosen * PRUNE_VALUES) << shift), 4);
      chosen++;
    }
    wanted = below;
  }
  return target + (chosen << 3);
}

/** Counts for every byte of the key the masks that look at it, u16 each. */
function countUsers(users: u32): void {
  memory.fill(users, 0, KEY_SIZE * 2);
  for (let i: u32 = 0; i < maskCount; i++) {
    const mask = maskAt(i);
    const bytes = load<u32>(mask, MASK_LANES) << 4;
    for (let j: u32 = 0; j < bytes; j++) {
      if (load<u8>(mask + j, MASK_BYTES) === 0) continue;
      const offset = (load<u16>(mask + ((j >> 4) << 1), MASK_OFFSETS) as u32) + (j & 15);
      const at = users + (offset << 1);
      store<u16>(at, load<u16>(at) + 1);
    }
  }
}

/** Whether a sample of the flows has more than one value in this byte of the key. */
function varies(offset: u32): bool {
  let first: i32 = -1;
  const slabs = load<u32>(pmd, PMD_SLAB_COUNT);
  for (let s: u32 = 0; s < slabs; s++) {
    const slab = pmd + PMD_SLABS + s * 12;
    const size = classSize(load<u32>(slab, 8));
    const end = load<u32>(slab, 4);
    let left: u32 = 64;
    for (let flow = load<u32>(slab); flow < end && left !== 0; flow += size, left--) {
      const mask = load<u32>(flow, FLOW_MASK);
      if (mask === 0) continue;
      const place = packedPlace(mask, offset);
      const value = place < 0 ? -1 : (load<u8>(flow + (place as u32), FLOW_KEY) as i32);
      if (first < 0) first = value;
      else if (value !== first) return true;
    }
  }
  return false;
}

/** Where the key's byte at `offset` lies among the mask's packed lanes; -1 when it has none there. */
function packedPlace(mask: u32, offset: u32): i32 {
  const lanes = load<u32>(mask, MASK_LANES);
  const lane = offset & ~15;
  for (let i: u32 = 0; i < lanes; i++) {
    if ((load<u16>(mask + (i << 1), MASK_OFFSETS) as u32) === lane) return ((i << 4) + (offset & 15)) as i32;
  }
  return -1;
}

function addTo(from: u32, end: u32, shift: u32, flow: u32): void {
  const mask = load<u32>(flow, FLOW_MASK);
  const bit = load<u32>(mask, MASK_BIT);
  if (bit >= (8 as u32) << shift) return;
  const column = bit >> 3;
  const bitOfByte = ((1 as u32) << (bit & 7)) as u8;
  const generation = load<u32>(from, PRUNE_LIST_GENERATION);
  const half: u32 = from === regionBase(RegionId.PRUNING) ? 0 : 4;
  const filled = load<u32>(mask + half, MASK_FILLED) === generation;
  store<u32>(mask + half, generation, MASK_FILLED);
  for (let entry = from; entry < end; entry += 8) {
    const place = packedPlace(mask, load<u32>(entry));
    const table = load<u32>(entry, 4) + column;
    const care: u32 = place < 0 ? 0 : (load<u8>(mask + (place as u32), MASK_BYTES) as u32);
    const value: u32 = place < 0 ? 0 : (load<u8>(flow + (place as u32), FLOW_KEY) as u32);
    if (care === 0xff) setBit(table + (value << shift), bitOfByte);
    else if (care !== 0 || !filled) setAgreeing(table, shift, value, ~care & 0xff, bitOfByte);
  }
}

/** Sets the bit in the row of every value that agrees with `value` outside the bits of `free`. */
function setAgreeing(table: u32, shift: u32, value: u32, free: u32, bit: u8): void {
  let rest: u32 = 0;
  do {
    setBit(table + ((value | rest) << shift), bit);
    rest = (rest - free) & free;
  } while (rest !== 0);
}

function setBit(at: u32, bit: u8): void {
  store<u8>(at, load<u8>(at) | bit);
}
