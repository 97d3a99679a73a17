// Packet -> flow key. HOT: once a packet. Writes four lanes (one cache line) and reads 48 bytes of an
// untagged IPv4 TCP or UDP packet, which takes one branch; everything else is parsed layer by layer.
//
// The key says what Open vSwitch's miniflow_extract() would say of the same bytes, malformed ones
// included: a header that lies about its length leaves its own fields and all inner ones zero.

import {
  KEY_DIRTY,
  KEY_DL_DST,
  KEY_IN_PORT,
  KEY_LANE_SIZE,
  KEY_NW_SRC,
  KEY_PKT_MARK,
  KEY_RECIRC_ID,
} from "../layout/flow-key.ts";
import { parseEthernet } from "./ethernet.ts";
import { clearLanes, settleLanes } from "./lanes.ts";
import {
  ETH_HEADER_SIZE,
  IP_PROTO_TCP,
  IP_PROTO_UDP,
  IPV4_HEADER_SIZE,
  TCP_HEADER_SIZE,
  UDP_HEADER_SIZE,
} from "./protocol.ts";

/** First four bytes behind the addresses, type of service masked out: EtherType 0x0800, version 4, 20 bytes. */
const PLAIN_IPV4: u32 = 0x0045_0008;
const PLAIN_IPV4_MASK: u32 = 0x00ff_ffff;
/** More fragments and the fragment offset, of the big-endian word at offset 6 of an IPv4 header. */
const FRAGMENT_MASK: u32 = 0xff3f;
/** The twelve flag bits of a TCP header's word at offset 12, as loaded. */
const TCP_FLAGS_MASK: u32 = 0xff0f;

/**
 * Writes the key of the `length` bytes at `data` to the batch slot at `key` (KEY_STRIDE bytes, whose
 * KEY_DIRTY word tells what its last packet left there). Lanes 0-3 are always written, of which lane
 * 3 is zero: metadata other than the two arguments is the caller's. Up to 64 bytes behind the packet
 * may be loaded; they never change the result.
 */
export function extractKey(key: u32, data: u32, length: u32, inPort: u32, recircId: u32): void {
  const tcp = -u32((load<u8>(data, 23) as u32) === IP_PROTO_TCP);
  if (!isPlain(data, length, tcp)) {
    extractAny(key, data, length, inPort, recircId);
    return;
  }

  const dirty = load<u32>(key, KEY_DIRTY);
  if (dirty !== 0) {
    clearLanes(key, dirty);
    store<u32>(key, 0, KEY_DIRTY);
  }
  const metadata = i64x2.replace_lane(i64x2.splat(inPort), 1, 0);
  const ports = i32x4.replace_lane(metadata, 1, recircId);
  // Bytes 12-27: type, version, tos, length, identification, fragment, ttl, protocol, checksum, source.
  const header = v128.load(data, 12);
  v128.store(
    key,
    i8x16.shuffle(header, ports, 16, 17, 18, 19, 20, 21, 22, 23, 0, 1, 24, 24, 11, 3, 10, 24),
    KEY_IN_PORT,
  );
  const flags = (load<u16>(data, 46) as u32) & TCP_FLAGS_MASK & tcp;
  v128.store(key, i32x4.replace_lane(v128.load(data, 26), 3, flags), KEY_NW_SRC);
  v128.store(key, i32x4.replace_lane(v128.load(data), 3, 0), KEY_DL_DST);
  v128.store(key, i64x2.splat(0), KEY_PKT_MARK);
}

/**
 * Whether the packet is IPv4 without tags, options and fragmentation, with a whole TCP (`tcp` all
 * ones) or UDP header. Sums up every reason against, so that it takes one branch. Below 42 bytes of
 * packet one of the two length checks fails whatever the bytes behind it hold.
 */
function isPlain(data: u32, length: u32, tcp: u32): bool {
  const network = load<u64>(data, 12);
  const rest = load<u32>(data, 20);
  const totalLength = bswap<u16>((network >> 32) as u16) as u32;
  const dataOffset = ((load<u8>(data, 46) as u32) & 0xf0) >> 2;
  const needed = IPV4_HEADER_SIZE + UDP_HEADER_SIZE + ((dataOffset - UDP_HEADER_SIZE) & tcp);
  const against =
    (((network as u32) ^ PLAIN_IPV4) & PLAIN_IPV4_MASK) |
    (rest & FRAGMENT_MASK) |
    (((rest >> 24) ^ IP_PROTO_UDP) & ~tcp) |
    (u32(dataOffset < TCP_HEADER_SIZE) & tcp) |
    u32(totalLength + ETH_HEADER_SIZE > length) |
    u32(needed > totalLength);
  return against === 0;
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
