// IPv4's time to live and IPv6's hop limit, less one.

import { ETH_TYPE_IPV6 } from "../key/protocol.ts";
import { etherType, locateNetwork, locateTransport, network } from "./locate.ts";
import { IPV4_TTL, IPV6_HOP_LIMIT } from "./wire.ts";

/** DEC_TTL. False when the packet has no whole IP header or its TTL is 0 or 1. */
export function decTtl(frame: u32): bool {
  if (!locateNetwork(frame) || !locateTransport()) return false;
  if (etherType !== ETH_TYPE_IPV6) return Ttl.stepIpv4(network);
  const limit: u32 = load<u8>(network, IPV6_HOP_LIMIT);
  if (limit <= 1) return false;
  store<u8>(network, limit - 1, IPV6_HOP_LIMIT);
  return true;
}

/** What is inlined where it is called. */
export class Ttl {
  /** Takes 1 from the TTL of the whole IPv4 header at `ip`; false when it is 0 or 1. */
  @inline static stepIpv4(ip: u32): bool {
    const word = load<u32>(ip, IPV4_TTL);
    if ((word & 0xff) <= 1) return false;
    // TTL, protocol and checksum in one word. The TTL is the first byte of its 16 bits, so that the
    // checksum, which is the complement of the sum, grows by one as loaded.
    const checksum = (word >> 16) + 1;
    store<u32>(ip, ((word & 0xffff) - 1) | ((checksum + (checksum >= 0xffff ? 1 : 0)) << 16), IPV4_TTL);
    return true;
  }
}
