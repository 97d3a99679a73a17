// HOT: receive from a real port. The packets are in our frames already: a burst costs the ring's entries, and a
// look at the headers where checksums are to be completed.

import { copyBytes } from "../core/bytes.ts";
import { frameAlloc, frameAllocFor, frameFreeCount } from "../core/frame-pool.ts";
import { frameHome, isOwn, ownerSet } from "../core/umem.ts";
import { BATCH_DATA, BATCH_FRAMES, BATCH_LENGTHS, BATCH_LEVELS } from "../layout/batch.ts";
import { FRAME_HEADROOM, FRAME_SIZE } from "../layout/frame.ts";
import { PACKET_MAX } from "../layout/limits.ts";
import {
  QUEUE_DESCRIPTOR_SIZE,
  QUEUE_FILL,
  QUEUE_FILL_TARGET,
  QUEUE_FLAG_CHECKSUM,
  QUEUE_FLAGS,
  QUEUE_NUMBER,
  QUEUE_OFFSET_SIZE,
  QUEUE_OPTION_CONTINUED,
  QUEUE_RING_CONSUMER,
  QUEUE_RING_ENTRIES,
  QUEUE_RING_MASK,
  QUEUE_RING_OWN,
  QUEUE_RING_PRODUCER,
  QUEUE_RX,
  QUEUE_RX_COMPLETED,
  QUEUE_RX_NO_FRAME,
  QUEUE_UMEM,
} from "../layout/queue.ts";
import { DropReason } from "../layout/stat.ts";
import { completeChecksum } from "./complete-checksum.ts";
import { refuse } from "./refuse.ts";

/** Shortest frame with an Ethernet header. */
const ETHERNET_HEADER: u32 = 14;
/** Frames given to the fill ring at once. */
const FILL_BURST: u32 = 256;
/** Free frames that stay with the PMD: for copies, and for packets that the controller sends. */
const FILL_RESERVE: u32 = 512;

/** Entries of the packet that `gather` looked at. */
let gathered: u32 = 0;

/** Fills the context's arrays with up to `batch` packets of the queue; returns how many. */
export function receiveQueue(block: u32, context: u32, batch: u32, port: u32): u32 {
  const ring = block + QUEUE_RX;
  const first = load<u32>(ring, QUEUE_RING_OWN);
  const available = atomic.load<u32>(load<u32>(ring, QUEUE_RING_PRODUCER)) - first;
  if (available === 0) {
    refill(block);
    return 0;
  }
  const entries = load<u32>(ring, QUEUE_RING_ENTRIES);
  const mask = load<u32>(ring, QUEUE_RING_MASK);
  const umem = load<u32>(block, QUEUE_UMEM);
  const complete = (load<u32>(block, QUEUE_FLAGS) & QUEUE_FLAG_CHECKSUM) !== 0;
  let touched: u32 = 0;
  let received: u32 = 0;
  let taken: u32 = 0;
  while (taken < available && received < batch) {
    const entry = entries + ((first + taken) & mask) * QUEUE_DESCRIPTOR_SIZE;
    const offset = load<u32>(entry);
    let length = load<u32>(entry, 8);
    let frame = umem + (offset & ~(FRAME_SIZE - 1));
    let data = umem + offset;
    if ((load<u32>(entry, 12) & QUEUE_OPTION_CONTINUED) !== 0 || !isOwn(frame) || length < ETHERNET_HEADER) {
      frame = gather(block, first + taken, available - taken, port);
      if (gathered === 0) break;
      taken += gathered;
      if (frame === 0) continue;
      data = frame + FRAME_HEADROOM;
      length = gatheredLength;
    } else {
      ownerSet(frame, 0);
      taken++;
    }
    // Starts fetching what the kernel or a card wrote: loads of which none waits for another.
    touched |= load<u32>(data);
    const at = context + (received << 2);
    store<u32>(at, frame, BATCH_FRAMES);
    store<u32>(at, data, BATCH_DATA);
    store<u32>(at, length, BATCH_LENGTHS);
    received++;
  }
  store<u32>(ring, first + taken, QUEUE_RING_OWN);
  atomic.store<u32>(load<u32>(ring, QUEUE_RING_CONSUMER), first + taken);
  // Stored where it does no harm, so that the loads are not optimised away.
  store<u32>(context, touched, BATCH_LEVELS);
  if (complete) completeChecksums(block, context, received);
  refill(block);
  return received;
}

function completeChecksums(block: u32, context: u32, packets: u32): void {
  let completed: u32 = 0;
  for (let i: u32 = 0; i < packets; i++) {
    const at = context + (i << 2);
    completed += completeChecksum(load<u32>(at, BATCH_DATA), load<u32>(at, BATCH_LENGTHS));
  }
  store<u64>(block, load<u64>(block, QUEUE_RX_COMPLETED) + (completed as u64), QUEUE_RX_COMPLETED);
}

let gatheredLength: u32 = 0;

/**
 * Copies a packet of several entries, or one in another PMD's frame, into a frame of ours. Returns 0 when it
 * was refused; `gathered` says how many entries it had, 0 when its end has not come yet.
 */
function gather(block: u32, first: u32, available: u32, port: u32): u32 {
  gathered = 0;
  const ring = block + QUEUE_RX;
  const entries = load<u32>(ring, QUEUE_RING_ENTRIES);
  const mask = load<u32>(ring, QUEUE_RING_MASK);
  const umem = load<u32>(block, QUEUE_UMEM);
  let length: u32 = 0;
  let pieces: u32 = 0;
  let more = true;
  while (more) {
    if (pieces === available) return 0;
    const entry = entries + ((first + pieces) & mask) * QUEUE_DESCRIPTOR_SIZE;
    length += load<u32>(entry, 8);
    more = (load<u32>(entry, 12) & QUEUE_OPTION_CONTINUED) !== 0;
    pieces++;
  }
  const fits = length <= PACKET_MAX && length >= ETHERNET_HEADER;
  const frame = fits ? frameAllocFor(length) : 0;
  let to = frame + FRAME_HEADROOM;
  for (let i: u32 = 0; i < pieces; i++) {
    const entry = entries + ((first + i) & mask) * QUEUE_DESCRIPTOR_SIZE;
    const offset = load<u32>(entry);
    const bytes = load<u32>(entry, 8);
    const piece = umem + (offset & ~(FRAME_SIZE - 1));
    if (frame !== 0) copyBytes(to, umem + offset, bytes);
    to += bytes;
    ownerSet(piece, 0);
    frameHome(piece);
  }
  gathered = pieces;
  gatheredLength = length;
  if (frame === 0) {
    if (fits) store<u64>(block, load<u64>(block, QUEUE_RX_NO_FRAME) + 1, QUEUE_RX_NO_FRAME);
    refuse(
      port,
      length,
      0,
      fits ? DropReason.NO_FRAME : length > PACKET_MAX ? DropReason.OVERSIZE : DropReason.RUNT,
    );
  }
  return frame;
}

/** Gives empty frames to the fill ring, up to its target. */
function refill(block: u32): void {
  const ring = block + QUEUE_FILL;
  const own = load<u32>(ring, QUEUE_RING_OWN);
  const held = own - atomic.load<u32>(load<u32>(ring, QUEUE_RING_CONSUMER));
  const target = load<u32>(block, QUEUE_FILL_TARGET);
  const free = frameFreeCount();
  if (held >= target || free <= FILL_RESERVE) return;
  const wanted = min<u32>(min<u32>(target - held, FILL_BURST), free - FILL_RESERVE);
  const entries = load<u32>(ring, QUEUE_RING_ENTRIES);
  const mask = load<u32>(ring, QUEUE_RING_MASK);
  const umem = load<u32>(block, QUEUE_UMEM);
  const number = load<u32>(block, QUEUE_NUMBER);
  for (let done: u32 = 0; done < wanted; done++) {
    const frame = frameAlloc();
    store<u64>(entries + ((own + done) & mask) * QUEUE_OFFSET_SIZE, (frame - umem) as u64);
    ownerSet(frame, number);
  }
  store<u32>(ring, own + wanted, QUEUE_RING_OWN);
}
