// Frames: two pools of free frames (small and big), last in first out so that the next packet lands in
// memory that is still in the CPU's cache. The small pool can be made first in first out, as a NIC's
// descriptor ring uses its buffers.
//
// Free frames lie in the order of their addresses: two to a page, at a distance that the CPU's prefetchers
// foresee. Frames that were away (parked, copied, sent) come back in any order, which costs every later
// packet some 10 cycles, so the pool is put in order again now and then.

import {
  BIG_FRAME_SIZE,
  FRAME_DATA,
  FRAME_DATA_MAX,
  FRAME_FATE,
  FRAME_FATE_COPY,
  FRAME_HEADROOM,
  FRAME_LENGTH,
  FRAME_NEXT,
  FRAME_PARENT,
  FRAME_POOL,
  FRAME_POOL_BIG,
  FRAME_POOL_SMALL,
  FRAME_RECORD_SIZE,
  FRAME_SIZE,
} from "../layout/frame.ts";
import {
  PMD_BIG_FRAMES,
  PMD_FREE_BIG,
  PMD_FREE_SMALL,
  PMD_SMALL_FRAMES,
  RegionId,
  Setting,
} from "../layout/pmd.ts";
import { copyBytes } from "./bytes.ts";
import { pmd, regionBase, setting } from "./state.ts";

/** Turns that a lost order is borne, and frames that are then put in order: some 40 us in some 30 ms. */
const DISORDER_TURNS: u32 = 1 << 14;
const ORDERED_FRAMES: u32 = 1 << 14;

let smallStack: u32 = 0;
/** Address behind the last free small frame's entry. */
let smallTop: u32 = 0;
let smallCount: u32 = 0;
/** A bit for each small frame, used while they are put in order. */
let smallBits: u32 = 0;
/** Frames came back one by one: the order may be lost. */
let disordered: bool = false;
let turnsInDisorder: u32 = 0;
let bigStack: u32 = 0;
let bigTop: u32 = 0;
/** First in first out: places of the next frame to take and to give, in a ring of all frames. */
let fifo: bool = false;
let fifoTake: u32 = 0;
let fifoGive: u32 = 0;
let fifoFree: u32 = 0;

/**
 * Fills both pools; every frame is free. None is written to that need not be: memory that nobody has touched costs
 * nothing, and most of 42 MiB of frames never is.
 */
export function framePoolInit(): void {
  smallCount = load<u32>(pmd, PMD_SMALL_FRAMES);
  const bigCount = load<u32>(pmd, PMD_BIG_FRAMES);
  smallStack = regionBase(RegionId.FREE_FRAMES);
  bigStack = smallStack + (smallCount << 2);
  smallBits = (bigStack + (bigCount << 2) + 7) & ~7;
  disordered = false;
  turnsInDisorder = 0;
  smallTop = smallStack;
  bigTop = bigStack;
  fifo = setting(Setting.FRAME_FIFO) !== 0;
  let frame = regionBase(RegionId.FRAMES) + smallCount * FRAME_SIZE;
  for (let i: u32 = 0; i < smallCount; i++) {
    frame -= FRAME_SIZE;
    // Fresh memory says so already.
    if (load<u32>(frame, FRAME_POOL) !== FRAME_POOL_SMALL) store<u32>(frame, FRAME_POOL_SMALL, FRAME_POOL);
    store<u32>(smallStack + (i << 2), frame);
  }
  smallTop = smallStack + (smallCount << 2);
  fifoFree = smallCount;
  frame = regionBase(RegionId.BIG_FRAMES) + bigCount * BIG_FRAME_SIZE;
  for (let i: u32 = 0; i < bigCount; i++) {
    frame -= BIG_FRAME_SIZE;
    store<u32>(bigTop, frame);
    bigTop += 4;
  }
  framePoolPublish();
}

/** Lets the controller see how many frames are free. */
export function framePoolPublish(): void {
  store<u32>(pmd, frameFreeCount(), PMD_FREE_SMALL);
  store<u32>(pmd, (bigTop - bigStack) >> 2, PMD_FREE_BIG);
}

/** Free small frames. */
export function frameFreeCount(): u32 {
  return fifo ? fifoFree : (smallTop - smallStack) >> 2;
}

/** A small frame, or 0. Its record is not filled in. */
export function frameAlloc(): u32 {
  if (fifo) return frameAllocFifo();
  if (smallTop === smallStack) return 0;
  smallTop -= 4;
  return load<u32>(smallTop);
}

/** A frame that takes `length` bytes of packet, or 0. */
export function frameAllocFor(length: u32): u32 {
  if (length <= FRAME_DATA_MAX) return frameAlloc();
  if (bigTop === bigStack) return 0;
  bigTop -= 4;
  const frame = load<u32>(bigTop);
  store<u32>(frame, FRAME_POOL_BIG, FRAME_POOL);
  return frame;
}

/** Writes up to `count` small frames into an array of u32; returns how many there were. */
export function frameTakeMany(array: u32, count: u32): u32 {
  const taken = min<u32>(count, frameFreeCount());
  if (fifo) {
    for (let i: u32 = 0; i < taken; i++) store<u32>(array + (i << 2), frameAllocFifo());
    return taken;
  }
  const top = smallTop - (taken << 2);
  for (let i: u32 = 0; i < taken; i++) store<u32>(array + (i << 2), load<u32>(top + (i << 2)));
  smallTop = top;
  return taken;
}

/** Gives the small frames in an array of u32 back: those of a batch, in the order in which they were taken. */
export function frameGiveMany(array: u32, count: u32): void {
  if (fifo) {
    for (let i: u32 = 0; i < count; i++) frameFreeFifo(load<u32>(array + (i << 2)));
    return;
  }
  const top = smallTop;
  for (let i: u32 = 0; i < count; i++) store<u32>(top + (i << 2), load<u32>(array + (i << 2)));
  smallTop = top + (count << 2);
}

/** Gives a small frame back; the caller knows that it is one. */
export function frameFreeSmall(frame: u32): void {
  if (fifo) {
    frameFreeFifo(frame);
    return;
  }
  disordered = true;
  store<u32>(smallTop, frame);
  smallTop += 4;
}

/** Gives a frame back to the pool it came from. */
export function frameFree(frame: u32): void {
  if (load<u32>(frame, FRAME_POOL) === FRAME_POOL_BIG) {
    store<u32>(bigTop, frame);
    bigTop += 4;
    return;
  }
  frameFreeSmall(frame);
}

/**
 * A copy of the packet with its record, marked as a copy of `frame`; 0 when no frame is free.
 * FRAME_DATA and FRAME_LENGTH of `frame` are valid.
 */
export function frameCopy(frame: u32): u32 {
  const length = load<u32>(frame, FRAME_LENGTH);
  const copy = frameAllocFor(length);
  if (copy === 0) return 0;
  const pool = load<u32>(copy, FRAME_POOL);
  memory.copy(copy, frame, FRAME_RECORD_SIZE);
  const data = copy + FRAME_HEADROOM;
  store<u32>(copy, pool, FRAME_POOL);
  store<u32>(copy, data, FRAME_DATA);
  store<u32>(copy, FRAME_FATE_COPY, FRAME_FATE);
  store<u32>(copy, frame, FRAME_PARENT);
  store<u32>(copy, 0, FRAME_NEXT);
  copyBytes(data, load<u32>(frame, FRAME_DATA), length);
  return copy;
}

/** Puts the free small frames that are next in use in the order of their addresses. To be called once a turn. */
export function framesTidy(): void {
  if (!disordered || ++turnsInDisorder < DISORDER_TURNS) return;
  const base = regionBase(RegionId.FRAMES);
  memory.fill(smallBits, 0, ((smallCount + 63) >> 6) << 3);
  const bottom = smallTop - (min<u32>(frameFreeCount(), ORDERED_FRAMES) << 2);
  for (let at = bottom; at < smallTop; at += 4) {
    const number = (load<u32>(at) - base) / FRAME_SIZE;
    const word = smallBits + ((number >> 6) << 3);
    store<u64>(word, load<u64>(word) | ((1 as u64) << (number & 63)));
  }
  let at = smallTop;
  for (let first: u32 = 0; at > bottom; first += 64) {
    let bits = load<u64>(smallBits + (first >> 3));
    while (bits !== 0) {
      at -= 4;
      store<u32>(at, base + (first + (ctz<u64>(bits) as u32)) * FRAME_SIZE);
      bits &= bits - 1;
    }
  }
  disordered = false;
  turnsInDisorder = 0;
}

function frameAllocFifo(): u32 {
  if (fifoFree === 0) return 0;
  const frame = load<u32>(smallStack + (fifoTake << 2));
  fifoTake = fifoTake + 1 === smallCount ? 0 : fifoTake + 1;
  fifoFree--;
  return frame;
}

function frameFreeFifo(frame: u32): void {
  store<u32>(smallStack + (fifoGive << 2), frame);
  fifoGive = fifoGive + 1 === smallCount ? 0 : fifoGive + 1;
  fifoFree++;
}
