// HOT: IPv4's time to live and IPv6's hop limit, less one.

import { swap16 } from "../core/bytes.ts";
import { FRAME_DATA, FRAME_LENGTH } from "../layout/frame.ts";
import { end, etherType, locateNetwork, locateTransport, network } from "./locate.ts";
import {
  ETH_HEADER_LENGTH,
  ETH_TYPE_IPV4,
  ETH_TYPE_IPV6,
  ETH_TYPE_OFFSET,
  IPV4_CHECKSUM,
  IPV4_HEADER_MIN,
  IPV4_TTL,
  IPV6_HOP_LIMIT,
} from "./wire.ts";

/** DEC_TTL. False when the packet has no whole IP header or its TTL is 0 or 1. */
export function decTtl(frame: u32): bool {
  const data = load<u32>(frame, FRAME_DATA);
  const length = load<u32>(frame, FRAME_LENGTH);
  if (
    length >= ETH_HEADER_LENGTH + IPV4_HEADER_MIN &&
    load<u16>(data, ETH_TYPE_OFFSET) === (ETH_TYPE_IPV4 as u16)
  ) {
    return decrementIpv4(data + ETH_HEADER_LENGTH, length - ETH_HEADER_LENGTH);
  }
  return decrementAny(frame);
}

/** The header at `ip`, of which 20 of `size` bytes are there. */
function decrementIpv4(ip: u32, size: u32): bool {
  const word = load<u32>(ip);
  const headerLength = (word & 0x0f) << 2;
  const total = swap16(word >> 16);
  const ttl: u32 = load<u8>(ip, IPV4_TTL);
  if (headerLength < IPV4_HEADER_MIN || headerLength > total || total > size || ttl <= 1) return false;
  store<u8>(ip, ttl - 1, IPV4_TTL);
  // The TTL is the first byte of its 16 bits, so that the complement of the sum grows by one as loaded.
  const checksum = (load<u16>(ip, IPV4_CHECKSUM) as u32) + 1;
  store<u16>(ip, checksum + (checksum >= 0xffff ? 1 : 0), IPV4_CHECKSUM);
  return true;
}

/** Tagged and IPv6 packets. */
function decrementAny(frame: u32): bool {
  if (!locateNetwork(frame) || !locateTransport()) return false;
  if (etherType !== ETH_TYPE_IPV6) return decrementIpv4(network, end - network);
  const limit: u32 = load<u8>(network, IPV6_HOP_LIMIT);
  if (limit <= 1) return false;
  store<u8>(network, limit - 1, IPV6_HOP_LIMIT);
  return true;
}
