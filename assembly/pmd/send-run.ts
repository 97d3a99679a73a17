// HOT: sending runs of packets that are straight from their receive and go to the same port. What was sent is
// counted in registers for a run and in these variables for a batch: an add to memory for every packet would
// wait for the one before it.

import { frameGiveMany } from "../core/frame-pool.ts";
import { txPut, txRoom } from "../core/queue.ts";
import { count, ports } from "../core/state.ts";
import { BATCH_DATA, BATCH_FRAMES, BATCH_IN_PORT, BATCH_LENGTHS } from "../layout/batch.ts";
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
import { PmdStat } from "../layout/stat.ts";
import { recordInit, sumOf } from "./contexts.ts";
import { executeOutput } from "./execute.ts";

/** Kind of a port whose packets take the long way. */
const OTHER: u32 = 0xffffffff;

/** Packets at places `from` to `to` of a context that go out of a port, but have not been sent yet. */
let waiting: u32 = 0;
let waitingFrom: u32 = 0;
let waitingTo: u32 = 0;
let waitingPort: u32 = 0;

/** Places in a context whose packets' frames are free, but have not been given back yet. */
let freeFirst: u32 = 0;
let freeEnd: u32 = 0;

/** Of this batch, and counted nowhere else: packets, copies and bytes. */
let sentPackets: u32 = 0;
let sentCopies: u32 = 0;
let sentBytes: u32 = 0;

/** The packets at places `from` to `to`, in small frames, go out of a port: soon, and together with their like. */
export function sendRun(context: u32, from: u32, to: u32, port: u32): void {
  if (waiting === context && waitingPort === port && waitingTo === from) {
    waitingTo = to;
    return;
  }
  sendWaiting();
  waiting = context;
  waitingFrom = from;
  waitingTo = to;
  waitingPort = port;
}

/** Sends what waits. To be called before anything is sent in another way, so that packets keep their order. */
export function sendWaiting(): void {
  if (waiting === 0) return;
  const context = waiting;
  const port = waitingPort;
  const to = waitingTo;
  let from = waitingFrom;
  // Before anything else: what takes the long way may end in a batch of its own.
  waiting = 0;
  const kind = kindOf(port);
  if (kind === (PortKind.NULL as u32)) {
    countRun(port, to - from, sumOf(context + (from << 2) + BATCH_LENGTHS, to - from));
    giveBack(context, from, to);
    return;
  }
  if (kind === (PortKind.QUEUE as u32)) from = queueRun(context, from, to, port);
  for (; from < to; from++) sendOne(context, from, port);
}

/** Sends what waits, gives frames back and counts what has been sent: the batch ends, or something else comes. */
export function sendEnd(): void {
  sendWaiting();
  frameGiveMany(freeFirst + BATCH_FRAMES, (freeEnd - freeFirst) >> 2);
  freeFirst = 0;
  freeEnd = 0;
  if (sentCopies === 0) return;
  count(PmdStat.FORWARDED, sentPackets);
  count(PmdStat.TX, sentCopies);
  count(PmdStat.TX_BYTES, sentBytes);
  sentPackets = 0;
  sentCopies = 0;
  sentBytes = 0;
}

/** Sends copies of the packets; false where that takes the long way, and nothing was done. */
export function copyRun(context: u32, from: u32, to: u32, port: u32): bool {
  if (kindOf(port) !== (PortKind.NULL as u32)) return false;
  const bytes = sumOf(context + (from << 2) + BATCH_LENGTHS, to - from);
  countPort(port, to - from, bytes);
  sentCopies += to - from;
  sentBytes += bytes;
  return true;
}

/** Ends packets of which copies were sent. */
export function sentBefore(context: u32, from: u32, to: u32): void {
  sentPackets += to - from;
  giveBack(context, from, to);
}

/** The frames of packets are free: soon, and together with their neighbours. */
export function giveBack(context: u32, from: u32, to: u32): void {
  const first = context + (from << 2);
  if (freeEnd !== first) {
    frameGiveMany(freeFirst + BATCH_FRAMES, (freeEnd - freeFirst) >> 2);
    freeFirst = first;
  }
  freeEnd = context + (to << 2);
}

/** NULL or QUEUE where packets to the port take the short way, else OTHER. */
function kindOf(port: u32): u32 {
  if (port >= PORT_MAX) return OTHER;
  const word = load<u32>(ports + port * PORT_SIZE, PORT_KIND);
  return word === (PortKind.NULL as u32) || word === (PortKind.QUEUE as u32) ? word : OTHER;
}

/** Puts frames into the port's queue until it is full or a packet is too long; returns the place reached. */
function queueRun(context: u32, from: u32, to: u32, port: u32): u32 {
  const record = ports + port * PORT_SIZE;
  const queue = load<u32>(record, PORT_TX);
  const mtu = load<u32>(record, PORT_MTU);
  const longest = mtu === 0 ? 0xffffffff : mtu;
  const first = context + (from << 2);
  const end = min<u32>(context + (to << 2), first + (txRoom(queue) << 2));
  let bytes: u32 = 0;
  let at = first;
  for (; at < end; at += 4) {
    const length = load<u32>(at, BATCH_LENGTHS);
    if (length > longest) break;
    txPut(queue, load<u32>(at, BATCH_FRAMES), load<u32>(at, BATCH_DATA), length, false);
    bytes += length;
  }
  const queued = (at - first) >> 2;
  countRun(port, queued, bytes);
  return from + queued;
}

/** Sends a packet the long way. */
function sendOne(context: u32, i: u32, port: u32): void {
  const at = context + (i << 2);
  const frame = load<u32>(at, BATCH_FRAMES);
  const inPort = load<u32>(context, BATCH_IN_PORT);
  recordInit(frame, load<u32>(at, BATCH_DATA), load<u32>(at, BATCH_LENGTHS), inPort);
  executeOutput(frame, port);
}

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
