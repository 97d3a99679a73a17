// Optional lanes (4 and up) of a key in a batch slot. A packet's parse collects the set of lanes that
// it writes, one bit a lane; what an earlier packet left in the others is cleared at the end.

import { KEY_DIRTY, KEY_LANE_SIZE, KEY_PLAIN_LANE_COUNT } from "../layout/flow-key.ts";

export const LANE_IPV6_SRC: u32 = 1;
export const LANE_IPV6_DST: u32 = 1 << 1;
/** ARP hardware addresses, neighbour discovery's link-layer addresses and the IPv6 flow label. */
export const LANE_ADDRESS: u32 = 1 << 2;
export const LANE_ND_TARGET: u32 = 1 << 3;
/** MPLS labels, IGMP group and neighbour discovery's reserved word. */
export const LANE_MPLS: u32 = 1 << 4;
/** Connection tracking, IPv6 extension headers and neighbour discovery's option type. */
export const LANE_CT: u32 = 1 << 5;

/** Clears the lanes that the slot's last packet wrote and this one did not, and records `written`. */
export function settleLanes(key: u32, written: u32): void {
  const stale = load<u32>(key, KEY_DIRTY) & ~written;
  if (stale !== 0) clearLanes(key, stale);
  store<u32>(key, written, KEY_DIRTY);
}

/**
 * Zeroes every lane in the set, which is not empty. Recursive, because a loop would be inlined and
 * unrolled into the packet loops, which hardly ever come here.
 */
export function clearLanes(key: u32, lanes: u32): void {
  clearLane(key, ctz(lanes));
  const rest = lanes & (lanes - 1);
  if (rest !== 0) clearLanes(key, rest);
}

/** Adds `lane` (one bit) to `lanes`, zeroing it where this packet has not written it yet. */
export function openLane(key: u32, lanes: u32, lane: u32): u32 {
  if ((lanes & lane) === 0) clearLane(key, ctz(lane));
  return lanes | lane;
}

function clearLane(key: u32, bit: u32): void {
  v128.store(key + (bit + KEY_PLAIN_LANE_COUNT) * KEY_LANE_SIZE, i64x2.splat(0));
}
