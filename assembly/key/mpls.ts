// MPLS label stack (RFC 3032): the first three entries, up to the bottom of the stack. What the stack
// carries is not looked at.

import { KEY_MPLS0 } from "../layout/flow-key.ts";
import { MPLS_MAX } from "../layout/limits.ts";
import { LANE_MPLS, openLane } from "./lanes.ts";

const LABEL_SIZE: u32 = 4;
/** Bottom-of-stack bit of a label stack entry, as loaded. */
const BOTTOM_OF_STACK: u32 = 0x0001_0000;

export function parseMpls(key: u32, header: u32, end: u32): u32 {
  let lanes: u32 = 0;
  for (let i: u32 = 0; i < MPLS_MAX; i++) {
    if (end - header < LABEL_SIZE) break;
    const label = load<u32>(header);
    lanes = openLane(key, lanes, LANE_MPLS);
    store<u32>(key + i * LABEL_SIZE, label, KEY_MPLS0);
    if ((label & BOTTOM_OF_STACK) !== 0) break;
    header += LABEL_SIZE;
  }
  return lanes;
}
