// HOT: the stage that counts each packet for its flow and does what the flow says. A single output to a
// port that only counts is done here, everything else in execute.ts. A packet costs its flow's first line,
// which the lookup has read already.

import { frameFree, frameFreeSmall } from "../core/frame-pool.ts";
import { clock, count, ports } from "../core/state.ts";
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
import { PORT_KIND, PORT_SIZE, PORT_TX_BYTES, PORT_TX_PACKETS, PortKind } from "../layout/port.ts";
import { PmdStat } from "../layout/stat.ts";
import { keyAt, recordInit } from "./contexts.ts";
import { execute, executeOutput } from "./execute.ts";
import { upcallMiss } from "./upcalls.ts";

/** Carries out the actions of every packet's flow; those without one become upcalls. */
export function stageForward(context: u32): void {
  const packets = load<u32>(context, BATCH_COUNT);
  const fresh = load<u32>(context, BATCH_RECORDS) === 0;
  let sent: u32 = 0;
  let sentBytes: u32 = 0;
  let key = keyAt(context, 0);
  for (let i: u32 = 0; i < packets; i++, key += KEY_STRIDE) {
    const at = context + (i << 2);
    const flow = load<u32>(at, BATCH_FLOWS);
    const frame = load<u32>(at, BATCH_FRAMES);
    if (flow === 0) {
      if (fresh) recordAt(context, at, frame);
      upcallMiss(context, i, frame, key);
      continue;
    }
    const length = load<u32>(at, BATCH_LENGTHS);
    countFlow(flow, length, load<u16>(key, KEY_TCP_FLAGS));
    const actions = load<u32>(flow, FLOW_ACTIONS);
    const inline = (actions & ACTION_INLINE_OUTPUT) !== 0;
    if (fresh && inline) {
      const port = ports + (actions >> 1) * PORT_SIZE;
      if (load<u32>(port, PORT_KIND) === (PortKind.NULL as u32)) {
        store<u64>(port, load<u64>(port, PORT_TX_PACKETS) + 1, PORT_TX_PACKETS);
        store<u64>(port, load<u64>(port, PORT_TX_BYTES) + (length as u64), PORT_TX_BYTES);
        if (length <= FRAME_DATA_MAX) frameFreeSmall(frame);
        else frameFree(frame);
        sent++;
        sentBytes += length;
        continue;
      }
    }
    if (fresh) recordAt(context, at, frame);
    if (inline) executeOutput(frame, actions >> 1);
    else execute(frame, key, actions, load<u32>(context, BATCH_NEXT));
  }
  if (sent !== 0) countSent(sent, sentBytes);
}

function countFlow(flow: u32, length: u32, tcpFlags: u16): void {
  store<u64>(flow, load<u64>(flow, FLOW_PACKETS) + 1, FLOW_PACKETS);
  store<u64>(flow, load<u64>(flow, FLOW_BYTES) + (length as u64), FLOW_BYTES);
  store<u32>(flow, clock, FLOW_USED);
  store<u16>(flow, load<u16>(flow, FLOW_TCP_FLAGS) | tcpFlags, FLOW_TCP_FLAGS);
}

function recordAt(context: u32, at: u32, frame: u32): void {
  recordInit(
    frame,
    load<u32>(at, BATCH_DATA),
    load<u32>(at, BATCH_LENGTHS),
    load<u32>(context, BATCH_IN_PORT),
  );
}

function countSent(packets: u32, bytes: u32): void {
  count(PmdStat.FORWARDED, packets);
  count(PmdStat.TX, packets);
  count(PmdStat.TX_BYTES, bytes);
}
