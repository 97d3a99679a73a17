// HOT: the mask cache: skb hash -> place in the mask array, as the kernel's (net/openvswitch/flow_table.c,
// ovs_flow_tbl_lookup_stats). A packet reads up to four entries of 8 bytes.
//
// What is the kernel's: four probes from successive shifts of the hash; hash 0 bypasses the cache; recirc_id
// is mixed in when it is not 0; an entry with the hash tries its mask first and then the others; the search
// writes the place where it ended; a failed one clears the entry. What is ours: the size, shifts wide enough
// to reach all of a larger table, and the `lru` victim rule.

import { foundIndex, lookupMasks, tryMask, visitedReset } from "../classifier/lookup.ts";
import { maskAt, maskCount } from "../classifier/masks.ts";
import { regionBase, regionSize, setting } from "../core/state.ts";
import { KEY_RECIRC_ID } from "../layout/flow-key.ts";
import { MASK_HITS } from "../layout/mask.ts";
import {
  MASK_CACHE_ENTRY_SIZE,
  MASK_CACHE_HASH,
  MASK_CACHE_INDEX,
  MASK_CACHE_PROBES,
  MASK_CACHE_VICTIM_KERNEL,
} from "../layout/mask-cache.ts";
import { RegionId, Setting } from "../layout/pmd.ts";

/** Whether the last lookup was answered by the mask that an entry, or the victim's place, named. */
export let maskCacheHit: bool = false;
/** Whether the last lookup wrote a new entry. */
export let maskCacheInserted: bool = false;

/** No place of the mask array. */
const NOWHERE: u32 = 0xffffffff;

let base: u32 = 0;
let entryMask: u32 = 0;
let shift: u32 = 8;
let victimRule: u32 = 0;
/** Lookups so far: the clock of the `lru` rule, in steps of 64. */
let ticks: u32 = 0;

/** Reads the size and settings; the entries stay. */
export function maskCacheReload(): void {
  base = regionSize(RegionId.MASK_CACHE) === 0 ? 0 : regionBase(RegionId.MASK_CACHE);
  entryMask = setting(Setting.MASK_CACHE_MASK);
  shift = setting(Setting.MASK_CACHE_SHIFT);
  victimRule = setting(Setting.MASK_CACHE_VICTIM);
}

/** The megaflow of the key, or 0; searches the masks when the cache does not know. */
export function maskCacheLookup(skbHash: u32, key: u32): u32 {
  visitedReset();
  ticks++;
  maskCacheHit = false;
  maskCacheInserted = false;
  if (skbHash === 0 || base === 0) return lookupMasks(key, NOWHERE);
  const recirc = load<u32>(key, KEY_RECIRC_ID);
  const hash = recirc === 0 ? skbHash : mixRecirc(skbHash, recirc);
  let victim: u32 = 0;
  let probe = hash;
  for (let segment: u32 = 0; segment < MASK_CACHE_PROBES; segment++) {
    const entry = base + (probe & entryMask) * MASK_CACHE_ENTRY_SIZE;
    if (load<u32>(entry, MASK_CACHE_HASH) === hash) {
      const flow = searchFrom(entry, key);
      if (flow === 0) store<u32>(entry, 0, MASK_CACHE_HASH);
      return flow;
    }
    if (victim === 0 || worse(entry, victim)) victim = entry;
    probe >>= shift;
  }
  const flow = searchFrom(victim, key);
  if (flow !== 0) {
    store<u32>(victim, hash, MASK_CACHE_HASH);
    maskCacheInserted = true;
  }
  maskCacheHit = false;
  return flow;
}

/** Tries the entry's mask first, then all others; writes back where it was found. */
function searchFrom(entry: u32, key: u32): u32 {
  const index = load<u16>(entry, MASK_CACHE_INDEX) as u32;
  if (index < maskCount) {
    const mask = maskAt(index);
    const flow = tryMask(mask, key);
    if (flow !== 0) {
      maskCacheHit = true;
      store<u32>(mask, load<u32>(mask, MASK_HITS) + 1, MASK_HITS);
      touch(entry, index);
      return flow;
    }
  }
  const flow = lookupMasks(key, index);
  if (flow !== 0) touch(entry, foundIndex);
  return flow;
}

/** Stores the place and, where the rule asks for it, a coarse time: written only when it changes. */
function touch(entry: u32, index: u32): void {
  const value = index | (victimRule === MASK_CACHE_VICTIM_KERNEL ? 0 : (ticks >> 6) << 16);
  if (load<u32>(entry, MASK_CACHE_INDEX) !== value) store<u32>(entry, value, MASK_CACHE_INDEX);
}

/** Whether `entry` should be overwritten rather than `than`. */
function worse(entry: u32, than: u32): bool {
  const hash = load<u32>(entry, MASK_CACHE_HASH);
  const thanHash = load<u32>(than, MASK_CACHE_HASH);
  if (victimRule === MASK_CACHE_VICTIM_KERNEL || hash === 0 || thanHash === 0) return hash < thanHash;
  return age(entry) > age(than);
}

/** Steps of the clock since the entry was used, modulo 2^16. */
function age(entry: u32): u32 {
  return ((ticks >> 6) - (load<u16>(entry, MASK_CACHE_INDEX + 2) as u32)) & 0xffff;
}

function mixRecirc(hash: u32, recirc: u32): u32 {
  const mixed = (hash ^ (recirc * 0x9e3779b1)) * 0x85ebca6b;
  const folded = mixed ^ (mixed >> 15);
  return folded === 0 ? 1 : folded;
}
