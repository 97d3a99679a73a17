// HOT: the commonest changes of the commonest packets, on the packet's address and length alone, without a
// look at the frame's record. What a packet is not plain enough for goes to applyModification.

import { swap16 } from "../core/bytes.ts";
import { ETH_HEADER_SIZE, IPV4_HEADER_SIZE } from "../key/protocol.ts";
import { TCI_PRESENT } from "../layout/flow-key.ts";
import { Ttl } from "./ttl.ts";
import { ETH_TYPE_OFFSET, IPV4_TOTAL_LENGTH, VLAN_TAG_SIZE } from "./wire.ts";

/** 08 00 45 as loaded: untagged IPv4 without options. */
const PLAIN_IPV4: u32 = 0x00450008;
/** Shortest packet whose addresses are changed as one vector. */
const VECTOR: u32 = 16;

/** What is inlined where it is called. Packets are their first byte and length. */
export class Fast {
  /** SET_ETH with its packed addresses and masks; false when the packet is too short for a vector. */
  @inline static setEth(data: u32, length: u32, value: v128, mask: v128): bool {
    if (length < VECTOR) return false;
    v128.store(data, v128.or(v128.andnot(v128.load(data), mask), value));
    return true;
  }

  /** DEC_TTL of an untagged IPv4 packet without options, else false. Loads that turn out not to be its header stay in the frame. */
  @inline static decTtl(data: u32, length: u32): bool {
    const total = swap16(load<u16>(data, ETH_HEADER_SIZE + IPV4_TOTAL_LENGTH));
    if (
      (load<u32>(data, ETH_TYPE_OFFSET) & 0x00ffffff) !== PLAIN_IPV4 ||
      total < IPV4_HEADER_SIZE ||
      total + ETH_HEADER_SIZE > length
    ) {
      return false;
    }
    return Ttl.stepIpv4(data + ETH_HEADER_SIZE);
  }

  /** PUSH_VLAN of a tag: the packet begins VLAN_TAG_SIZE bytes earlier then; false when those are below `lowest`. */
  @inline static pushVlan(data: u32, length: u32, lowest: u32, tag: u32): bool {
    const front = data - VLAN_TAG_SIZE;
    if (length < ETH_HEADER_SIZE || front < lowest) return false;
    // The tag joins the addresses in one vector.
    v128.store(front, i32x4.replace_lane(v128.load(data), 3, tag as i32));
    return true;
  }

  /** The four bytes that PUSH_VLAN puts in front of the EtherType. */
  @inline static tag(operands: u32): u32 {
    return load<u32>(operands) | ((load<u32>(operands, 4) & ~(TCI_PRESENT as u32)) << 16);
  }

  /** Two addresses of 6 bytes, each padded to 8, made adjacent; the last four bytes are zeros. */
  @inline static packAddresses(padded: v128): v128 {
    return i8x16.shuffle(padded, padded, 0, 1, 2, 3, 4, 5, 8, 9, 10, 11, 12, 13, 6, 7, 14, 15);
  }
}
