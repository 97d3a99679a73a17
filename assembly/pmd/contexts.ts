// The batch contexts of a PMD: one for received bursts, one for the deferred recirculations of each depth,
// one of a single packet for each depth.

import { regionBase } from "../core/state.ts";
import {
  BATCH_CONTEXTS,
  BATCH_COUNT,
  BATCH_KEYS,
  BATCH_NEXT,
  BATCH_RECORDS,
  BATCH_SIZE,
} from "../layout/batch.ts";
import { KEY_DIRTY, KEY_STRIDE } from "../layout/flow-key.ts";
import {
  FRAME_ACCOUNT,
  FRAME_DATA,
  FRAME_DEPTH,
  FRAME_FATE,
  FRAME_IN_PORT,
  FRAME_LENGTH,
  FRAME_NEXT,
  FRAME_PARENT,
  FRAME_PKT_MARK,
  FRAME_REASON,
  FRAME_RECIRC_ID,
  FRAME_SEQUENCE,
  FRAME_SKB_PRIORITY,
} from "../layout/frame.ts";
import { BATCH_MAX, RECIRC_DEPTH_MAX } from "../layout/limits.ts";
import { RegionId } from "../layout/pmd.ts";

let contexts: u32 = 0;

/** Clears the contexts and chains each to the one of the next depth. */
export function contextsInit(): void {
  contexts = regionBase(RegionId.BATCHES);
  for (let i: u32 = 0; i < BATCH_CONTEXTS; i++) {
    const context = contexts + i * BATCH_SIZE;
    store<u32>(context, 0, BATCH_COUNT);
    store<u32>(context, i < RECIRC_DEPTH_MAX ? context + BATCH_SIZE : 0, BATCH_NEXT);
    store<u32>(context, i === 0 ? 0 : 1, BATCH_RECORDS);
    for (let slot: u32 = 0; slot < BATCH_MAX; slot++) {
      const key = keyAt(context, slot);
      memory.fill(key, 0, KEY_STRIDE);
      store<u32>(key, 0, KEY_DIRTY);
    }
  }
}

/** The context of received bursts. */
export function receiveContext(): u32 {
  return contexts;
}

/** The context of one packet that recirculates, for the depth'th time, in the middle of a program. */
export function soloContext(depth: u32): u32 {
  return contexts + (RECIRC_DEPTH_MAX + 1 + depth) * BATCH_SIZE;
}

export function keyAt(context: u32, slot: u32): u32 {
  return context + BATCH_KEYS + slot * KEY_STRIDE;
}

/** Fills the record of a frame that came by a fast receive. FRAME_POOL is left alone. */
export function recordInit(frame: u32, data: u32, length: u32, inPort: u32): void {
  store<u32>(frame, data, FRAME_DATA);
  store<u32>(frame, length, FRAME_LENGTH);
  store<u32>(frame, inPort, FRAME_IN_PORT);
  store<u32>(frame, 0, FRAME_RECIRC_ID);
  v128.store(frame, i64x2.splat(0), FRAME_PKT_MARK);
  store<u32>(frame, 0, FRAME_ACCOUNT);
  store<u32>(frame, 0, FRAME_SEQUENCE);
  store<u32>(frame, 0, FRAME_NEXT);
  store<u32>(frame, 0, FRAME_DEPTH);
  store<u32>(frame, 0, FRAME_PARENT);
  store<u32>(frame, 0, FRAME_REASON);
}

/** Sum of an array of u32. */
export function sumOf(array: u32, length: u32): u32 {
  let four = i32x4.splat(0);
  let i: u32 = 0;
  for (; i + 4 <= length; i += 4) four = i32x4.add(four, v128.load(array + (i << 2)));
  const two = i32x4.add(four, v128.shuffle<i32>(four, four, 2, 3, 0, 1));
  let sum = (i32x4.extract_lane(two, 0) + i32x4.extract_lane(two, 1)) as u32;
  for (; i < length; i++) sum += load<u32>(array + (i << 2));
  return sum;
}

if (FRAME_SKB_PRIORITY !== FRAME_PKT_MARK + 8)
  ERROR("FRAME_SKB_PRIORITY is not in the vector at FRAME_PKT_MARK");
if (FRAME_FATE !== FRAME_PKT_MARK + 12) ERROR("FRAME_FATE is not in the vector at FRAME_PKT_MARK");
