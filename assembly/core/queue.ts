// HOT: the transmit side of a real port: packets move into a queue's tx ring, their frames come back by the
// completion ring. A frame that nobody needs any more is handed over as it is; otherwise its bytes are copied.

import {
  FRAME_DATA,
  FRAME_DATA_MAX,
  FRAME_HEADROOM,
  FRAME_POOL,
  FRAME_POOL_SMALL,
  FRAME_SIZE,
} from "../layout/frame.ts";
import { PAIR_CONTINUED } from "../layout/peer.ts";
import {
  QUEUE_COMPLETION,
  QUEUE_DESCRIPTOR_SIZE,
  QUEUE_FD,
  QUEUE_FILL,
  QUEUE_FLAG_FRAGMENTS,
  QUEUE_FLAGS,
  QUEUE_KICK,
  QUEUE_KICK_FILL,
  QUEUE_KICK_PUMP,
  QUEUE_KICK_TX,
  QUEUE_KICKS,
  QUEUE_KIND,
  QUEUE_NEED_WAKEUP,
  QUEUE_NUMBER,
  QUEUE_OFFSET_SIZE,
  QUEUE_OPTION_CONTINUED,
  QUEUE_RING_CONSUMER,
  QUEUE_RING_ENTRIES,
  QUEUE_RING_FLAGS,
  QUEUE_RING_MASK,
  QUEUE_RING_OWN,
  QUEUE_RING_PRODUCER,
  QUEUE_RING_SEEN,
  QUEUE_TX,
  QUEUE_UMEM,
  QueueKind,
} from "../layout/queue.ts";
import { DropReason } from "../layout/stat.ts";
import { copyBytes } from "./bytes.ts";
import { frameAlloc, frameFreeCount } from "./frame-pool.ts";
import { pairPut, pairRoom } from "./pair.ts";
import { frameHome, kick, ownerSet } from "./umem.ts";

/** Whether the last output took the frame itself. */
export let frameTaken: bool = false;

/**
 * Gives the first `length` bytes of the packet to a queue, or to the PMD that has the port's queue; `spare` frames
 * are taken themselves where that is possible. Returns why it was not done, or NONE.
 */
export function queueOutput(
  block: u32,
  peer: bool,
  port: u32,
  frame: u32,
  length: u32,
  spare: bool,
): DropReason {
  frameTaken = false;
  const room = peer ? pairRoom(block) : txRoom(block);
  const data = load<u32>(frame, FRAME_DATA);
  if (spare && load<u32>(frame, FRAME_POOL) === FRAME_POOL_SMALL) {
    if (room === 0) return DropReason.TXQ_FULL;
    put(block, peer, port, frame, data, length, false);
    frameTaken = true;
    return DropReason.NONE;
  }
  const pieces = (length + FRAME_DATA_MAX - 1) / FRAME_DATA_MAX;
  if (!peer && pieces > 1 && (load<u32>(block, QUEUE_FLAGS) & QUEUE_FLAG_FRAGMENTS) === 0) {
    return DropReason.MTU;
  }
  if (room < pieces) return DropReason.TXQ_FULL;
  if (frameFreeCount() < pieces) return DropReason.NO_FRAME;
  for (let done: u32 = 0; done < length; done += FRAME_DATA_MAX) {
    const copy = frameAlloc();
    const bytes = min<u32>(length - done, FRAME_DATA_MAX);
    copyBytes(copy + FRAME_HEADROOM, data + done, bytes);
    put(block, peer, port, copy, copy + FRAME_HEADROOM, bytes, done + bytes < length);
  }
  return DropReason.NONE;
}

/** Entries that the tx ring has room for. */
export function txRoom(block: u32): u32 {
  const ring = block + QUEUE_TX;
  const size = load<u32>(ring, QUEUE_RING_MASK) + 1;
  const own = load<u32>(ring, QUEUE_RING_OWN);
  const room = size - (own - load<u32>(ring, QUEUE_RING_SEEN));
  if (room > size >> 1) return room;
  const seen = atomic.load<u32>(load<u32>(ring, QUEUE_RING_CONSUMER));
  store<u32>(ring, seen, QUEUE_RING_SEEN);
  return size - (own - seen);
}

/** Writes a tx entry, for which there is room; queueTurn shows it to the other side. */
export function txPut(block: u32, frame: u32, data: u32, length: u32, continued: bool): void {
  const ring = block + QUEUE_TX;
  const own = load<u32>(ring, QUEUE_RING_OWN);
  const entry =
    load<u32>(ring, QUEUE_RING_ENTRIES) + (own & load<u32>(ring, QUEUE_RING_MASK)) * QUEUE_DESCRIPTOR_SIZE;
  store<u64>(entry, (data - load<u32>(block, QUEUE_UMEM)) as u64);
  store<u32>(entry, length, 8);
  store<u32>(entry, continued ? QUEUE_OPTION_CONTINUED : 0, 12);
  store<u32>(ring, own + 1, QUEUE_RING_OWN);
  ownerSet(frame, load<u32>(block, QUEUE_NUMBER));
}

/** After a turn's bursts: shows the other side what is in the rings, takes frames back, and asks for a wake-up where one is due. */
export function queueTurn(block: u32): void {
  takeCompletions(block);
  publish(block + QUEUE_FILL);
  publish(block + QUEUE_TX);
  const todo = wanted(block);
  if (todo === 0) return;
  store<u32>(block, todo, QUEUE_KICK);
  store<u64>(block, load<u64>(block, QUEUE_KICKS) + 1, QUEUE_KICKS);
  kick(block);
}

function wanted(block: u32): u32 {
  if (load<u32>(block, QUEUE_FD) === 0xffffffff) return 0;
  if (load<u32>(block, QUEUE_KIND) !== (QueueKind.XDP as u32)) return QUEUE_KICK_PUMP;
  const tx = block + QUEUE_TX;
  let todo: u32 = 0;
  if (
    load<u32>(tx, QUEUE_RING_OWN) !== atomic.load<u32>(load<u32>(tx, QUEUE_RING_CONSUMER)) &&
    (load<u32>(load<u32>(tx, QUEUE_RING_FLAGS)) & QUEUE_NEED_WAKEUP) !== 0
  ) {
    todo = QUEUE_KICK_TX;
  }
  const fill = load<u32>(block, QUEUE_FILL + QUEUE_RING_FLAGS);
  return (load<u32>(fill) & QUEUE_NEED_WAKEUP) !== 0 ? todo | QUEUE_KICK_FILL : todo;
}

function put(block: u32, peer: bool, port: u32, frame: u32, data: u32, length: u32, continued: bool): void {
  if (peer) {
    store<u32>(frame, data, FRAME_DATA);
    store<u32>(frame, length, 4);
    pairPut(block, frame, continued ? port | PAIR_CONTINUED : port);
  } else {
    txPut(block, frame, data, length, continued);
  }
}

/** Takes the frames of packets that were sent. */
function takeCompletions(block: u32): void {
  const ring = block + QUEUE_COMPLETION;
  const producer = atomic.load<u32>(load<u32>(ring, QUEUE_RING_PRODUCER));
  let own = load<u32>(ring, QUEUE_RING_OWN);
  if (own === producer) return;
  const entries = load<u32>(ring, QUEUE_RING_ENTRIES);
  const mask = load<u32>(ring, QUEUE_RING_MASK);
  const umem = load<u32>(block, QUEUE_UMEM);
  for (; own !== producer; own++) {
    const offset = load<u32>(entries + (own & mask) * QUEUE_OFFSET_SIZE);
    const frame = umem + (offset & ~(FRAME_SIZE - 1));
    ownerSet(frame, 0);
    frameHome(frame);
  }
  store<u32>(ring, own, QUEUE_RING_OWN);
  atomic.store<u32>(load<u32>(ring, QUEUE_RING_CONSUMER), own);
}

/** Shows the other side what was put into a ring whose producer we are. */
function publish(ring: u32): void {
  const own = load<u32>(ring, QUEUE_RING_OWN);
  const word = load<u32>(ring, QUEUE_RING_PRODUCER);
  if (load<u32>(word) !== own) atomic.store<u32>(word, own);
}
