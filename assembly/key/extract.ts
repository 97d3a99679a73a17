// Packet -> flow key. HOT: once a packet. Writes four lanes (one cache line) and reads 48 bytes of an
// untagged IPv4 TCP or UDP packet, which takes one branch. The same behind one VLAN tag, and over IPv6,
// has a template of its own; everything else is parsed layer by layer.
//
// The key says what Open vSwitch's miniflow_extract() would say of the same bytes, malformed ones
// included: a header that lies about its length leaves its own fields and all inner ones zero.

import {
  KEY_IN_PORT,
  KEY_LANE_SIZE,
  KEY_RECIRC_ID,
  KEY_STRIDE,
  KEY_TCI0,
  KEY_TPID0,
  TCI_PRESENT,
} from "../layout/flow-key.ts";
import { parseEthernet } from "./ethernet.ts";
import { hashAny, hashIpv4 } from "./hash.ts";
import { settleLanes } from "./lanes.ts";
import { extractPlainIpv6, PlainIpv4 } from "./plain.ts";
import { ETH_HEADER_SIZE, ETH_TYPE_IPV6, isTagType, TAG_SIZE } from "./protocol.ts";

/**
 * Writes the key of the `length` bytes at `data` to the batch slot at `key` (KEY_STRIDE bytes, whose
 * KEY_DIRTY word tells what its last packet left there). Lanes 0-3 are always written, of which lane
 * 3 is zero: metadata other than the two arguments is the caller's. Up to 64 bytes behind the packet
 * may be loaded; they never change the result.
 */
export function extractKey(key: u32, data: u32, length: u32, inPort: u32, recircId: u32): void {
  const network = load<u32>(data, 20);
  const transport = load<u16>(data, 46) as u32;
  const tcp = PlainIpv4.tcpMask(network);
  if (PlainIpv4.is(data, length, network, transport, tcp)) {
    PlainIpv4.store(key, data, data, inPort, recircId, transport & tcp);
  } else {
    extractAny(key, data, length, inPort, recircId);
  }
}

/** What extractKey (with a recirc_id of 0) and then skbHash do, for less: a received packet's way. */
export function extractKeyAndHash(key: u32, data: u32, length: u32, inPort: u32): u32 {
  const network = load<u32>(data, 20);
  const transport = load<u16>(data, 46) as u32;
  const tcp = PlainIpv4.tcpMask(network);
  if (!PlainIpv4.is(data, length, network, transport, tcp)) {
    extractAny(key, data, length, inPort, 0);
    return hashAny(key);
  }
  PlainIpv4.store(key, data, data, inPort, 0, transport & tcp);
  return hashIpv4(load<u32>(data, 26), load<u32>(data, 30), load<u32>(data, 34), network >> 24);
}

/**
 * extractKeyAndHash for a received batch: `count` slots from `key`, KEY_STRIDE apart, the packets'
 * addresses, lengths and hashes in arrays of u32.
 */
export function extractBatch(
  key: u32,
  addresses: u32,
  lengths: u32,
  hashes: u32,
  count: u32,
  inPort: u32,
): void {
  const end = count << 2;
  for (let at: u32 = 0; at < end; at += 4, key += KEY_STRIDE) {
    const hash = extractKeyAndHash(key, load<u32>(addresses + at), load<u32>(lengths + at), inPort);
    store<u32>(hashes + at, hash);
  }
}

/** Every packet but plain untagged IPv4, too short ones included. */
function extractAny(key: u32, data: u32, length: u32, inPort: u32, recircId: u32): void {
  if (length >= ETH_HEADER_SIZE) {
    const ethType = load<u16>(data, 12);
    if (ethType === ETH_TYPE_IPV6) {
      if (extractPlainIpv6(key, data, length, inPort, recircId)) return;
    } else if (isTagType(ethType)) {
      if (extractTaggedIpv4(key, data, length, inPort, recircId)) return;
    }
  }
  extractByLayers(key, data, length, inPort, recircId);
}

/** Writes the key of plain IPv4 behind one tag; false where it is something else. */
function extractTaggedIpv4(key: u32, data: u32, length: u32, inPort: u32, recircId: u32): bool {
  const link = data + TAG_SIZE;
  const network = load<u32>(link, 20);
  const transport = load<u16>(link, 46) as u32;
  const tcp = PlainIpv4.tcpMask(network);
  if (!PlainIpv4.is(link, length - TAG_SIZE, network, transport, tcp)) return false;
  PlainIpv4.store(key, data, link, inPort, recircId, transport & tcp);
  store<u16>(key, load<u16>(data, 12), KEY_TPID0);
  store<u16>(key, load<u16>(data, 14) | (TCI_PRESENT as u16), KEY_TCI0);
  return true;
}

function extractByLayers(key: u32, data: u32, length: u32, inPort: u32, recircId: u32): void {
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
