// Which 16-byte lanes of the key a mask looks at: what a megaflow's record in the datapath holds.

import { KEY_LANE_COUNT, KEY_PACKET_TYPE } from "../../assembly/layout/flow-key.ts";

const TWO_LANES = [0, 1];
const FOUR_LANES = [0, 1, 2, 3];

/** Word of the key that is the same in every packet: all that is received is Ethernet. */
const PACKET_TYPE_WORD = KEY_PACKET_TYPE / 4;

/**
 * The lanes that a mask's record holds: 0 and 1, or 0 to 3, where those suffice (the datapath compares
 * these without a list), else exactly those that have a bit. packet_type, which is in every mask, tells no
 * two packets apart and is not worth a lane.
 */
export function maskLanes(mask: Uint32Array): readonly number[] {
  const lanes: number[] = [];
  for (let lane = 0; lane < KEY_LANE_COUNT; lane++) {
    const at = lane * 4;
    let bits = mask[at]! | mask[at + 1]! | mask[at + 2]!;
    if (at + 3 !== PACKET_TYPE_WORD) bits |= mask[at + 3]!;
    if (bits !== 0) lanes.push(lane);
  }
  const last = lanes[lanes.length - 1] ?? 0;
  return last <= 1 ? TWO_LANES : last <= 3 ? FOUR_LANES : lanes;
}
