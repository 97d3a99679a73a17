// Room in front of a packet for the headers that are pushed onto it.

import {
  BIG_FRAME_SIZE,
  FRAME_DATA,
  FRAME_HEADROOM,
  FRAME_LENGTH,
  FRAME_POOL,
  FRAME_POOL_BIG,
  FRAME_RECORD_SIZE,
  FRAME_SIZE,
} from "../layout/frame.ts";

/**
 * Makes the packet `bytes` longer at its front and returns the new address of its first byte; what is
 * there is undefined. Returns 0, with nothing changed, when the frame has no room for it.
 */
export function growFront(frame: u32, bytes: u32): u32 {
  const data = load<u32>(frame, FRAME_DATA);
  if (data - bytes < frame + FRAME_RECORD_SIZE) {
    if (!shiftBack(frame, bytes)) return 0;
  }
  const front = load<u32>(frame, FRAME_DATA) - bytes;
  store<u32>(frame, front, FRAME_DATA);
  store<u32>(frame, load<u32>(frame, FRAME_LENGTH) + bytes, FRAME_LENGTH);
  return front;
}

/** Takes `bytes`, which the packet has, away from its front. */
export function shrinkFront(frame: u32, bytes: u32): void {
  store<u32>(frame, load<u32>(frame, FRAME_DATA) + bytes, FRAME_DATA);
  store<u32>(frame, load<u32>(frame, FRAME_LENGTH) - bytes, FRAME_LENGTH);
}

/**
 * Moves the packet towards the end of its frame, so that at least `bytes` fit in front of it: back to
 * where a received packet starts, or as far as the room behind it goes. False when that is too little.
 */
function shiftBack(frame: u32, bytes: u32): bool {
  const data = load<u32>(frame, FRAME_DATA);
  const length = load<u32>(frame, FRAME_LENGTH);
  const size = load<u32>(frame, FRAME_POOL) === FRAME_POOL_BIG ? BIG_FRAME_SIZE : FRAME_SIZE;
  const furthest = frame + size - length;
  const moved = min(frame + FRAME_HEADROOM, furthest);
  if (moved < frame + FRAME_RECORD_SIZE + bytes) return false;
  memory.copy(moved, data, length);
  store<u32>(frame, moved, FRAME_DATA);
  return true;
}
