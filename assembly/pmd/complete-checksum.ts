// Checksums that a local sender left to hardware that is not there. AF_XDP does not mark them, but they show:
// the field holds the folded sum of the pseudo header (RFC 9293 section 3.1, RFC 768). A complete checksum may look
// the same by chance; completing it again gives the same value, so nothing has to be known for sure.

import { checksumOf, sumBytes } from "../actions/checksum.ts";
import { isVlan } from "../actions/locate.ts";
import {
  IPV4_DESTINATION,
  IPV4_FRAGMENT,
  IPV4_PROTOCOL,
  IPV4_SOURCE,
  IPV4_TOTAL_LENGTH,
  IPV6_NEXT_HEADER,
  IPV6_PAYLOAD_LENGTH,
  IPV6_SOURCE,
  TCP_CHECKSUM,
  UDP_CHECKSUM,
  VLAN_TAG_SIZE,
} from "../actions/wire.ts";
import { swap16 } from "../core/bytes.ts";
import {
  ETH_HEADER_SIZE,
  ETH_TYPE_IPV4,
  ETH_TYPE_IPV6,
  IP_PROTO_TCP,
  IP_PROTO_UDP,
  IPV4_HEADER_SIZE,
  IPV6_HEADER_SIZE,
} from "../key/protocol.ts";

const UDP_HEADER: u32 = 8;
const TCP_HEADER: u32 = 20;
/** More fragments, and the offset, as loaded. */
const IPV4_FRAGMENT_BITS: u32 = 0xff3f;

/** Completes a partial TCP or UDP checksum of an unfragmented packet; returns 1 when it did, else 0. */
export function completeChecksum(data: u32, length: u32): u32 {
  let at = data + ETH_HEADER_SIZE;
  const end = data + length;
  let type: u32 = load<u16>(at - 2);
  while (isVlan(type) && at + VLAN_TAG_SIZE <= end) {
    at += VLAN_TAG_SIZE;
    type = load<u16>(at - 2);
  }
  if (type === ETH_TYPE_IPV4) {
    if (at + IPV4_HEADER_SIZE > end || (load<u16>(at, IPV4_FRAGMENT) & IPV4_FRAGMENT_BITS) !== 0) return 0;
    const header = (load<u8>(at) & 15) << 2;
    const total = swap16(load<u16>(at, IPV4_TOTAL_LENGTH));
    if (total < header || at + total > end) return 0;
    const addresses = (load<u32>(at, IPV4_SOURCE) as u64) + (load<u32>(at, IPV4_DESTINATION) as u64);
    return completeTransport(at + header, total - header, load<u8>(at, IPV4_PROTOCOL), addresses);
  }
  if (type !== ETH_TYPE_IPV6 || at + IPV6_HEADER_SIZE > end) return 0;
  const payload = swap16(load<u16>(at, IPV6_PAYLOAD_LENGTH));
  if (at + IPV6_HEADER_SIZE + payload > end) return 0;
  const addresses = sumBytes(at + IPV6_SOURCE, 32);
  return completeTransport(at + IPV6_HEADER_SIZE, payload, load<u8>(at, IPV6_NEXT_HEADER), addresses);
}

function completeTransport(transport: u32, length: u32, protocol: u32, addresses: u64): u32 {
  const tcp = protocol === IP_PROTO_TCP;
  if (!tcp && protocol !== IP_PROTO_UDP) return 0;
  const shortest = tcp ? TCP_HEADER : UDP_HEADER;
  if (length < shortest) return 0;
  const field = transport + (tcp ? TCP_CHECKSUM : UDP_CHECKSUM);
  const pseudo = addresses + ((protocol << 8) as u64) + (swap16(length) as u64);
  if ((load<u16>(field) as u32) !== (~checksumOf(pseudo) & 0xffff)) return 0;
  const checksum = checksumOf(sumBytes(transport, length));
  store<u16>(field, !tcp && checksum === 0 ? 0xffff : checksum);
  return 1;
}
