// What a packet carries besides its bytes and that actions may set: mark and priority.

import { FRAME_PKT_MARK, FRAME_SKB_PRIORITY } from "../layout/frame.ts";

/** SET_MARK, under a mask. */
export function setMark(frame: u32, operands: u32): bool {
  const kept = load<u32>(frame, FRAME_PKT_MARK) & ~load<u32>(operands, 4);
  store<u32>(frame, kept | load<u32>(operands), FRAME_PKT_MARK);
  return true;
}

/** SET_PRIORITY. */
export function setPriority(frame: u32, operands: u32): bool {
  store<u32>(frame, load<u32>(operands), FRAME_SKB_PRIORITY);
  return true;
}
