// HOT: the stages behind the microflow cache: mask cache, then masked lookup. Each pass over the misses does
// one thing that waits for memory, so that the waits overlap: entries, buckets, flows, compares. What the
// first guess does not answer takes the long way, one packet at a time.

import {
  MASK_CACHE_KNOWN,
  maskCacheFind,
  maskCacheForget,
  maskCacheGuess,
  maskCacheName,
  maskCacheNote,
  maskCacheTells,
  maskCacheTouch,
} from "../cache/mask-cache.ts";
import {
  candidate,
  firstGuess,
  lookupMasks,
  NOWHERE,
  tryMask,
  visited,
  visitedReset,
} from "../classifier/lookup.ts";
import { count, pmd, sampleRing, traceRing } from "../core/state.ts";
import { tableSignature } from "../core/table.ts";
import { Masked, maskedHash } from "../key/masked.ts";
import {
  BATCH_ENTRIES,
  BATCH_FLOWS,
  BATCH_GUESSES,
  BATCH_HASHES,
  BATCH_LEVELS,
  BATCH_MISS_COUNT,
  BATCH_MISSES,
  BATCH_SIGNATURES,
  BATCH_VISITED,
} from "../layout/batch.ts";
import { FLOW_MASK } from "../layout/flow.ts";
import { TABLE_BASE, TABLE_MASK } from "../layout/hash-table.ts";
import { MASK_HITS, MASK_INDEX, MASK_KIND, MASK_KIND_TWO } from "../layout/mask.ts";
import { PMD_FLOW_TABLE } from "../layout/pmd.ts";
import { LookupLevel, PmdStat } from "../layout/stat.ts";
import { keyAt } from "./contexts.ts";
import { microflowRemember, microflowRemembers } from "./microflow.ts";
import { sampleLookups } from "./sample.ts";
import { traceLookups } from "./trace.ts";
import { isPending, pendings } from "./upcalls.ts";

/** Asks the mask cache about every miss, and decides which mask to try first. */
export function stageMaskCache(context: u32): void {
  const end = context + (load<u32>(context, BATCH_MISS_COUNT) << 2);
  if (end === context) return;
  if (maskCacheTells()) touchEntries(context, end);
  else forgetNames(context, end);
  for (let at = context; at < end; at += 4) {
    const answer = maskCacheFind(load<u32>(at, BATCH_ENTRIES));
    const guess = maskCacheGuess(answer);
    store<u32>(at, answer, BATCH_ENTRIES);
    store<u32>(
      at,
      guess === 0 ? firstGuess(keyAt(context, load<u32>(at, BATCH_MISSES))) : guess,
      BATCH_GUESSES,
    );
  }
}

/** Names every miss, and starts reading the entry that it most likely has. */
function touchEntries(context: u32, end: u32): void {
  let touched: u32 = 0;
  for (let at = context; at < end; at += 4) {
    const i = load<u32>(at, BATCH_MISSES);
    const name = maskCacheName(load<u32>(context + (i << 2), BATCH_HASHES), keyAt(context, i));
    touched |= maskCacheTouch(name);
    store<u32>(at, name, BATCH_ENTRIES);
  }
  // Stored where it does no harm, so that the loads are not optimised away.
  store<u32>(context, touched, BATCH_LEVELS);
}

function forgetNames(context: u32, end: u32): void {
  for (let at = context; at < end; at += 4) store<u32>(at, 0, BATCH_ENTRIES);
}

/** Finds the megaflow of every miss, and tells both caches. */
export function stageMasked(context: u32): void {
  const misses = load<u32>(context, BATCH_MISS_COUNT);
  if (misses !== 0) {
    findCandidates(context, misses);
    settleMisses(context, misses);
  }
  if (traceRing !== 0) traceLookups(context, misses);
  if (sampleRing !== 0) sampleLookups(context, misses);
}

/** Reads every bucket, and then starts reading every flow that a bucket named. */
function findCandidates(context: u32, misses: u32): void {
  const end = context + (misses << 2);
  const table = pmd + PMD_FLOW_TABLE;
  const base = load<u32>(table, TABLE_BASE);
  const tableMask = load<u32>(table, TABLE_MASK);
  const secret0 = Masked.secret(0);
  const secret1 = Masked.secret(16);
  for (let at = context; at < end; at += 4) {
    const i = load<u32>(at, BATCH_MISSES);
    const guess = load<u32>(at, BATCH_GUESSES);
    const key = keyAt(context, i);
    let flow: u32 = 0;
    if (guess !== 0) {
      const two = load<u32>(guess, MASK_KIND) === MASK_KIND_TWO;
      const hash = two
        ? Masked.hashTwo(guess, v128.load(key), v128.load(key, 16), secret0, secret1)
        : maskedHash(guess, key);
      flow = candidate(base, tableMask, tableSignature(hash));
    }
    store<u32>(context + (i << 2), flow, BATCH_FLOWS);
  }
  let touched: u32 = 0;
  for (let at = context; at < end; at += 4) {
    touched |= load<u32>(load<u32>(context + (load<u32>(at, BATCH_MISSES) << 2), BATCH_FLOWS));
  }
  // Stored where it does no harm, so that the loads are not optimised away.
  store<u32>(context, touched, BATCH_LEVELS);
}

function settleMisses(context: u32, misses: u32): void {
  const end = context + (misses << 2);
  const remembers = microflowRemembers();
  let tried: u32 = 0;
  let unknown: u32 = 0;
  let cacheHits: u32 = 0;
  let cacheInserts: u32 = 0;
  for (let miss = context; miss < end; miss += 4) {
    const i = load<u32>(miss, BATCH_MISSES);
    const at = context + (i << 2);
    const key = keyAt(context, i);
    const guess = load<u32>(miss, BATCH_GUESSES);
    const answer = load<u32>(miss, BATCH_ENTRIES);
    let flow = load<u32>(at, BATCH_FLOWS);
    let masks: u32 = 1;
    if (flow === 0 || load<u32>(flow, FLOW_MASK) !== guess || !Masked.equals(flow, guess, key)) {
      flow = findTheLongWay(guess, key);
      masks = visited;
    }
    // An earlier packet of the connection waits for its upcall: this one goes behind it.
    if (flow !== 0 && pendings !== 0 && isPending(load<u32>(at, BATCH_HASHES), key)) flow = 0;
    tried += masks;
    store<u32>(at, flow, BATCH_FLOWS);
    store<u32>(at, masks, BATCH_VISITED);
    if (flow === 0) {
      unknown++;
      maskCacheForget(answer);
      store<u32>(at, LookupLevel.UPCALL, BATCH_LEVELS);
      continue;
    }
    const mask = load<u32>(flow, FLOW_MASK);
    const hit: u32 = answer & MASK_CACHE_KNOWN & (mask === guess ? MASK_CACHE_KNOWN : 0);
    cacheHits += hit;
    store<u32>(at, hit !== 0 ? LookupLevel.MASK_CACHE : LookupLevel.MASKED, BATCH_LEVELS);
    store<u32>(mask, load<u32>(mask, MASK_HITS) + 1, MASK_HITS);
    if (answer !== 0) {
      const index = load<u32>(mask, MASK_INDEX);
      if (maskCacheNote(answer, load<u32>(at, BATCH_HASHES), key, index)) cacheInserts++;
    }
    if (remembers) microflowRemember(load<u32>(at, BATCH_SIGNATURES), key, flow);
  }
  count(PmdStat.MASKS_VISITED, tried);
  count(PmdStat.HIT_MASK_CACHE, cacheHits);
  count(PmdStat.HIT_MASKED, misses - unknown - cacheHits);
  count(PmdStat.MISS, unknown);
  count(PmdStat.MASK_CACHE_INSERTS, cacheInserts);
}

/** Searches the guessed mask thoroughly, and then all others. */
function findTheLongWay(guess: u32, key: u32): u32 {
  visitedReset();
  if (guess === 0) return lookupMasks(key, NOWHERE);
  const flow = tryMask(guess, key);
  return flow !== 0 ? flow : lookupMasks(key, load<u32>(guess, MASK_INDEX));
}
