// HOT: finding the megaflow of a key by its masks. No priorities: megaflows are disjoint in effect, so the
// first hit ends the search. A try reads the key's lanes, the mask's record, one bucket (32 bytes) and, at
// a hit, the flow's first 64 bytes.

import { pmd } from "../core/state.ts";
import { tableHome, tableNext, tableSignature } from "../core/table.ts";
import { Masked, maskedHash } from "../key/masked.ts";
import { FLOW_MASK } from "../layout/flow.ts";
import { TABLE_BASE, TABLE_MASK, TABLE_OLD_BASE, TABLE_OLD_MASK } from "../layout/hash-table.ts";
import { MASK_KIND, MASK_KIND_TWO } from "../layout/mask.ts";
import { PMD_FLOW_TABLE } from "../layout/pmd.ts";
import { maskAt, maskBitEnd, maskByBit, maskCount } from "./masks.ts";
import { NO_MASK, pruneChunk, pruneChunks, pruneCovered, pruneFirst, pruneReady } from "./pruning.ts";

/** Masks tried by the last search. */
export let visited: u32 = 0;

/** Starts counting masks for a new search. */
export function visitedReset(): void {
  visited = 0;
}

/** No place of the mask array. */
export const NOWHERE: u32 = 0xffffffff;

/** The mask that is most likely to match, for a packet of which nothing is known; 0 = there is none. */
export function firstGuess(key: u32): u32 {
  if (!pruneReady || maskCount <= 2) return maskCount === 0 ? 0 : maskAt(0);
  const bit = pruneFirst(key);
  return bit === NO_MASK ? 0 : maskByBit(bit);
}

/**
 * The flow whose signature is in its home bucket of the table, unverified; 0 = none there, which does not
 * say that there is none at all.
 */
export function candidate(base: u32, tableMask: u32, signature: u32): u32 {
  const bucket = tableHome(base, tableMask, signature);
  const equal = i32x4.bitmask(i32x4.eq(v128.load(bucket), i32x4.splat(signature)));
  return equal === 0 ? 0 : load<u32>(bucket + ((ctz<i32>(equal) as u32) << 2), 16);
}

/** The flow that matches `key` under one mask, or 0. */
export function tryMask(mask: u32, key: u32): u32 {
  visited++;
  const hash = tableSignature(maskedHash(mask, key));
  const table = pmd + PMD_FLOW_TABLE;
  const flow = probe(load<u32>(table, TABLE_BASE), load<u32>(table, TABLE_MASK), hash, mask, key);
  if (flow !== 0 || load<u32>(table, TABLE_OLD_BASE) === 0) return flow;
  return probe(load<u32>(table, TABLE_OLD_BASE), load<u32>(table, TABLE_OLD_MASK), hash, mask, key);
}

/** Searches all masks but the one at place `except`: by the bitmaps when they are there, else in order. */
export function lookupMasks(key: u32, except: u32): u32 {
  return pruneReady && maskCount > 2 ? lookupPruned(key, except) : lookupInOrder(key, except, 0);
}

/** Tries masks in array order, leaving out place `except` and records below `fromBit`. */
function lookupInOrder(key: u32, except: u32, fromBit: u32): u32 {
  const end = maskCount;
  const covered = maskByBit(fromBit);
  const table = pmd + PMD_FLOW_TABLE;
  const base = load<u32>(table, TABLE_BASE);
  const tableMask = load<u32>(table, TABLE_MASK);
  const growing = load<u32>(table, TABLE_OLD_BASE) !== 0;
  const lane0 = v128.load(key);
  const lane1 = v128.load(key, 16);
  const secret0 = Masked.secret(0);
  const secret1 = Masked.secret(16);
  let tried: u32 = 0;
  for (let i: u32 = 0; i < end; i++) {
    const mask = maskAt(i);
    if (i === except || mask < covered) continue;
    let flow: u32 = 0;
    tried++;
    if (load<u32>(mask, MASK_KIND) === MASK_KIND_TWO && !growing) {
      const signature = tableSignature(Masked.hashTwo(mask, lane0, lane1, secret0, secret1));
      const signatures = v128.load(tableHome(base, tableMask, signature));
      // Nearly always: not here, and not in the next bucket.
      if (!v128.any_true(i32x4.eq(signatures, i32x4.splat(signature))) && !i32x4.all_true(signatures))
        continue;
      flow = probe(base, tableMask, signature, mask, key);
    } else {
      flow = tryMask(mask, key);
      tried--;
    }
    if (flow === 0) continue;
    visited += tried;
    return flow;
  }
  visited += tried;
  return 0;
}

/** Tries the masks that the bitmaps leave, then those too new to be in them. */
function lookupPruned(key: u32, except: u32): u32 {
  const skip = except < maskCount ? maskAt(except) : 0;
  for (let chunk: u32 = 0; chunk < pruneChunks; chunk++) {
    let candidates = pruneChunk(key, chunk);
    while (candidates !== 0) {
      const mask = maskByBit((chunk << 6) + (ctz<u64>(candidates) as u32));
      candidates &= candidates - 1;
      if (mask === skip) continue;
      const flow = tryMask(mask, key);
      if (flow !== 0) return flow;
    }
  }
  return lookupUncovered(key, except);
}

function lookupUncovered(key: u32, except: u32): u32 {
  return pruneCovered >= maskBitEnd() ? 0 : lookupInOrder(key, except, pruneCovered);
}

function probe(base: u32, tableMask: u32, signature: u32, mask: u32, key: u32): u32 {
  let bucket = tableHome(base, tableMask, signature);
  while (true) {
    const signatures = v128.load(bucket);
    let equal = i32x4.bitmask(i32x4.eq(signatures, i32x4.splat(signature)));
    while (equal !== 0) {
      const flow = load<u32>(bucket + ((ctz<i32>(equal) as u32) << 2), 16);
      if (load<u32>(flow, FLOW_MASK) === mask && Masked.equals(flow, mask, key)) return flow;
      equal &= equal - 1;
    }
    if (!i32x4.all_true(signatures)) return 0;
    bucket = tableNext(base, tableMask, bucket);
  }
}
