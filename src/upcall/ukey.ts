// The controller's shadow of an installed megaflow (Open vSwitch's udpif_key): what was translated, where
// it lies, and how much of its traffic the rules have been credited with.

import { KEY_LANE_COUNT, KEY_PACKET_TYPE } from "../../assembly/layout/flow-key.ts";
import type { DropReason } from "../../assembly/layout/stat.ts";
import type { OdpAction } from "../odp/action.ts";
import type { TableRule } from "../xlate/table-rule.ts";

/** `putting`: the PMD has not answered; `deleting`: its final counters are on the way. */
export type UkeyState = "putting" | "live" | "deleting";

/** One megaflow of one PMD. */
export interface Ukey {
  /** The controller's number for it, unique in the PMD as long as it lives. */
  readonly cookie: number;
  readonly ufid: Uint32Array;
  readonly lanes: readonly number[];
  /** KEY_WORD_COUNT words. The key is the whole one of the packet that missed: what the mask leaves out has to
   * fit together when the key is translated again. */
  readonly mask: Uint32Array;
  readonly key: Uint32Array;
  actions: readonly OdpAction[];
  dropReason: DropReason;
  program: Uint32Array;
  /** Block of program memory, as PmdCapacity counts it. */
  block: number;
  rules: readonly TableRule[];
  recircIds: readonly number[];
  cookies: readonly number[];
  state: UkeyState;
  /** Address of the record; 0 until the PMD has answered. */
  flow: number;
  /** What the rules have been credited with. */
  packets: number;
  bytes: number;
  /** Whether its packets have effects beyond themselves: they learn, or shorten time-outs. */
  hasEffects: boolean;
  /** Packets whose effects have been applied. */
  effectPackets: number;
  /** Passes of the revalidator when it was translated last. */
  generation: number;
  readonly createdMs: number;
}

/** The key under the mask, as the datapath has it. */
export function maskedKey({ key, mask }: Pick<Ukey, "key" | "mask">): Uint32Array {
  return key.map((word, i) => word & (mask[i] as number));
}

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
