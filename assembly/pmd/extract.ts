// HOT: the stages that turn packets into keys, hashes and signatures.

import { Microflow, microflowName, microflowPlace } from "../cache/microflow.ts";
import { extractBatch, extractKey } from "../key/extract.ts";
import { skbHash } from "../key/hash.ts";
import {
  BATCH_COUNT,
  BATCH_DATA,
  BATCH_FRAMES,
  BATCH_HASHES,
  BATCH_IN_PORT,
  BATCH_LENGTHS,
  BATCH_RECORDS,
  BATCH_SIGNATURES,
} from "../layout/batch.ts";
import { KEY_IN_PORT, KEY_PKT_MARK, KEY_RECIRC_ID, KEY_STRIDE } from "../layout/flow-key.ts";
import {
  FRAME_DATA,
  FRAME_DP_HASH,
  FRAME_IN_PORT,
  FRAME_LENGTH,
  FRAME_PKT_MARK,
  FRAME_RECIRC_ID,
  FRAME_SKB_PRIORITY,
} from "../layout/frame.ts";
import { keyAt } from "./contexts.ts";

/** Extracts the key of every packet; what was just received is hashed on the way, while it is in registers. */
export function stageExtract(context: u32): void {
  const packets = load<u32>(context, BATCH_COUNT);
  if (load<u32>(context, BATCH_RECORDS) !== 0) {
    extractRecorded(context, packets);
    return;
  }
  extractBatch(
    keyAt(context, 0),
    context + BATCH_DATA,
    context + BATCH_LENGTHS,
    context + BATCH_HASHES,
    packets,
    load<u32>(context, BATCH_IN_PORT),
  );
}

/** Hashes the keys that are not hashed yet, and names every packet's microflow. */
export function stageHash(context: u32): void {
  const end = context + (load<u32>(context, BATCH_COUNT) << 2);
  if (load<u32>(context, BATCH_RECORDS) !== 0) {
    hashRecorded(context, end);
    return;
  }
  const where = i32x4.splat(microflowPlace(load<u32>(context, BATCH_IN_PORT), 0));
  // Four at a time; the arrays have room for what is behind the last.
  for (let at = context; at < end; at += 16) {
    v128.store(at, Microflow.names(v128.load(at, BATCH_HASHES), where), BATCH_SIGNATURES);
  }
}

function hashRecorded(context: u32, end: u32): void {
  let key = keyAt(context, 0);
  for (let at = context; at < end; at += 4, key += KEY_STRIDE) {
    const hash = skbHash(key);
    const where = microflowPlace(load<u32>(key, KEY_IN_PORT), load<u32>(key, KEY_RECIRC_ID));
    store<u32>(at, hash, BATCH_HASHES);
    store<u32>(at, microflowName(hash, where), BATCH_SIGNATURES);
  }
}

/** Packets whose records carry metadata: recirculated, parked, or from the controller. */
function extractRecorded(context: u32, packets: u32): void {
  for (let i: u32 = 0; i < packets; i++)
    extractFrame(load<u32>(context + (i << 2), BATCH_FRAMES), keyAt(context, i));
}

/** Extracts the key of one frame with a valid record. */
export function extractFrame(frame: u32, key: u32): void {
  extractKey(
    key,
    load<u32>(frame, FRAME_DATA),
    load<u32>(frame, FRAME_LENGTH),
    load<u32>(frame, FRAME_IN_PORT),
    load<u32>(frame, FRAME_RECIRC_ID),
  );
  store<u64>(key, load<u64>(frame, FRAME_PKT_MARK), KEY_PKT_MARK);
  store<u32>(key, load<u32>(frame, FRAME_SKB_PRIORITY), KEY_PKT_MARK + 8);
}

if (FRAME_DP_HASH !== FRAME_PKT_MARK + 4) ERROR("FRAME_DP_HASH does not follow FRAME_PKT_MARK");
