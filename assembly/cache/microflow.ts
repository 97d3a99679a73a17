// HOT: the microflow cache in signature mode. An entry is 8 bytes, {signature, flow}; a hit is verified by
// the flow's own masked compare, which is all it takes because any megaflow that matches is right. A packet
// reads one bucket of 32 bytes, and the flow's first line.
//
// The exact mode is in microflow-exact.ts.

import { random32, regionBase, regionSize, setting } from "../core/state.ts";
import { Masked } from "../key/masked.ts";
import { FLOW_MASK } from "../layout/flow.ts";
import { MICROFLOW_BUCKET_SIZE, MICROFLOW_BUCKET_WAYS } from "../layout/microflow-cache.ts";
import { RegionId, Setting } from "../layout/pmd.ts";

let base: u32 = 0;
let bucketMask: u32 = 0;
let insertInverse: u32 = 1;

/** Reads the size and settings; the entries stay. */
export function microflowReload(): void {
  base = regionSize(RegionId.MICROFLOW) === 0 ? 0 : regionBase(RegionId.MICROFLOW);
  bucketMask = setting(Setting.MICROFLOW_MASK);
  insertInverse = max<u32>(1, setting(Setting.MICROFLOW_INSERT_INVERSE));
}

/** What port and recirculation add to the name of a microflow. */
export function microflowPlace(inPort: u32, recircId: u32): u32 {
  return inPort * 0x9e3779b1 + recircId * 0x85ebca77;
}

/** Names the microflow: the skb hash with its place mixed in. Hash 0 stays 0: not cached. */
export function microflowName(hash: u32, place: u32): u32 {
  const mixed = hash ^ place;
  return hash === 0 ? 0 : select<u32>(1, mixed, mixed === 0);
}

/** The flow whose entry has this signature, unverified; 0 = none. */
export function microflowCandidate(signature: u32): u32 {
  const bucket = base + (signature & bucketMask) * MICROFLOW_BUCKET_SIZE;
  const equal = i32x4.bitmask(i32x4.eq(v128.load(bucket), i32x4.splat(signature)));
  return equal === 0 ? 0 : load<u32>(bucket + ((ctz<i32>(equal) as u32) << 2), 16);
}

/** What is inlined where it is called. */
export class Microflow {
  /** microflowName of four packets. */
  @inline static names(hashes: v128, places: v128): v128 {
    const zero = i32x4.splat(0);
    const mixed = v128.xor(hashes, places);
    return v128.andnot(i32x4.sub(mixed, i32x4.eq(mixed, zero)), i32x4.eq(hashes, zero));
  }

  /** Whether `flow`, from the cache, is alive and matches the key. */
  @inline static verify(flow: u32, key: u32): bool {
    const mask = load<u32>(flow, FLOW_MASK);
    return mask !== 0 && Masked.equals(flow, mask, key);
  }
}

/** Tries the further ways with an equal signature after the first did not verify. Rare. */
export function microflowSecond(signature: u32, key: u32): u32 {
  const bucket = base + (signature & bucketMask) * MICROFLOW_BUCKET_SIZE;
  let equal = i32x4.bitmask(i32x4.eq(v128.load(bucket), i32x4.splat(signature)));
  equal &= equal - 1;
  while (equal !== 0) {
    const flow = load<u32>(bucket + ((ctz<i32>(equal) as u32) << 2), 16);
    if (Microflow.verify(flow, key)) return flow;
    equal &= equal - 1;
  }
  return 0;
}

/**
 * Forgets what the signature leads to: dead flows, whose records may serve again. A packet that waits for
 * its upcall must not be overtaken by a later one that finds such a record.
 */
export function microflowForget(signature: u32): void {
  if (base === 0 || signature === 0) return;
  const bucket = base + (signature & bucketMask) * MICROFLOW_BUCKET_SIZE;
  for (let at = bucket; at < bucket + (MICROFLOW_BUCKET_WAYS << 2); at += 4) {
    if (load<u32>(at) === signature) store<u32>(at, 0, 16);
  }
}

/**
 * Remembers the flow for the signature. Replaces an entry of the same signature whose flow is dead, else
 * an empty or dead way, else a random one. Returns whether anything was written.
 */
export function microflowInsert(signature: u32, flow: u32): bool {
  if (insertInverse !== 1 && random32() % insertInverse !== 0) return false;
  const bucket = base + (signature & bucketMask) * MICROFLOW_BUCKET_SIZE;
  let victim = random32() & (MICROFLOW_BUCKET_WAYS - 1);
  for (let way: u32 = 0; way < MICROFLOW_BUCKET_WAYS; way++) {
    const at = bucket + (way << 2);
    const old = load<u32>(at, 16);
    if (load<u32>(at) === signature && old === flow) return false;
    if (old === 0 || load<u32>(old, FLOW_MASK) === 0) victim = way;
  }
  const at = bucket + (victim << 2);
  store<u32>(at, signature);
  store<u32>(at, flow, 16);
  return true;
}
