// HOT: the stages that find each packet's megaflow: microflow cache, then mask cache and masks.

import { maskCacheHit, maskCacheInserted, maskCacheLookup, maskCacheReload } from "../cache/mask-cache.ts";
import {
  Microflow,
  microflowCandidate,
  microflowInsert,
  microflowReload,
  microflowSecond,
} from "../cache/microflow.ts";
import { exactInsert, exactLookup, exactReload } from "../cache/microflow-exact.ts";
import { visited } from "../classifier/lookup.ts";
import { ringCommit, ringReserve } from "../core/ring.ts";
import { count, pmd, regionSize, setting, traceRing } from "../core/state.ts";
import {
  BATCH_COUNT,
  BATCH_FLOWS,
  BATCH_FRAMES,
  BATCH_HASHES,
  BATCH_LEVELS,
  BATCH_MISS_COUNT,
  BATCH_MISSES,
  BATCH_RECORDS,
  BATCH_SIGNATURES,
  BATCH_VISITED,
} from "../layout/batch.ts";
import { KEY_RECIRC_ID, KEY_STRIDE } from "../layout/flow-key.ts";
import { FRAME_SEQUENCE } from "../layout/frame.ts";
import { MICROFLOW_BYPASS_AUTO, MICROFLOW_MODE_EXACT } from "../layout/microflow-cache.ts";
import { PMD_BYPASSED, RegionId, Setting } from "../layout/pmd.ts";
import { LookupLevel, PmdStat } from "../layout/stat.ts";
import {
  TRACE_LEVEL,
  TRACE_RECORD_SIZE,
  TRACE_SEQUENCE,
  TRACE_VALUE,
  TRACE_VISITED,
  TraceKind,
} from "../layout/upcall.ts";
import { keyAt } from "./contexts.ts";

/** Packets looked at before the cache's use is judged, and how long a useless one is left alone. */
const TRIAL_PACKETS: u32 = 1 << 15;
const BYPASS_PACKETS: u32 = 1 << 19;
/** Below this share of hits (of 256) probing and filling cost more than they save. */
const USEFUL_SHARE: u32 = 128;

let enabled: bool = false;
let exact: bool = false;
let automatic: bool = false;
let bypassed: bool = false;
let periodPackets: u32 = 0;
let periodHits: u32 = 0;

/** Reads what both caches are set to. */
export function lookupReload(): void {
  enabled = regionSize(RegionId.MICROFLOW) !== 0;
  exact = setting(Setting.MICROFLOW_MODE) === MICROFLOW_MODE_EXACT;
  automatic = setting(Setting.MICROFLOW_BYPASS) === MICROFLOW_BYPASS_AUTO;
  bypassSet(false);
  microflowReload();
  exactReload();
  maskCacheReload();
}

/** Looks every packet up in the microflow cache; what it does not know goes into the list of misses. */
export function stageMicroflow(context: u32): void {
  const packets = load<u32>(context, BATCH_COUNT);
  let misses: u32 = 0;
  if (!enabled || bypassed) misses = missAll(context, packets);
  else if (exact) misses = lookupExact(context, packets);
  else misses = lookupSignatures(context, packets);
  store<u32>(context, misses, BATCH_MISS_COUNT);
  count(PmdStat.PASSES, packets);
  count(PmdStat.HIT_MICROFLOW, packets - misses);
  if (automatic) judge(packets, packets - misses);
}

/** Looks the misses up by mask cache and masks, and tells the microflow cache. */
export function stageMasked(context: u32): void {
  const misses = load<u32>(context, BATCH_MISS_COUNT);
  if (misses !== 0) lookupMisses(context, misses);
  if (traceRing !== 0) trace(context, misses);
}

function lookupMisses(context: u32, misses: u32): void {
  let tried: u32 = 0;
  let unknown: u32 = 0;
  let cacheHits: u32 = 0;
  let cacheInserts: u32 = 0;
  for (let m: u32 = 0; m < misses; m++) {
    const i = load<u32>(context + (m << 2), BATCH_MISSES);
    const at = context + (i << 2);
    const key = keyAt(context, i);
    const flow = maskCacheLookup(load<u32>(at, BATCH_HASHES), key);
    store<u32>(at, flow, BATCH_FLOWS);
    store<u32>(at, visited, BATCH_VISITED);
    tried += visited;
    cacheHits += maskCacheHit ? 1 : 0;
    cacheInserts += maskCacheInserted ? 1 : 0;
    const level =
      flow === 0 ? LookupLevel.UPCALL : maskCacheHit ? LookupLevel.MASK_CACHE : LookupLevel.MASKED;
    store<u32>(at, level, BATCH_LEVELS);
    if (flow === 0) unknown++;
    else if (enabled && !bypassed) remember(load<u32>(at, BATCH_SIGNATURES), key, flow);
  }
  count(PmdStat.MASKS_VISITED, tried);
  count(PmdStat.HIT_MASK_CACHE, cacheHits);
  count(PmdStat.HIT_MASKED, misses - unknown - cacheHits);
  count(PmdStat.MISS, unknown);
  count(PmdStat.MASK_CACHE_INSERTS, cacheInserts);
}

/** Two passes, so that the flows' lines are fetched while the next buckets are read. */
function lookupSignatures(context: u32, packets: u32): u32 {
  const end = context + (packets << 2);
  for (let at = context; at < end; at += 4) {
    const signature = load<u32>(at, BATCH_SIGNATURES);
    store<u32>(at, signature === 0 ? 0 : microflowCandidate(signature), BATCH_FLOWS);
  }
  let misses: u32 = 0;
  let key = keyAt(context, 0);
  for (let i: u32 = 0; i < packets; i++, key += KEY_STRIDE) {
    const at = context + (i << 2);
    let flow = load<u32>(at, BATCH_FLOWS);
    if (flow !== 0 && !Microflow.verify(flow, key))
      flow = microflowSecond(load<u32>(at, BATCH_SIGNATURES), key);
    store<u32>(at, flow, BATCH_FLOWS);
    store<u32>(context + (misses << 2), i, BATCH_MISSES);
    misses += flow === 0 ? 1 : 0;
  }
  return misses;
}

function lookupExact(context: u32, packets: u32): u32 {
  let misses: u32 = 0;
  for (let i: u32 = 0; i < packets; i++) {
    const at = context + (i << 2);
    const signature = load<u32>(at, BATCH_SIGNATURES);
    const flow = signature === 0 ? 0 : exactLookup(signature, keyAt(context, i));
    store<u32>(at, flow, BATCH_FLOWS);
    store<u32>(context + (misses << 2), i, BATCH_MISSES);
    misses += flow === 0 ? 1 : 0;
  }
  return misses;
}

function missAll(context: u32, packets: u32): u32 {
  for (let i: u32 = 0; i < packets; i++) store<u32>(context + (i << 2), i, BATCH_MISSES);
  return packets;
}

function remember(signature: u32, key: u32, flow: u32): void {
  if (signature === 0) return;
  const inserted = exact ? exactInsert(signature, key, flow) : microflowInsert(signature, flow);
  if (inserted) count(PmdStat.MICROFLOW_INSERTS, 1);
}

/** Turns the cache off for a while when few packets found anything in it, and on again for a trial. */
function judge(packets: u32, hits: u32): void {
  if (!enabled) return;
  periodPackets += packets;
  periodHits += hits;
  if (bypassed) {
    if (periodPackets >= BYPASS_PACKETS) bypassSet(false);
    return;
  }
  if (periodPackets < TRIAL_PACKETS) return;
  bypassSet((periodHits << 8) / periodPackets < USEFUL_SHARE);
}

function bypassSet(on: bool): void {
  bypassed = on;
  periodPackets = 0;
  periodHits = 0;
  store<u32>(pmd, on ? 1 : 0, PMD_BYPASSED);
}

/** COLD: tells how each named packet was found. */
function trace(context: u32, misses: u32): void {
  if (load<u32>(context, BATCH_RECORDS) === 0) return;
  const packets = load<u32>(context, BATCH_COUNT);
  let m: u32 = 0;
  for (let i: u32 = 0; i < packets; i++) {
    const at = context + (i << 2);
    const missed = m < misses && load<u32>(context + (m << 2), BATCH_MISSES) === i;
    if (missed) m++;
    const sequence = load<u32>(load<u32>(at, BATCH_FRAMES), FRAME_SEQUENCE);
    if (sequence === 0) continue;
    const record = ringReserve(traceRing, TRACE_RECORD_SIZE, TraceKind.LOOKUP);
    if (record === 0) continue;
    store<u32>(record, sequence, TRACE_SEQUENCE);
    store<u32>(record, load<u32>(keyAt(context, i), KEY_RECIRC_ID), TRACE_VALUE);
    store<u32>(record, missed ? load<u32>(at, BATCH_LEVELS) : (LookupLevel.MICROFLOW as u32), TRACE_LEVEL);
    store<u32>(record, missed ? load<u32>(at, BATCH_VISITED) : 0, TRACE_VISITED);
    ringCommit(traceRing);
  }
}
