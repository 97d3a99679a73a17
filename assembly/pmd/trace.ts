// COLD: tells in the trace ring how each named packet was found.

import { ringCommit, ringReserve } from "../core/ring.ts";
import { traceRing } from "../core/state.ts";
import {
  BATCH_COUNT,
  BATCH_FRAMES,
  BATCH_LEVELS,
  BATCH_MISSES,
  BATCH_RECORDS,
  BATCH_VISITED,
} from "../layout/batch.ts";
import { KEY_RECIRC_ID } from "../layout/flow-key.ts";
import { FRAME_SEQUENCE } from "../layout/frame.ts";
import { LookupLevel } from "../layout/stat.ts";
import {
  TRACE_LEVEL,
  TRACE_RECORD_SIZE,
  TRACE_SEQUENCE,
  TRACE_VALUE,
  TRACE_VISITED,
  TraceKind,
} from "../layout/upcall.ts";
import { keyAt } from "./contexts.ts";

/** Writes a record for every packet of the context that has a name; the first `misses` were misses. */
export function traceLookups(context: u32, misses: u32): void {
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
