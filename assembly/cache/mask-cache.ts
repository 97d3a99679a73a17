// HOT: the mask cache: skb hash -> place in the mask array, as the kernel's (net/openvswitch/flow_table.c,
// ovs_flow_tbl_lookup_stats). A packet reads up to four entries of 8 bytes.
//
// What is the kernel's: four probes from successive shifts of the hash; hash 0 bypasses the cache; recirc_id
// is mixed in when it is not 0; an entry with the hash tries its mask first and then the others; the search
// writes the place where it ended; a failed one clears the entry (pmd/masked.ts searches). What is ours: the size, shifts wide enough
// to reach all of a larger table, and the `lru` victim rule.

import { maskAt, maskCount } from "../classifier/masks.ts";
import { regionBase, regionSize, setting } from "../core/state.ts";
import { KEY_RECIRC_ID } from "../layout/flow-key.ts";
import {
  MASK_CACHE_ENTRY_SIZE,
  MASK_CACHE_HASH,
  MASK_CACHE_INDEX,
  MASK_CACHE_PROBES,
  MASK_CACHE_VICTIM_KERNEL,
} from "../layout/mask-cache.ts";
import { RegionId, Setting } from "../layout/pmd.ts";

/** Bit of an answer: the entry holds the hash. Entries are 8-byte aligned. */
export const MASK_CACHE_KNOWN: u32 = 1;

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

/**
 * Whether there is anything to ask. With a single mask there is nothing to choose; the kernel asks all the same,
 * and so does its profile.
 */
export function maskCacheTells(): bool {
  return base !== 0 && (maskCount > 1 || victimRule === MASK_CACHE_VICTIM_KERNEL);
}

/** Reads the first of the name's four entries, so that it is on its way; any value. */
export function maskCacheTouch(name: u32): u32 {
  return load<u32>(base + (name & entryMask) * MASK_CACHE_ENTRY_SIZE);
}

/**
 * The entry of the name with MASK_CACHE_KNOWN, or the entry to overwrite without it; 0 when the packet
 * goes around the cache: name 0.
 */
export function maskCacheFind(name: u32): u32 {
  if (name === 0) return 0;
  ticks++;
  let victim: u32 = 0;
  let probe = name;
  for (let segment: u32 = 0; segment < MASK_CACHE_PROBES; segment++) {
    const entry = base + (probe & entryMask) * MASK_CACHE_ENTRY_SIZE;
    if (load<u32>(entry, MASK_CACHE_HASH) === name) return entry | MASK_CACHE_KNOWN;
    if (victim === 0 || worse(entry, victim)) victim = entry;
    probe >>= shift;
  }
  return victim;
}

/**
 * The mask that an answer says to try first, or 0. The kernel tries an entry's mask even when the entry
 * is another hash's; the `lru` rule does not.
 */
export function maskCacheGuess(answer: u32): u32 {
  if (answer === 0) return 0;
  if ((answer & MASK_CACHE_KNOWN) === 0 && victimRule !== MASK_CACHE_VICTIM_KERNEL) return 0;
  const index = load<u16>(answer & ~MASK_CACHE_KNOWN, MASK_CACHE_INDEX) as u32;
  return index < maskCount ? maskAt(index) : 0;
}

/** Notes in the answer's entry where the packet's megaflow was found; returns whether the entry is new. */
export function maskCacheNote(answer: u32, skbHash: u32, key: u32, index: u32): bool {
  const entry = answer & ~MASK_CACHE_KNOWN;
  const value = index | (victimRule === MASK_CACHE_VICTIM_KERNEL ? 0 : (ticks >> 6) << 16);
  if (load<u32>(entry, MASK_CACHE_INDEX) !== value) store<u32>(entry, value, MASK_CACHE_INDEX);
  if ((answer & MASK_CACHE_KNOWN) !== 0) return false;
  store<u32>(entry, nameOf(skbHash, key), MASK_CACHE_HASH);
  return true;
}

/** The answer's packet has no megaflow: an entry that says otherwise is cleared. */
export function maskCacheForget(answer: u32): void {
  if ((answer & MASK_CACHE_KNOWN) !== 0) store<u32>(answer & ~MASK_CACHE_KNOWN, 0, MASK_CACHE_HASH);
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

/** Name of the packet's connection in the cache; 0 = it goes around the cache. */
export function maskCacheName(skbHash: u32, key: u32): u32 {
  return skbHash === 0 ? 0 : nameOf(skbHash, key);
}

/** The skb hash with recirc_id mixed in when it is not 0. */
function nameOf(hash: u32, key: u32): u32 {
  const recirc = load<u32>(key, KEY_RECIRC_ID);
  if (recirc === 0) return hash;
  const mixed = (hash ^ (recirc * 0x9e3779b1)) * 0x85ebca6b;
  const folded = mixed ^ (mixed >> 15);
  return folded === 0 ? 1 : folded;
}
