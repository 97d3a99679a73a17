// HOT while it is on, and then only the search for sampled packets: writes the lookups of a sample of
// connections into the sample ring. A packet costs a quarter of a vector multiply; what is sampled costs more.
//
// A connection is in the sample by the high bits of its name times an odd constant: all bits of the name decide,
// so that the sample is spread evenly over the sets of every cache.

import { maskCacheName } from "../cache/mask-cache.ts";
import { ringCommit, ringReserve, ringShrink } from "../core/ring.ts";
import { pmd, sampleRing, setting } from "../core/state.ts";
import {
  BATCH_COUNT,
  BATCH_FLOWS,
  BATCH_HASHES,
  BATCH_MISSES,
  BATCH_SIGNATURES,
  BATCH_VISITED,
} from "../layout/batch.ts";
import { FLOW_MASK } from "../layout/flow.ts";
import { KEY_DIRTY, KEY_LANE_SIZE, KEY_PLAIN_LANE_COUNT } from "../layout/flow-key.ts";
import { BATCH_MAX } from "../layout/limits.ts";
import { PMD_STATS, Setting } from "../layout/pmd.ts";
import {
  SAMPLE_BATCH,
  SAMPLE_COUNT,
  SAMPLE_ENTRIES,
  SAMPLE_ENTRY_SIZE,
  SAMPLE_FLOW,
  SAMPLE_KEY_HASH,
  SAMPLE_LOOKUPS,
  SAMPLE_MASK,
  SAMPLE_MASK_NAME,
  SAMPLE_SIGNATURE,
  SAMPLE_VISITED,
} from "../layout/sample.ts";
import { PmdStat } from "../layout/stat.ts";
import { keyAt } from "./contexts.ts";

/** Odd, and far from a power of two: 2^32 divided by the golden ratio. */
const MIX: u32 = 0x9e3779b1;

/** Record that this batch writes into, and the lookups in it. */
let record: u32 = 0;
let taken: u32 = 0;

/** Writes the sampled lookups of a batch of which the first `misses` in the list of misses were misses. */
export function sampleLookups(context: u32, misses: u32): void {
  const packets = load<u32>(context, BATCH_COUNT);
  const rest = selection();
  taken = 0;
  const end = context + (packets << 2);
  for (let at = context; at < end; at += 16) {
    const mixed = i32x4.mul(v128.load(at, BATCH_SIGNATURES), i32x4.splat(MIX));
    const chosen = i32x4.bitmask(i32x4.eq(v128.and(mixed, i32x4.splat(rest)), i32x4.splat(0)));
    if (chosen !== 0) sampleFour(context, (at - context) >> 2, chosen, misses);
  }
  if (taken === 0) return;
  store<u32>(record, load<u32>(pmd + ((PmdStat.BATCHES as u32) << 3), PMD_STATS), SAMPLE_BATCH);
  store<u32>(record, taken, SAMPLE_COUNT);
  ringShrink(record, SAMPLE_ENTRIES + taken * SAMPLE_ENTRY_SIZE);
  ringCommit(sampleRing);
}

/** Bits of a mixed name that are 0 for the connections in the sample. */
function selection(): u32 {
  const share = setting(Setting.SAMPLE);
  return share <= 1 ? 0 : ~0 << (33 - share);
}

/** Those of the four packets from `first` on whose bits are set in `chosen`. */
function sampleFour(context: u32, first: u32, chosen: i32, misses: u32): void {
  const packets = load<u32>(context, BATCH_COUNT);
  while (chosen !== 0) {
    const i = first + (ctz<i32>(chosen) as u32);
    chosen &= chosen - 1;
    if (i >= packets) return;
    if (taken === 0) {
      record = ringReserve(sampleRing, SAMPLE_ENTRIES + packets * SAMPLE_ENTRY_SIZE, SAMPLE_LOOKUPS);
      if (record === 0) return;
    }
    sampleOne(context, i, record + SAMPLE_ENTRIES + taken * SAMPLE_ENTRY_SIZE, misses);
    taken++;
  }
}

function sampleOne(context: u32, i: u32, entry: u32, misses: u32): void {
  const at = context + (i << 2);
  const key = keyAt(context, i);
  const flow = load<u32>(at, BATCH_FLOWS);
  store<u32>(entry, load<u32>(at, BATCH_SIGNATURES), SAMPLE_SIGNATURE);
  store<u32>(entry, maskCacheName(load<u32>(at, BATCH_HASHES), key), SAMPLE_MASK_NAME);
  store<u32>(entry, flow, SAMPLE_FLOW);
  store<u32>(entry, flow === 0 ? 0 : load<u32>(flow, FLOW_MASK), SAMPLE_MASK);
  store<u32>(entry, keyHash(key), SAMPLE_KEY_HASH);
  store<u32>(entry, missed(context, i, misses) ? load<u32>(at, BATCH_VISITED) : 0, SAMPLE_VISITED);
}

/** Whether packet `i` is in the list of misses, which is in order. */
function missed(context: u32, i: u32, misses: u32): bool {
  let low: u32 = 0;
  let high = misses;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (load<u32>(context + (middle << 2), BATCH_MISSES) < i) low = middle + 1;
    else high = middle;
  }
  return low < misses && load<u32>(context + (low << 2), BATCH_MISSES) === i;
}

/** A hash of every lane that the packet has. */
function keyHash(key: u32): u32 {
  const lanes = KEY_PLAIN_LANE_COUNT + 32 - (clz<i32>(load<u32>(key, KEY_DIRTY) as i32) as u32);
  const end = key + lanes * KEY_LANE_SIZE;
  let hash: u64 = lanes as u64;
  for (let at = key; at < end; at += 8) {
    hash = (hash ^ load<u64>(at)) * 0x9e37_79b9_7f4a_7c15;
    hash ^= hash >> 29;
  }
  return (hash >> 32) as u32;
}

if ((BATCH_MAX & 3) !== 0) ERROR("a batch of BATCH_MAX packets does not end with a whole vector of names");
