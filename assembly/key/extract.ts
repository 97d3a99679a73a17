// Packet -> flow key. HOT: once a packet. Writes four lanes (one cache line) and reads 48 bytes of an
// untagged IPv4 TCP or UDP packet, which takes one branch; everything else is parsed layer by layer.
//
// The key says what Open vSwitch's miniflow_extract() would say of the same bytes, malformed ones
// included: a header that lies about its length leaves its own fields and all inner ones zero.

import {
  KEY_DIRTY,
  KEY_DL_DST,
  KEY_ETH_TYPE,
  KEY_IN_PORT,
  KEY_LANE_SIZE,
  KEY_NW_PROTO,
  KEY_NW_SRC,
  KEY_PKT_MARK,
  KEY_RECIRC_ID,
  KEY_TCI1,
  KEY_TCP_FLAGS,
} from "../layout/flow-key.ts";
import { parseEthernet } from "./ethernet.ts";
import { hashAny, hashIpv4 } from "./hash.ts";
import { settleLanes } from "./lanes.ts";
import {
  ETH_HEADER_SIZE,
  ETH_TYPE_IPV4,
  IP_PROTO_TCP,
  IP_PROTO_UDP,
  IPV4_HEADER_SIZE,
  TCP_HEADER_SIZE,
  UDP_HEADER_SIZE,
} from "./protocol.ts";

/** EtherType 0x0800, version 4 and a header of 20 bytes: the word behind the addresses, less its last byte. */
const PLAIN_IPV4: u32 = 0x0045_0008;
/** More fragments and the fragment offset, of the big-endian word at offset 6 of an IPv4 header. */
const FRAGMENT_MASK: u32 = 0xff3f;
/** The twelve flag bits of a TCP header's word at offset 12, as loaded; the data offset is in the rest. */
const TCP_FLAGS_MASK: u32 = 0xff0f;
const TCP_DATA_OFFSET_MASK: u32 = 0x00f0;

/**
 * Writes the key of the `length` bytes at `data` to the batch slot at `key` (KEY_STRIDE bytes, whose
 * KEY_DIRTY word tells what its last packet left there). Lanes 0-3 are always written, of which lane
 * 3 is zero: metadata other than the two arguments is the caller's. Up to 64 bytes behind the packet
 * may be loaded; they never change the result.
 */
export function extractKey(key: u32, data: u32, length: u32, inPort: u32, recircId: u32): void {
  const network = load<u32>(data, 20);
  const transport = load<u16>(data, 46) as u32;
  const tcp = Plain.tcpMask(network);
  if (Plain.is(data, length, network, transport, tcp)) {
    Plain.store(key, data, inPort, recircId, network, transport & tcp);
  } else {
    extractAny(key, data, length, inPort, recircId);
  }
}

/** What extractKey (with a recirc_id of 0) and then skbHash do, for less: a received packet's way. */
export function extractKeyAndHash(key: u32, data: u32, length: u32, inPort: u32): u32 {
  const network = load<u32>(data, 20);
  const transport = load<u16>(data, 46) as u32;
  const tcp = Plain.tcpMask(network);
  if (!Plain.is(data, length, network, transport, tcp)) {
    extractAny(key, data, length, inPort, 0);
    return hashAny(key);
  }
  Plain.store(key, data, inPort, 0, network, transport & tcp);
  return hashIpv4(load<u32>(data, 26), load<u32>(data, 30), load<u32>(data, 34), network >> 24);
}

/** IPv4 without tags, options and fragmentation, with a whole TCP or UDP header. Both callers inline it. */
// biome-ignore lint/complexity/noStaticOnlyClass: only methods can be made certain to be inlined.
class Plain {
  /**
   * Adds up every reason against, so that it takes one branch: differences in `shape`, and lengths
   * that do not fit as negative numbers in `lying`. Below 42 bytes of packet one of the lengths does
   * not fit whatever the bytes behind the packet hold. `network` is bytes 20-23 (fragment word, time
   * to live, protocol), `transport` the word at offset 12 of a TCP header.
   */
  @inline static is(data: u32, length: u32, network: u32, transport: u32, tcp: u32): bool {
    const expected = IP_PROTO_UDP ^ (tcp & (IP_PROTO_UDP ^ IP_PROTO_TCP));
    const shape =
      ((load<u32>(data, 12) ^ PLAIN_IPV4) << 8) | (network & FRAGMENT_MASK) | ((network >> 24) ^ expected);
    const totalLength = ((load<u8>(data, 16) as u32) << 8) | (load<u8>(data, 17) as u32);
    const options = (((transport & TCP_DATA_OFFSET_MASK) >> 2) - TCP_HEADER_SIZE) & tcp;
    const needed = IPV4_HEADER_SIZE + UDP_HEADER_SIZE + (tcp & (TCP_HEADER_SIZE - UDP_HEADER_SIZE));
    const lying = options | (totalLength - needed - options) | (length - ETH_HEADER_SIZE - totalLength);
    return (shape | (lying >> 31)) === 0;
  }

  /** All ones for TCP (6), zero for UDP (17). */
  @inline static tcpMask(network: u32): u32 {
    return (((network << 6) as i32) >> 31) as u32;
  }

  /** `flags` is a TCP header's word at offset 12, or 0. */
  @inline static store(key: u32, data: u32, inPort: u32, recircId: u32, network: u32, flags: u32): void {
    if (load<u32>(key, KEY_DIRTY) !== 0) settleLanes(key, 0);
    store<u32>(key, inPort, KEY_IN_PORT);
    store<u32>(key, recircId, KEY_RECIRC_ID);
    store<u32>(key, ETH_TYPE_IPV4, KEY_ETH_TYPE);
    const tos = load<u8>(data, 15) as u32;
    const ttl = load<u8>(data, 22) as u32;
    store<u32>(key, (network >> 24) | (tos << 8) | (ttl << 16), KEY_NW_PROTO);
    // Addresses and ports lie in the packet as in the key; the word behind them is replaced.
    v128.store(key, v128.load(data, 26), KEY_NW_SRC);
    store<u32>(key, flags & TCP_FLAGS_MASK, KEY_TCP_FLAGS);
    v128.store(key, v128.load(data), KEY_DL_DST);
    store<u32>(key, 0, KEY_TCI1);
    v128.store(key, i64x2.splat(0), KEY_PKT_MARK);
  }
}

/** The general case: every packet that is not plain, too short ones included. */
function extractAny(key: u32, data: u32, length: u32, inPort: u32, recircId: u32): void {
  const zero = i64x2.splat(0);
  v128.store(key, zero);
  v128.store(key, zero, KEY_LANE_SIZE);
  v128.store(key, zero, KEY_LANE_SIZE * 2);
  v128.store(key, zero, KEY_LANE_SIZE * 3);
  store<u32>(key, inPort, KEY_IN_PORT);
  store<u32>(key, recircId, KEY_RECIRC_ID);
  const written: u32 = length < ETH_HEADER_SIZE ? 0 : parseEthernet(key, data, data + length);
  settleLanes(key, written);
}
