// Raising the drop precedence of a packet: what a meter's dscp_remark band does (OpenFlow 1.3 section
// 5.7.1; assured forwarding classes of RFC 2597).

import { ETH_TYPE_IPV4, ETH_TYPE_IPV6 } from "../key/protocol.ts";
import { adjustChecksum } from "./checksum.ts";
import { end, etherType, locateNetwork, network } from "./locate.ts";
import { replace16, replaceSecond8 } from "./masked.ts";
import { IPV4_CHECKSUM, IPV4_TOS } from "./wire.ts";

/** Bytes of the two headers. */
const IPV4_SIZE: u32 = 20;
const IPV6_SIZE: u32 = 40;

/** Adds `levels` to the drop precedence of an assured-forwarding DSCP, up to 3; other packets stay. */
export function raiseDropPrecedence(frame: u32, levels: u32): void {
  if (!locateNetwork(frame)) return;
  if (etherType === ETH_TYPE_IPV4 && network + IPV4_SIZE <= end) {
    const tos = raised(load<u8>(network, IPV4_TOS) as u32, levels);
    adjustChecksum(network + IPV4_CHECKSUM, replaceSecond8(network + IPV4_TOS, tos, 0xff));
  } else if (etherType === ETH_TYPE_IPV6 && network + IPV6_SIZE <= end) {
    // Version:4, traffic class:8, flow label:20, big-endian.
    const first = bswap<u16>(load<u16>(network));
    const tclass = raised(((first as u32) >> 4) & 0xff, levels);
    replace16(network, bswap<u16>((tclass << 4) as u16) as u32, bswap<u16>(0x0ff0) as u32);
  }
}

/** DSCP is ccc dd 0 in assured forwarding: class 1 to 4, precedence 1 to 3; below it two bits of ECN. */
function raised(tos: u32, levels: u32): u32 {
  const dscp = tos >> 2;
  const forwardingClass = dscp >> 3;
  const precedence = (dscp >> 1) & 3;
  if ((dscp & 1) !== 0 || forwardingClass < 1 || forwardingClass > 4 || precedence === 0) return tos;
  const next = min<u32>(3, precedence + levels);
  return (((forwardingClass << 3) | (next << 1)) << 2) | (tos & 3);
}
