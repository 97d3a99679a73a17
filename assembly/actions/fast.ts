// HOT: the commonest changes of the commonest packets, made inline in the opcode loop: a call costs as much
// as they do. Whatever they don't cover goes to the function of the same name.

import { swap16 } from "../core/bytes.ts";
import { ETH_HEADER_SIZE, IPV4_HEADER_SIZE } from "../key/protocol.ts";
import { TCI_PRESENT } from "../layout/flow-key.ts";
import { FRAME_DATA, FRAME_LENGTH, FRAME_RECORD_SIZE } from "../layout/frame.ts";
import { setEth } from "./ethernet.ts";
import { decTtl, Ttl } from "./ttl.ts";
import { pushVlan } from "./vlan.ts";
import { ETH_TYPE_OFFSET, IPV4_TOTAL_LENGTH, VLAN_TAG_SIZE } from "./wire.ts";

/** 08 00 45 as loaded: untagged IPv4 without options. */
const PLAIN_IPV4: u32 = 0x00450008;

/** Changes that are inlined where they are called. */
export class Fast {
  /** SET_ETH on a packet that a vector does not reach beyond. */
  @inline static setEth(frame: u32, operands: u32): bool {
    if (load<u32>(frame, FRAME_LENGTH) < 16) return setEth(frame, operands);
    const data = load<u32>(frame, FRAME_DATA);
    const value = Fast.packAddresses(v128.load(operands));
    const mask = Fast.packAddresses(v128.load(operands, 16));
    v128.store(data, v128.or(v128.andnot(v128.load(data), mask), value));
    return true;
  }

  /** DEC_TTL of an untagged IPv4 packet without options. Loads that turn out not to be its header stay in the frame. */
  @inline static decTtl(frame: u32): bool {
    const data = load<u32>(frame, FRAME_DATA);
    const total = swap16(load<u16>(data, ETH_HEADER_SIZE + IPV4_TOTAL_LENGTH));
    if (
      (load<u32>(data, ETH_TYPE_OFFSET) & 0x00ffffff) !== PLAIN_IPV4 ||
      total < IPV4_HEADER_SIZE ||
      total + ETH_HEADER_SIZE > load<u32>(frame, FRAME_LENGTH)
    ) {
      return decTtl(frame);
    }
    return Ttl.stepIpv4(data + ETH_HEADER_SIZE);
  }

  /** PUSH_VLAN where there is headroom. The tag joins the addresses in one vector. */
  @inline static pushVlan(frame: u32, operands: u32): bool {
    const length = load<u32>(frame, FRAME_LENGTH);
    const front = load<u32>(frame, FRAME_DATA) - VLAN_TAG_SIZE;
    if (length < ETH_HEADER_SIZE || front < frame + FRAME_RECORD_SIZE) return pushVlan(frame, operands);
    const tag = load<u32>(operands) | ((load<u32>(operands, 4) & ~(TCI_PRESENT as u32)) << 16);
    v128.store(front, i32x4.replace_lane(v128.load(front, VLAN_TAG_SIZE), 3, tag as i32));
    store<u32>(frame, front, FRAME_DATA);
    store<u32>(frame, length + VLAN_TAG_SIZE, FRAME_LENGTH);
    return true;
  }

  /** Two addresses of 6 bytes, each padded to 8, made adjacent; the last four bytes are zeros. */
  @inline static packAddresses(padded: v128): v128 {
    return i8x16.shuffle(padded, padded, 0, 1, 2, 3, 4, 5, 8, 9, 10, 11, 12, 13, 6, 7, 14, 15);
  }
}
