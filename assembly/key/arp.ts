// ARP (RFC 826) and RARP (RFC 903) for Ethernet and IPv4; of other hardware and protocols nothing is kept.

import { KEY_ARP_SHA, KEY_NW_DST, KEY_NW_PROTO, KEY_NW_SRC } from "../layout/flow-key.ts";
import { LANE_ADDRESS, openLane } from "./lanes.ts";
import { ARP_SIZE } from "./protocol.ts";

/** Hardware type 1, protocol type 0x0800, address lengths 6 and 4: the first six bytes as loaded. */
const ARP_ETHERNET_IPV4: u64 = 0x0406_0008_0100;
const ARP_TYPES_MASK: u64 = 0xffff_ffff_ffff;

/** The opcode is kept only where it fits nw_proto (below 256); the addresses always are. */
export function parseArp(key: u32, header: u32, end: u32): u32 {
  if (end - header < ARP_SIZE) return 0;
  if ((load<u64>(header) & ARP_TYPES_MASK) !== ARP_ETHERNET_IPV4) return 0;
  if (load<u8>(header, 6) === 0) store<u8>(key, load<u8>(header, 7), KEY_NW_PROTO);
  store<u32>(key, load<u32>(header, 14), KEY_NW_SRC);
  store<u32>(key, load<u32>(header, 24), KEY_NW_DST);
  const lanes = openLane(key, 0, LANE_ADDRESS);
  const target = load<u64>(header, 18) & 0xffff_ffff_ffff;
  const sender = load<u64>(header, 8) & 0xffff_ffff_ffff;
  store<u64>(key, sender | (target << 48), KEY_ARP_SHA);
  store<u32>(key, (target >> 16) as u32, KEY_ARP_SHA + 8);
  return lanes;
}
