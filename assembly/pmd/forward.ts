// HOT: the stage that counts each packet for its flow and does what the flow says. A single output to a
// port that only counts is done here, everything else in execute.ts. A packet costs its flow's first line,
// which the lookup has read already.

import { Modification } from "../actions/modify.ts";
import { frameFree, frameGiveMany } from "../core/frame-pool.ts";
import { txPut, txRoom } from "../core/queue.ts";
import { clock, count, countDrops, ports } from "../core/state.ts";
import {
  ACTION_CHANGE_FIRST,
  ACTION_CHANGE_LAST,
  ACTION_INLINE_OUTPUT,
  ACTION_OPCODE_MASK,
  ACTION_WORDS_SHIFT,
  Action,
} from "../layout/action.ts";
import {
  BATCH_COUNT,
  BATCH_DATA,
  BATCH_DONE,
  BATCH_FLOWS,
  BATCH_FRAMES,
  BATCH_IN_PORT,
  BATCH_LENGTHS,
  BATCH_NEXT,
  BATCH_RECORDS,
} from "../layout/batch.ts";
import { FLOW_ACTIONS, FLOW_BYTES, FLOW_PACKETS, FLOW_TCP_FLAGS, FLOW_USED } from "../layout/flow.ts";
import { KEY_STRIDE, KEY_TCP_FLAGS } from "../layout/flow-key.ts";
import { FRAME_DATA, FRAME_DATA_MAX, FRAME_FATE, FRAME_FATE_SENT, FRAME_LENGTH } from "../layout/frame.ts";
import { PORT_MAX } from "../layout/limits.ts";
import {
  PORT_KIND,
  PORT_MTU,
  PORT_SIZE,
  PORT_TX,
  PORT_TX_BYTES,
  PORT_TX_PACKETS,
  PortKind,
} from "../layout/port.ts";
import { DropReason, PmdStat } from "../layout/stat.ts";
import { keyAt, recordInit } from "./contexts.ts";
import { execute, executeFrom, executeOutput } from "./execute.ts";
import { upcallMiss } from "./upcalls.ts";

/** No port: the run of packets to one port has ended. */
const NO_PORT: u32 = 0xffffffff;
/** Kind of a run whose packets take the long way. */
const OTHER: u32 = 0xffffffff;

/** What programs of this batch have sent without any help: packets, copies and bytes. */
let sentPackets: u32 = 0;
let sentCopies: u32 = 0;
let sentBytes: u32 = 0;

/** Carries out the actions of every packet's flow; those without one become upcalls. */
export function stageForward(context: u32): void {
  const packets = load<u32>(context, BATCH_COUNT);
  const fresh = load<u32>(context, BATCH_RECORDS) === 0;
  // Packets to the same port as the one before are counted in registers; frames that are done are listed.
  let runPort = NO_PORT;
  let runPackets: u32 = 0;
  let runBytes: u32 = 0;
  let runKind = OTHER;
  let listed: u32 = 0;
  let dropped: u32 = 0;
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
    const received = load<u32>(at, BATCH_LENGTHS);
    countFlow(flow, received, load<u16>(key, KEY_TCP_FLAGS));
    const actions = load<u32>(flow, FLOW_ACTIONS);
    if (!fresh) {
      forwardRecorded(context, frame, key, actions);
      continue;
    }
    let data = load<u32>(at, BATCH_DATA);
    let length = received;
    let port = actions >> 1;
    if (actions === 0) {
      dropped++;
      // What was received tells the frame's pool, whatever the packet's length has become.
      if (received <= FRAME_DATA_MAX) {
        store<u32>(context + (listed << 2), frame, BATCH_DONE);
        listed++;
      } else frameFree(frame);
      continue;
    }
    if ((actions & ACTION_INLINE_OUTPUT) === 0) {
      port = forwardFresh(context, at, frame, key, actions);
      if (port === NO_PORT) continue;
      data = load<u32>(frame, FRAME_DATA);
      length = load<u32>(frame, FRAME_LENGTH);
    }
    if (port !== runPort) {
      countRun(runPort, runPackets, runBytes);
      runPort = port;
      runKind = runKindOf(port);
      runPackets = 0;
      runBytes = 0;
    }
    if (runKind === (PortKind.NULL as u32)) {
      if (received <= FRAME_DATA_MAX) {
        store<u32>(context + (listed << 2), frame, BATCH_DONE);
        listed++;
      } else frameFree(frame);
    } else if (runKind === OTHER || !sendToQueue(port, frame, data, received, length)) {
      recordInit(frame, data, length, load<u32>(context, BATCH_IN_PORT));
      executeOutput(frame, port);
      continue;
    }
    runPackets++;
    runBytes += length;
  }
  countRun(runPort, runPackets, runBytes);
  if (listed !== 0) frameGiveMany(context + BATCH_DONE, listed);
  if (dropped !== 0) countDropped(dropped);
  if (sentCopies !== 0) countSent();
}

/** A packet that carries metadata: recirculated, parked, or from the controller. */
function forwardRecorded(context: u32, frame: u32, key: u32, actions: u32): void {
  if ((actions & ACTION_INLINE_OUTPUT) !== 0) executeOutput(frame, actions >> 1);
  else execute(frame, key, actions, load<u32>(context, BATCH_NEXT));
}

/**
 * Runs the program of a packet straight from its receive: changes, and outputs to ports that only count. Where all
 * that is left is one output, its port is returned for the caller to send to; else NO_PORT, and the packet has
 * ended: from the first other action on, execute.ts goes on with it as it is then.
 */
function forwardFresh(context: u32, at: u32, frame: u32, key: u32, program: u32): u32 {
  store<u32>(frame, load<u32>(at, BATCH_DATA), FRAME_DATA);
  store<u32>(frame, load<u32>(at, BATCH_LENGTHS), FRAME_LENGTH);
  const end = program + 4 + (load<u32>(program) << 2);
  let action = program + 4;
  let copies: u32 = 0;
  while (action < end) {
    const word = load<u32>(action);
    const opcode = word & ACTION_OPCODE_MASK;
    const next = action + ((word >> ACTION_WORDS_SHIFT) << 2);
    if (opcode === (Action.OUTPUT as u32)) {
      const port = load<u32>(action, 4);
      if (next === end && copies === 0 && port < PORT_MAX) return port;
      if (!countOutput(port, load<u32>(frame, FRAME_LENGTH))) break;
      copies++;
    } else if (opcode - ACTION_CHANGE_FIRST > ACTION_CHANGE_LAST - ACTION_CHANGE_FIRST) break;
    else if (!Modification.apply(frame, opcode, action + 4)) break;
    action = next;
  }
  if (action === end && copies !== 0) {
    sentPackets++;
    frameFree(frame);
    return NO_PORT;
  }
  recordInit(
    frame,
    load<u32>(frame, FRAME_DATA),
    load<u32>(frame, FRAME_LENGTH),
    load<u32>(context, BATCH_IN_PORT),
  );
  if (copies !== 0) store<u32>(frame, FRAME_FATE_SENT, FRAME_FATE);
  executeFrom(frame, key, action, end, load<u32>(context, BATCH_NEXT));
  return NO_PORT;
}

/** NULL or QUEUE where packets to the port take the short way, else OTHER. */
function runKindOf(port: u32): u32 {
  if (port >= PORT_MAX) return OTHER;
  const word = load<u32>(ports + port * PORT_SIZE, PORT_KIND);
  return word === (PortKind.NULL as u32) || word === (PortKind.QUEUE as u32) ? word : OTHER;
}

/** Hands a frame to the port's queue without a look at its record; false where that takes the long way. */
function sendToQueue(port: u32, frame: u32, data: u32, received: u32, length: u32): bool {
  const record = ports + port * PORT_SIZE;
  const longest = load<u32>(record, PORT_MTU);
  const queue = load<u32>(record, PORT_TX);
  if (received > FRAME_DATA_MAX || (longest !== 0 && length > longest) || txRoom(queue) === 0) return false;
  txPut(queue, frame, data, length, false);
  return true;
}

/** Whether a packet sent to this port is only counted. */
function isPlain(port: u32): bool {
  return port < PORT_MAX && load<u32>(ports + port * PORT_SIZE, PORT_KIND) === (PortKind.NULL as u32);
}

/** Counts a copy sent to a plain port; false when the port is of another kind. */
function countOutput(port: u32, length: u32): bool {
  if (!isPlain(port)) return false;
  countPort(port, 1, length);
  sentCopies++;
  sentBytes += length;
  return true;
}

/** Counts a run of packets that went to one plain port. */
function countRun(port: u32, packets: u32, bytes: u32): void {
  if (packets === 0) return;
  countPort(port, packets, bytes);
  sentPackets += packets;
  sentCopies += packets;
  sentBytes += bytes;
}

function countPort(port: u32, packets: u32, bytes: u32): void {
  const record = ports + port * PORT_SIZE;
  store<u64>(record, load<u64>(record, PORT_TX_PACKETS) + (packets as u64), PORT_TX_PACKETS);
  store<u64>(record, load<u64>(record, PORT_TX_BYTES) + (bytes as u64), PORT_TX_BYTES);
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

/** Counts packets whose megaflow has no actions. They came straight from a queue: nobody traces them. */
function countDropped(packets: u32): void {
  count(PmdStat.DROPPED, packets);
  countDrops(DropReason.POLICY, packets);
}

function countSent(): void {
  count(PmdStat.FORWARDED, sentPackets);
  count(PmdStat.TX, sentCopies);
  count(PmdStat.TX_BYTES, sentBytes);
  sentPackets = 0;
  sentCopies = 0;
  sentBytes = 0;
}
