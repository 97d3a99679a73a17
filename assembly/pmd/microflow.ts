// HOT: the stage that asks the microflow cache about every packet. What it does not know is listed for the
// stages in masked.ts.

import { maskCacheReload } from "../cache/mask-cache.ts";
import {
  Microflow,
  microflowCandidate,
  microflowForget,
  microflowInsert,
  microflowReload,
  microflowSecond,
} from "../cache/microflow.ts";
import { exactInsert, exactLookup, exactReload } from "../cache/microflow-exact.ts";
import { count, pmd, regionSize, setting } from "../core/state.ts";
import {
  BATCH_COUNT,
  BATCH_FLOWS,
  BATCH_LEVELS,
  BATCH_MISS_COUNT,
  BATCH_MISSES,
  BATCH_SIGNATURES,
} from "../layout/batch.ts";
import { KEY_STRIDE } from "../layout/flow-key.ts";
import { MICROFLOW_BYPASS_AUTO, MICROFLOW_MODE_EXACT } from "../layout/microflow-cache.ts";
import { PMD_BYPASSED, RegionId, Setting } from "../layout/pmd.ts";
import { PmdStat } from "../layout/stat.ts";
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

/** Whether the cache is told what it did not know. */
export function microflowRemembers(): bool {
  return enabled && !bypassed;
}

/** Tells the cache where a packet that it did not know was found; microflowRemembers() holds. */
export function microflowRemember(signature: u32, key: u32, flow: u32): void {
  if (signature === 0) return;
  const inserted = exact ? exactInsert(signature, key, flow) : microflowInsert(signature, flow);
  if (inserted) count(PmdStat.MICROFLOW_INSERTS, 1);
}

/** The connection waits for an upcall: what the cache still has of it must not come true again. */
export function microflowDistrust(signature: u32): void {
  // In exact mode an entry knows the generation of its flow's record.
  if (enabled && !exact) microflowForget(signature);
}

/**
 * Three passes, so that cache misses overlap: all buckets are read before the first flow, and all flows'
 * first lines are on their way before the first is compared.
 */
function lookupSignatures(context: u32, packets: u32): u32 {
  const end = context + (packets << 2);
  for (let at = context; at < end; at += 4) {
    const signature = load<u32>(at, BATCH_SIGNATURES);
    store<u32>(at, signature === 0 ? 0 : microflowCandidate(signature), BATCH_FLOWS);
  }
  touchFlows(context, packets);
  let misses: u32 = 0;
  let key = keyAt(context, 0);
  for (let at = context; at < end; at += 4, key += KEY_STRIDE) {
    let flow = load<u32>(at, BATCH_FLOWS);
    if (flow !== 0) {
      if (Microflow.verify(flow, key)) continue;
      flow = microflowSecond(load<u32>(at, BATCH_SIGNATURES), key);
      store<u32>(at, flow, BATCH_FLOWS);
      if (flow !== 0) continue;
    }
    store<u32>(context + (misses << 2), (at - context) >> 2, BATCH_MISSES);
    misses++;
  }
  return misses;
}

/** Starts fetching the first line of every candidate: loads of which none waits for another. */
function touchFlows(context: u32, packets: u32): void {
  const end = context + (packets << 2);
  let touched: u32 = 0;
  for (let at = context; at < end; at += 4) touched |= load<u32>(load<u32>(at, BATCH_FLOWS));
  // Stored where it does no harm, so that the loads are not optimised away.
  store<u32>(context, touched, BATCH_LEVELS);
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
