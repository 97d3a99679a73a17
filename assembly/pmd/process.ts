// THE page: what happens to a batch. Each packet is sent, dropped by name, consumed by the controller, or
// parked behind an upcall. The stages are separate loops so that their cache misses overlap, and so that a
// bench can time them one by one.

import { BATCH_COUNT, BATCH_NEXT } from "../layout/batch.ts";
import { stageExtract, stageHash } from "./extract.ts";
import { watchFlows } from "./fair-turns.ts";
import { stageForward } from "./forward.ts";
import { stageMaskCache, stageMasked } from "./masked.ts";
import { stageMicroflow } from "./microflow.ts";

/** Takes all packets of the context through the pipeline, and then those that it recirculates. */
export function processBatch(context: u32): void {
  stageExtract(context);
  stageHash(context);
  stageMicroflow(context);
  stageMaskCache(context);
  stageMasked(context);
  finishBatch(context);
}

/** The same for a burst of a receive queue, whose flows are looked at on the way. */
export function processWatched(context: u32, rxq: u32): void {
  stageExtract(context);
  stageHash(context);
  stageMicroflow(context);
  stageMaskCache(context);
  stageMasked(context);
  watchFlows(rxq, context);
  finishBatch(context);
}

function finishBatch(context: u32): void {
  stageForward(context);
  const next = load<u32>(context, BATCH_NEXT);
  if (next !== 0 && load<u32>(next, BATCH_COUNT) !== 0) processRecirculated(next);
}

function processRecirculated(context: u32): void {
  processBatch(context);
  store<u32>(context, 0, BATCH_COUNT);
}
