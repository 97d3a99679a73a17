// HOT: templates for the packets that most traffic is made of, TCP and UDP over IP without options,
// extension headers and fragmentation. Each adds up every reason against and takes one branch: differences
// in `shape`, and lengths that do not fit as negative numbers in `lying`. Both callers of PlainIpv4 inline it.

import {
  KEY_DIRTY,
  KEY_DL_DST,
  KEY_ETH_TYPE,
  KEY_IN_PORT,
  KEY_IPV6_DST,
  KEY_IPV6_SRC,
  KEY_ND_SLL,
  KEY_NW_PROTO,
  KEY_NW_SRC,
  KEY_PKT_MARK,
  KEY_RECIRC_ID,
  KEY_TCI1,
  KEY_TCP_FLAGS,
  KEY_TP_SRC,
} from "../layout/flow-key.ts";
import { LANE_ADDRESS, LANE_IPV6_DST, LANE_IPV6_SRC, settleLanes } from "./lanes.ts";
import {
  ETH_HEADER_SIZE,
  ETH_TYPE_IPV6,
  IP_PROTO_TCP,
  IP_PROTO_UDP,
  IPV4_HEADER_SIZE,
  IPV6_HEADER_SIZE,
  IPV6_LABEL_MASK,
  TCP_DATA_OFFSET_MASK,
  TCP_FLAGS_MASK,
  TCP_HEADER_SIZE,
  UDP_HEADER_SIZE,
} from "./protocol.ts";

/** EtherType 0x0800, version 4 and a header of 20 bytes: the word behind the addresses, less its last byte. */
const PLAIN_IPV4: u32 = 0x0045_0008;
/** More fragments and the fragment offset, of the big-endian word at offset 6 of an IPv4 header. */
const FRAGMENT_MASK: u32 = 0xff3f;
/** Optional lanes of every IPv6 packet. */
const PLAIN_IPV6_LANES: u32 = LANE_IPV6_SRC | LANE_IPV6_DST | LANE_ADDRESS;

if (KEY_IN_PORT !== 0 || KEY_RECIRC_ID !== 4 || KEY_ETH_TYPE !== 8 || KEY_NW_PROTO !== 12)
  ERROR("the first lane is not {in_port, recirc_id, eth_type, tci0, nw_proto, nw_tos, nw_ttl, nw_frag}");
if (KEY_TCP_FLAGS !== KEY_NW_SRC + 12 || KEY_TCI1 !== KEY_DL_DST + 12)
  ERROR("the last words of lanes 1 and 2 are not {tcp_flags, tpid0} and {tci1, tpid1}");

/**
 * Plain IPv4. `link` is 14 bytes before the IPv4 header, `network` bytes 20-23 from there (fragment word,
 * time to live, protocol), `transport` the word at 46 (offset 12 of a TCP header).
 */
export class PlainIpv4 {
  /**
   * Whether the packet is one; `length` counts from `link` and may be as low as -4. Below 42 bytes one of
   * the lengths does not fit whatever the bytes behind the packet hold.
   */
  @inline static is(link: u32, length: u32, network: u32, transport: u32, tcp: u32): bool {
    const expected = IP_PROTO_UDP ^ (tcp & (IP_PROTO_UDP ^ IP_PROTO_TCP));
    const shape =
      ((load<u32>(link, 12) ^ PLAIN_IPV4) << 8) | (network & FRAGMENT_MASK) | ((network >> 24) ^ expected);
    const totalLength = ((load<u8>(link, 16) as u32) << 8) | (load<u8>(link, 17) as u32);
    const options = (((transport & TCP_DATA_OFFSET_MASK) >> 2) - TCP_HEADER_SIZE) & tcp;
    const needed = IPV4_HEADER_SIZE + UDP_HEADER_SIZE + (tcp & (TCP_HEADER_SIZE - UDP_HEADER_SIZE));
    const lying = options | (totalLength - needed - options) | (length - ETH_HEADER_SIZE - totalLength);
    return (shape | (lying >> 31)) === 0;
  }

  /** All ones for TCP (6), zero for UDP (17). */
  @inline static tcpMask(network: u32): u32 {
    return (((network << 6) as i32) >> 31) as u32;
  }

  /** Writes the key of a packet at `data`, whose tags (where `link` is behind) are the caller's. */
  @inline static store(key: u32, data: u32, link: u32, inPort: u32, recircId: u32, flags: u32): void {
    if (load<u32>(key, KEY_DIRTY) !== 0) settleLanes(key, 0);
    const place = i64x2.replace_lane(i64x2.splat(0), 0, (inPort as i64) | ((recircId as i64) << 32));
    // Of the 16 bytes from the EtherType on: it, protocol, type of service, time to live.
    const header = i8x16.swizzle(
      v128.load(link, 12),
      i8x16(-1, -1, -1, -1, -1, -1, -1, -1, 0, 1, -1, -1, 11, 3, 10, -1),
    );
    v128.store(key, v128.or(place, header));
    // Addresses and ports lie in the packet as in the key; the word behind them is replaced.
    const ends = v128.load(link, 26);
    v128.store(key, i32x4.replace_lane(ends, 3, (flags & TCP_FLAGS_MASK) as i32), KEY_NW_SRC);
    // In place of the EtherType and what follows it: no second tag.
    v128.store(key, i32x4.replace_lane(v128.load(data), 3, 0), KEY_DL_DST);
    v128.store(key, i64x2.splat(0), KEY_PKT_MARK);
  }
}

/** Writes the key of untagged TCP or UDP over IPv6, of at least 14 bytes; false where it is not plain. */
export function extractPlainIpv6(key: u32, data: u32, length: u32, inPort: u32, recircId: u32): bool {
  const protocol = load<u8>(data, 20) as u32;
  const tcp = (((protocol << 30) as i32) >> 31) as u32;
  const transport = load<u16>(data, 66) as u32;
  const expected = IP_PROTO_UDP ^ (tcp & (IP_PROTO_UDP ^ IP_PROTO_TCP));
  const payloadLength = ((load<u8>(data, 18) as u32) << 8) | (load<u8>(data, 19) as u32);
  const options = (((transport & TCP_DATA_OFFSET_MASK) >> 2) - TCP_HEADER_SIZE) & tcp;
  const needed = UDP_HEADER_SIZE + (tcp & (TCP_HEADER_SIZE - UDP_HEADER_SIZE));
  const spare = length - ETH_HEADER_SIZE - IPV6_HEADER_SIZE - payloadLength;
  const lying = options | (payloadLength - needed - options) | spare;
  if (((protocol ^ expected) | (lying >> 31)) !== 0) return false;

  store<u32>(key, inPort, KEY_IN_PORT);
  store<u32>(key, recircId, KEY_RECIRC_ID);
  store<u32>(key, ETH_TYPE_IPV6, KEY_ETH_TYPE);
  const first = load<u32>(data, 14);
  const trafficClass = ((first << 4) | ((first >> 12) & 0xf)) & 0xff;
  store<u32>(key, protocol | (trafficClass << 8) | ((load<u8>(data, 21) as u32) << 16), KEY_NW_PROTO);
  store<u64>(key, 0, KEY_NW_SRC);
  store<u32>(key, load<u32>(data, 54), KEY_TP_SRC);
  store<u32>(key, transport & TCP_FLAGS_MASK & tcp, KEY_TCP_FLAGS);
  v128.store(key, v128.load(data), KEY_DL_DST);
  store<u32>(key, 0, KEY_TCI1);
  v128.store(key, i64x2.splat(0), KEY_PKT_MARK);
  v128.store(key, v128.load(data, 22), KEY_IPV6_SRC);
  v128.store(key, v128.load(data, 38), KEY_IPV6_DST);
  v128.store(key, i32x4.replace_lane(i64x2.splat(0), 3, first & IPV6_LABEL_MASK), KEY_ND_SLL);
  if (load<u32>(key, KEY_DIRTY) !== PLAIN_IPV6_LANES) settleLanes(key, PLAIN_IPV6_LANES);
  return true;
}
