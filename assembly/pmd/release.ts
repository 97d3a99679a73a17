// COLD: packets that come back into the pipeline: parked ones whose upcall was answered, and packets that
// the controller sends itself.

import { packetDrop } from "../core/account.ts";
import { BATCH_COUNT, BATCH_DATA, BATCH_FRAMES, BATCH_LENGTHS, BATCH_RECORDS } from "../layout/batch.ts";
import { FRAME_DATA, FRAME_LENGTH } from "../layout/frame.ts";
import { BATCH_MAX } from "../layout/limits.ts";
import { DropReason } from "../layout/stat.ts";
import { keyAt, receiveContext, soloContext } from "./contexts.ts";
import { execute } from "./execute.ts";
import { extractFrame } from "./extract.ts";
import { processBatch } from "./process.ts";
import { pendingPop, pendingTake } from "./upcalls.ts";

/**
 * Answers an upcall: the first packet of its chain runs the program, the others look for the megaflow
 * that was just installed, in order. Runs between batches, so the receive context is free.
 */
export function release(token: u32, program: u32): void {
  let frame = pendingTake(token);
  if (frame === 0) return;
  let rest = pendingPop(frame);
  runAlone(frame, program);
  const context = receiveContext();
  while (rest !== 0) {
    let packets: u32 = 0;
    while (rest !== 0 && packets < BATCH_MAX) {
      frame = rest;
      rest = pendingPop(frame);
      const at = context + (packets << 2);
      store<u32>(at, frame, BATCH_FRAMES);
      store<u32>(at, load<u32>(frame, FRAME_DATA), BATCH_DATA);
      store<u32>(at, load<u32>(frame, FRAME_LENGTH), BATCH_LENGTHS);
      packets++;
    }
    store<u32>(context, packets, BATCH_COUNT);
    store<u32>(context, 1, BATCH_RECORDS);
    processBatch(context);
  }
}

/** Runs a program on one frame outside any batch, and ends the packet. */
export function runAlone(frame: u32, program: u32): void {
  if (load<u32>(program) === 0) {
    packetDrop(frame, DropReason.POLICY);
    return;
  }
  const key = keyAt(soloContext(0), 0);
  extractFrame(frame, key);
  execute(frame, key, program, 0);
}
