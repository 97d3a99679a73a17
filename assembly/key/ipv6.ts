// IPv6 (RFC 8200): fixed header, then the chain of extension headers, then the transport layer.

import {
  KEY_IPV6_DST,
  KEY_IPV6_EXTHDR,
  KEY_IPV6_LABEL,
  KEY_IPV6_SRC,
  KEY_NW_PROTO,
  NW_FRAG_LATER,
} from "../layout/flow-key.ts";
import {
  chainAt,
  chainExtensions,
  chainFragment,
  chainProtocol,
  isExtensionHeader,
  walkExtensionHeaders,
} from "./ipv6-extensions.ts";
import { LANE_ADDRESS, LANE_CT, LANE_IPV6_DST, LANE_IPV6_SRC, openLane } from "./lanes.ts";
import { IPV6_HEADER_SIZE, IPV6_LABEL_MASK } from "./protocol.ts";
import { Transport } from "./transport.ts";

/**
 * Nothing is kept of a header that the packet is too short for, and only the addresses where the
 * extension headers do not fit the payload length. A payload length of 0 (a jumbogram) is no payload.
 */
export function parseIpv6(key: u32, header: u32, end: u32): u32 {
  const size = end - header;
  if (size < IPV6_HEADER_SIZE) return 0;
  const payloadLength = bswap<u16>(load<u16>(header, 4)) as u32;
  if (payloadLength + IPV6_HEADER_SIZE > size) return 0;

  v128.store(key, v128.load(header, 8), KEY_IPV6_SRC);
  v128.store(key, v128.load(header, 24), KEY_IPV6_DST);
  let lanes: u32 = LANE_IPV6_SRC | LANE_IPV6_DST;

  let protocol = load<u8>(header, 6) as u32;
  let at = header + IPV6_HEADER_SIZE;
  const payloadEnd = at + payloadLength;
  let fragment: u32 = 0;
  if (isExtensionHeader(protocol)) {
    const chain = walkExtensionHeaders(protocol, at, payloadEnd);
    if (chain === 0) return lanes;
    protocol = chainProtocol(chain);
    fragment = chainFragment(chain);
    at = chainAt(chain);
    lanes = openLane(key, lanes, LANE_CT);
    store<u16>(key, chainExtensions(chain), KEY_IPV6_EXTHDR);
  }

  const first = load<u32>(header);
  const trafficClass = (bswap<u32>(first) >> 20) & 0xff;
  const hopLimit = load<u8>(header, 7) as u32;
  store<u32>(key, protocol | (trafficClass << 8) | (hopLimit << 16) | (fragment << 24), KEY_NW_PROTO);
  lanes = openLane(key, lanes, LANE_ADDRESS);
  store<u32>(key, first & IPV6_LABEL_MASK, KEY_IPV6_LABEL);
  if ((fragment & NW_FRAG_LATER) !== 0) return lanes;
  return Transport.parse(key, protocol, at, payloadEnd, lanes);
}
