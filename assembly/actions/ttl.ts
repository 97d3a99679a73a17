// HOT: IPv4's time to live and IPv6's hop limit, less one.

import { swap16 } from "../core/bytes.ts";
import { ETH_HEADER_SIZE, ETH_TYPE_IPV6, IPV4_HEADER_SIZE } from "../key/protocol.ts";
import { FRAME_DATA, FRAME_LENGTH } from "../layout/frame.ts";
import { etherType, locateNetwork, locateTransport, network } from "./locate.ts";
import { ETH_TYPE_OFFSET, IPV4_TOTAL_LENGTH, IPV4_TTL, IPV6_HOP_LIMIT } from "./wire.ts";

/** 08 00 45 as loaded. */
const PLAIN_IPV4: u32 = 0x00450008;

/** DEC_TTL. False when the packet has no whole IP header or its TTL is 0 or 1. */
export function decTtl(frame: u32): bool {
  const data = load<u32>(frame, FRAME_DATA);
  const length = load<u32>(frame, FRAME_LENGTH);
  // EtherType, then version and header length: untagged IPv4 without options. Reads stay in the frame.
  if ((load<u32>(data, ETH_TYPE_OFFSET) & 0x00ffffff) !== PLAIN_IPV4) return decrementAny(frame);
  const total = swap16(load<u16>(data, ETH_HEADER_SIZE + IPV4_TOTAL_LENGTH));
  if (total < IPV4_HEADER_SIZE || total + ETH_HEADER_SIZE > length) return false;
  return decrementIpv4(data + ETH_HEADER_SIZE);
}

/** The whole header at `ip`. TTL, protocol and checksum are one load and one store. */
function decrementIpv4(ip: u32): bool {
  const word = load<u32>(ip, IPV4_TTL);
  if ((word & 0xff) <= 1) return false;
  // The TTL is the first byte of its 16 bits, so that the complement of the sum grows by one as loaded.
  const checksum = (word >> 16) + 1;
  store<u32>(ip, ((word & 0xffff) - 1) | ((checksum + (checksum >= 0xffff ? 1 : 0)) << 16), IPV4_TTL);
  return true;
}

/** Tagged packets, IPv4 with options, IPv6. */
function decrementAny(frame: u32): bool {
  if (!locateNetwork(frame) || !locateTransport()) return false;
  if (etherType !== ETH_TYPE_IPV6) return decrementIpv4(network);
  const limit: u32 = load<u8>(network, IPV6_HOP_LIMIT);
  if (limit <= 1) return false;
  store<u8>(network, limit - 1, IPV6_HOP_LIMIT);
  return true;
}
