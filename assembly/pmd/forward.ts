// HOT: the stage that counts each packet for its flow and does what the flow says. Packets straight from their
// receive go in runs that have their actions in common. A packet costs its flow's first line, which the lookup
// has read already.

import { clock, count, countDrops } from "../core/state.ts";
import { ACTION_INLINE_OUTPUT } from "../layout/action.ts";
import {
  BATCH_COUNT,
  BATCH_DATA,
  BATCH_FLOWS,
  BATCH_FRAMES,
  BATCH_IN_PORT,
  BATCH_LENGTHS,
  BATCH_NEXT,
  BATCH_RECORDS,
} from "../layout/batch.ts";
import { FLOW_ACTIONS, FLOW_BYTES, FLOW_PACKETS, FLOW_TCP_FLAGS, FLOW_USED } from "../layout/flow.ts";
import { KEY_STRIDE, KEY_TCP_FLAGS } from "../layout/flow-key.ts";
import { FRAME_DATA_MAX } from "../layout/frame.ts";
import { DropReason, PmdStat } from "../layout/stat.ts";
import { keyAt, recordInit } from "./contexts.ts";
import { execute, executeOutput } from "./execute.ts";
import { runActions } from "./run-actions.ts";
import { giveBack, sendEnd, sendRun } from "./send-run.ts";
import { upcallMiss } from "./upcalls.ts";

/** Carries out the actions of every packet's flow; those without one become upcalls. */
export function stageForward(context: u32): void {
  const packets = load<u32>(context, BATCH_COUNT);
  if (load<u32>(context, BATCH_RECORDS) !== 0) {
    for (let i: u32 = 0; i < packets; i++) forwardOne(context, i);
    return;
  }
  let first: u32 = 0;
  while (first < packets) {
    const flow = load<u32>(context + (first << 2), BATCH_FLOWS);
    const actions = flow === 0 ? 0 : load<u32>(flow, FLOW_ACTIONS);
    const end = countRun(context, first, packets, actions);
    if (end === first) {
      sendEnd();
      recordAt(context, first);
      forwardOne(context, first++);
      continue;
    }
    if ((actions & ACTION_INLINE_OUTPUT) !== 0) sendRun(context, first, end, actions >> 1);
    else if (actions !== 0) runActions(context, first, end, actions);
    else dropRun(context, first, end);
    first = end;
  }
  sendEnd();
}

/**
 * Counts packets from place `first` on for their flows, as long as these have the actions and the packets lie in
 * small frames. Returns the place of the first that was not counted.
 */
function countRun(context: u32, first: u32, packets: u32, actions: u32): u32 {
  const end = context + (packets << 2);
  const now = clock;
  let key = keyAt(context, first);
  let at = context + (first << 2);
  for (; at < end; at += 4, key += KEY_STRIDE) {
    const flow = load<u32>(at, BATCH_FLOWS);
    const length = load<u32>(at, BATCH_LENGTHS);
    if (flow === 0 || length > FRAME_DATA_MAX || load<u32>(flow, FLOW_ACTIONS) !== actions) break;
    Flow.count(flow, length, key, now);
  }
  return (at - context) >> 2;
}

/** One packet whose record is valid. */
function forwardOne(context: u32, i: u32): void {
  const at = context + (i << 2);
  const key = keyAt(context, i);
  const flow = load<u32>(at, BATCH_FLOWS);
  const frame = load<u32>(at, BATCH_FRAMES);
  if (flow === 0) {
    upcallMiss(context, i, frame, key);
    return;
  }
  Flow.count(flow, load<u32>(at, BATCH_LENGTHS), key, clock);
  const actions = load<u32>(flow, FLOW_ACTIONS);
  if ((actions & ACTION_INLINE_OUTPUT) !== 0) executeOutput(frame, actions >> 1);
  else execute(frame, key, actions, load<u32>(context, BATCH_NEXT));
}

/** Packets whose megaflow has no actions. They came straight from a queue: nobody traces them. */
function dropRun(context: u32, from: u32, to: u32): void {
  count(PmdStat.DROPPED, to - from);
  countDrops(DropReason.POLICY, to - from);
  giveBack(context, from, to);
}

/** Fills in the record of a packet straight from its receive. */
function recordAt(context: u32, i: u32): void {
  const at = context + (i << 2);
  const inPort = load<u32>(context, BATCH_IN_PORT);
  recordInit(load<u32>(at, BATCH_FRAMES), load<u32>(at, BATCH_DATA), load<u32>(at, BATCH_LENGTHS), inPort);
}

if (FLOW_BYTES !== FLOW_PACKETS + 8) ERROR("FLOW_BYTES does not follow FLOW_PACKETS");

/** What is inlined where it is called. */
class Flow {
  /** Counts a packet for its flow. */
  @inline static count(flow: u32, length: u32, key: u32, now: u32): void {
    const one = i64x2.replace_lane(i64x2.splat(1), 1, length as i64);
    v128.store(flow, i64x2.add(v128.load(flow, FLOW_PACKETS), one), FLOW_PACKETS);
    store<u32>(flow, now, FLOW_USED);
    store<u16>(flow, load<u16>(flow, FLOW_TCP_FLAGS) | load<u16>(key, KEY_TCP_FLAGS), FLOW_TCP_FLAGS);
  }
}
