// HOT: receive. Takes a burst off a receive queue into the receive context, copying each packet into a
// fresh frame as a NIC would. A packet costs its index entry (8 bytes) and its own bytes.

import { Bytes, copyBytes, VECTORS_MAX } from "../core/bytes.ts";
import { frameAllocFor, frameFreeSmall, frameGiveMany, frameTakeMany } from "../core/frame-pool.ts";
import { ringPeek, ringRelease } from "../core/ring.ts";
import { count, ports, regionBase } from "../core/state.ts";
import {
  BATCH_COUNT,
  BATCH_DATA,
  BATCH_FRAMES,
  BATCH_IN_PORT,
  BATCH_LENGTHS,
  BATCH_RECORDS,
} from "../layout/batch.ts";
import { FRAME_DATA_MAX, FRAME_HEADROOM, FRAME_SEQUENCE } from "../layout/frame.ts";
import { PACKET_MAX } from "../layout/limits.ts";
import { RegionId } from "../layout/pmd.ts";
import {
  PORT_PENDING,
  PORT_RX_BYTES,
  PORT_RX_PACKETS,
  PORT_SIZE,
  RX_RECORD_DATA,
  RX_RECORD_LENGTH,
  RX_RECORD_SEQUENCE,
  RXQ_BATCHES,
  RXQ_KIND,
  RXQ_PACKETS,
  RXQ_PORT,
  RXQ_SIZE,
  RXQ_SOURCE,
  RXQ_TRACE_COUNT,
  RXQ_TRACE_LIMIT,
  RXQ_TRACE_NEXT,
  RXQ_TRACE_ROUNDS,
  RXQ_TRACE_WINDOW,
  RxqKind,
} from "../layout/port.ts";
import { DropReason, PmdStat } from "../layout/stat.ts";
import { recordInit, sumOf } from "./contexts.ts";
import { receiveQueue } from "./receive-queue.ts";
import { refuse } from "./refuse.ts";

/**
 * Short packets begin at one of 16 cache lines of their frames, or all of them would share the two sets of the
 * CPU's first cache that the distance between frames leaves.
 */
const COLOUR_SHIFT: u32 = 5;
const COLOURS: u32 = 15 << 6;
/** Mean length from which it pays to touch a burst's bytes first. */
const LONG_BYTES: u32 = 128;
/** Shortest frame with an Ethernet header. */
const ETHERNET_HEADER: u32 = 14;

/** Fills the context with up to `batch` packets of the queue and returns how many there are. */
export function receiveBurst(queue: u32, context: u32, batch: u32): u32 {
  const kind = load<u32>(queue, RXQ_KIND);
  const port = load<u32>(queue, RXQ_PORT);
  let received: u32 = 0;
  if (kind === (RxqKind.TRACE as u32)) received = receiveTrace(queue, context, batch);
  else if (kind === (RxqKind.QUEUE as u32)) {
    received = receiveQueue(load<u32>(queue, RXQ_SOURCE), context, batch, port);
  } else if (kind === (RxqKind.RING as u32)) received = receiveRing(queue, context, batch, port);
  if (received === 0) return 0;
  store<u32>(context, received, BATCH_COUNT);
  store<u32>(context, port, BATCH_IN_PORT);
  store<u32>(context, kind === (RxqKind.RING as u32) ? 1 : 0, BATCH_RECORDS);
  accountReceived(queue, context, received, port);
  return received;
}

/** Record of receive queue number `index`. */
export function rxqAt(index: u32): u32 {
  return regionBase(RegionId.RXQS) + index * RXQ_SIZE;
}

function receiveTrace(queue: u32, context: u32, batch: u32): u32 {
  const index = load<u32>(queue, RXQ_SOURCE);
  const packets = load<u32>(queue, RXQ_TRACE_COUNT);
  const limit = load<u32>(queue, RXQ_TRACE_LIMIT);
  let next = load<u32>(queue, RXQ_TRACE_NEXT);
  if (limit !== 0 && load<u32>(queue, RXQ_TRACE_ROUNDS) >= limit) return 0;
  const room = frameTakeMany(context + BATCH_FRAMES, min<u32>(allowed(queue, batch), packets - next));
  const entries = index + (next << 3);
  let received: u32 = 0;
  touchLong(context, entries, room);
  while (received < room) {
    received = copyShort(context, entries, received, room);
    if (received === room || !copyLong(context, entries, received)) break;
    received++;
  }
  if (received < room) frameGiveMany(context + BATCH_FRAMES + (received << 2), room - received);
  next += received;
  if (next === packets) {
    next = 0;
    store<u32>(queue, load<u32>(queue, RXQ_TRACE_ROUNDS) + 1, RXQ_TRACE_ROUNDS);
  }
  store<u32>(queue, next, RXQ_TRACE_NEXT);
  return received;
}

/**
 * Starts reading the bytes of a burst of long packets, which lie one behind the other in a trace. The processor fetches
 * ahead by itself, but begins anew on each page, and a page is a few packets. Short packets are as fast without.
 */
function touchLong(context: u32, entries: u32, packets: u32): void {
  if (packets === 0) return;
  const last = entries + ((packets - 1) << 3);
  const first = load<u32>(entries);
  const end = load<u32>(last) + load<u32>(last, 4);
  if (end - first < packets * LONG_BYTES || end - first > packets * FRAME_DATA_MAX) return;
  let touched: u32 = 0;
  for (let at = first; at < end; at += 64) touched |= load<u8>(at) as u32;
  // Stored where it does no harm, so that the loads are not optimised away.
  store<u32>(context, touched, BATCH_IN_PORT);
}

/** Copies short packets from place `first` on into their frames; returns the place of the first long one, or `room`. */
function copyShort(context: u32, entries: u32, first: u32, room: u32): u32 {
  let entry = entries + (first << 3);
  const end = entries + (room << 3);
  for (let at = context + (first << 2); entry < end; at += 4, entry += 8) {
    const length = load<u32>(entry, 4);
    if (length > VECTORS_MAX) break;
    const frame = load<u32>(at, BATCH_FRAMES);
    const data = frame + FRAME_HEADROOM + ((frame >> COLOUR_SHIFT) & COLOURS);
    Bytes.copyVectors(data, load<u32>(entry));
    store<u32>(at, data, BATCH_DATA);
    store<u32>(at, length, BATCH_LENGTHS);
  }
  return (entry - entries) >> 3;
}

/** Copies the packet for place `i`, into a big frame where it needs one; false when there is none. */
function copyLong(context: u32, entries: u32, i: u32): bool {
  const at = context + (i << 2);
  const length = load<u32>(entries + (i << 3), 4);
  if (length > FRAME_DATA_MAX) {
    const big = exchangeForBig(load<u32>(at, BATCH_FRAMES), length);
    if (big === 0) return false;
    store<u32>(at, big, BATCH_FRAMES);
  }
  const data = load<u32>(at, BATCH_FRAMES) + FRAME_HEADROOM;
  copyBytes(data, load<u32>(entries + (i << 3)), length);
  store<u32>(at, data, BATCH_DATA);
  store<u32>(at, length, BATCH_LENGTHS);
  return true;
}

/** Packets that the queue's window leaves. */
function allowed(queue: u32, batch: u32): u32 {
  const window = load<u32>(queue, RXQ_TRACE_WINDOW);
  if (window === 0) return batch;
  const waiting = load<u32>(ports + load<u32>(queue, RXQ_PORT) * PORT_SIZE, PORT_PENDING);
  return waiting < window ? min<u32>(batch, window - waiting) : 0;
}

/** A frame that takes `length` bytes in place of a small one; 0 when there is none, and the small one stays. */
function exchangeForBig(small: u32, length: u32): u32 {
  const big = frameAllocFor(length);
  if (big !== 0) frameFreeSmall(small);
  return big;
}

/** Packets from the controller: one at a time is fast enough, and each may carry a name. */
function receiveRing(queue: u32, context: u32, batch: u32, port: u32): u32 {
  const ring = load<u32>(queue, RXQ_SOURCE);
  let received: u32 = 0;
  while (received < batch) {
    const record = ringPeek(ring);
    if (record === 0) break;
    const length = load<u32>(record, RX_RECORD_LENGTH);
    const sequence = load<u32>(record, RX_RECORD_SEQUENCE);
    if (length > PACKET_MAX || length < ETHERNET_HEADER) {
      refuse(port, length, sequence, length > PACKET_MAX ? DropReason.OVERSIZE : DropReason.RUNT);
      ringRelease(ring, record);
      continue;
    }
    const frame = frameAllocFor(length);
    if (frame === 0) break;
    const data = frame + FRAME_HEADROOM;
    memory.copy(data, record + RX_RECORD_DATA, length);
    recordInit(frame, data, length, port);
    store<u32>(frame, sequence, FRAME_SEQUENCE);
    const at = context + (received << 2);
    store<u32>(at, frame, BATCH_FRAMES);
    store<u32>(at, data, BATCH_DATA);
    store<u32>(at, length, BATCH_LENGTHS);
    ringRelease(ring, record);
    received++;
  }
  return received;
}

function accountReceived(queue: u32, context: u32, received: u32, port: u32): void {
  const bytes = sumOf(context + BATCH_LENGTHS, received);
  const record = ports + port * PORT_SIZE;
  store<u64>(record, load<u64>(record, PORT_RX_PACKETS) + (received as u64), PORT_RX_PACKETS);
  store<u64>(record, load<u64>(record, PORT_RX_BYTES) + (bytes as u64), PORT_RX_BYTES);
  store<u64>(queue, load<u64>(queue, RXQ_PACKETS) + (received as u64), RXQ_PACKETS);
  store<u64>(queue, load<u64>(queue, RXQ_BATCHES) + 1, RXQ_BATCHES);
  count(PmdStat.RX, received);
  count(PmdStat.RX_BYTES, bytes);
  count(PmdStat.BATCHES, 1);
}
