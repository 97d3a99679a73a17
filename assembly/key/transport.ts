// TCP, UDP, SCTP, ICMP, ICMPv6 and IGMP. As in Open vSwitch the protocol number alone decides: ICMPv6
// inside IPv4 is read as ICMPv6. A header that does not fit its packet leaves its fields zero.

import { KEY_ND_RESERVED, KEY_TCP_FLAGS, KEY_TP_SRC } from "../layout/flow-key.ts";
import { LANE_MPLS, openLane } from "./lanes.ts";
import { isNeighbourDiscovery, parseNeighbourDiscovery } from "./nd.ts";
import {
  ICMP_HEADER_SIZE,
  IGMP_HEADER_SIZE,
  IP_PROTO_ICMP,
  IP_PROTO_ICMPV6,
  IP_PROTO_IGMP,
  IP_PROTO_SCTP,
  IP_PROTO_TCP,
  IP_PROTO_UDP,
  SCTP_HEADER_SIZE,
  TCP_DATA_OFFSET_MASK,
  TCP_FLAGS_MASK,
  TCP_HEADER_SIZE,
  UDP_HEADER_SIZE,
} from "./protocol.ts";

/** The layer behind IP. Both callers inline the common protocols. */
export class Transport {
  /** Returns `lanes` and the optional lanes written here. */
  @inline static parse(key: u32, protocol: u32, header: u32, end: u32, lanes: u32): u32 {
    if (protocol === IP_PROTO_UDP) {
      if (end - header >= UDP_HEADER_SIZE) storePorts(key, header);
      return lanes;
    }
    if (protocol === IP_PROTO_TCP) {
      parseTcp(key, header, end - header);
      return lanes;
    }
    return parseOther(key, protocol, header, end, lanes);
  }
}

function parseTcp(key: u32, header: u32, size: u32): void {
  if (size < TCP_HEADER_SIZE) return;
  const headerLength = ((load<u8>(header, 12) as u32) & TCP_DATA_OFFSET_MASK) >> 2;
  if (headerLength < TCP_HEADER_SIZE || headerLength > size) return;
  storePorts(key, header);
  store<u16>(key, load<u16>(header, 12) & (TCP_FLAGS_MASK as u16), KEY_TCP_FLAGS);
}

function parseOther(key: u32, protocol: u32, header: u32, end: u32, lanes: u32): u32 {
  const size = end - header;
  if (protocol === IP_PROTO_SCTP) {
    if (size >= SCTP_HEADER_SIZE) storePorts(key, header);
  } else if (protocol === IP_PROTO_ICMP) {
    if (size >= ICMP_HEADER_SIZE) storeTypeAndCode(key, header);
  } else if (protocol === IP_PROTO_ICMPV6) {
    if (size < ICMP_HEADER_SIZE) return lanes;
    storeTypeAndCode(key, header);
    if (isNeighbourDiscovery(header)) return parseNeighbourDiscovery(key, header, end, lanes);
  } else if (protocol === IP_PROTO_IGMP) {
    if (size < IGMP_HEADER_SIZE) return lanes;
    storeTypeAndCode(key, header);
    lanes = openLane(key, lanes, LANE_MPLS);
    store<u32>(key, load<u32>(header, 4), KEY_ND_RESERVED);
  }
  return lanes;
}

function storePorts(key: u32, header: u32): void {
  store<u32>(key, load<u32>(header), KEY_TP_SRC);
}

/** ICMP keeps two bytes as two big-endian words. */
function storeTypeAndCode(key: u32, header: u32): void {
  const both = load<u16>(header) as u32;
  store<u32>(key, ((both & 0xff) << 8) | ((both & 0xff00) << 16), KEY_TP_SRC);
}
