// Hashes of the HASH action, which end up in dp_hash. COLD. Both give the numbers of Open vSwitch's
// userspace datapath (3.1, without CRC32 instructions), so that a select group picks the same bucket.
//
// Their mixing is MurmurHash3's 32-bit variant (Austin Appleby, public domain): known to anybody, so
// never to be used for the caches.

import {
  KEY_DL_DST,
  KEY_DL_SRC,
  KEY_ETH_TYPE,
  KEY_IPV6_DST,
  KEY_IPV6_SRC,
  KEY_NW_DST,
  KEY_NW_FRAG,
  KEY_NW_PROTO,
  KEY_NW_SRC,
  KEY_TCI0,
  KEY_TCI1,
  KEY_TP_DST,
  KEY_TP_SRC,
} from "../layout/flow-key.ts";
import {
  ETH_TYPE_ARP,
  ETH_TYPE_IPV4,
  ETH_TYPE_IPV6,
  IP_PROTO_ICMP,
  IP_PROTO_ICMPV6,
  IP_PROTO_SCTP,
  IP_PROTO_TCP,
  IP_PROTO_UDP,
} from "./protocol.ts";

/** What the 5-tuple hash is finished with; arbitrary in Open vSwitch, too. */
const FIVE_TUPLE_FINAL: u32 = 42;
/** VLAN id bits of a tci, as loaded. */
const VLAN_ID_MASK: u32 = 0xff0f;

/**
 * HASH_ALGORITHM_L4: the 5-tuple (ICMP type and code count as ports, ARP has its addresses), hashed
 * without a seed and then once more with `basis`. One difference is left: for TCP and UDP behind IPv6
 * extension headers Open vSwitch hashes the first extension header's number instead of the protocol.
 */
export function l4Hash(key: u32, basis: u32): u32 {
  return finish(add(add(fiveTupleHash(key), 0), basis), 8);
}

function fiveTupleHash(key: u32): u32 {
  const ethType = load<u16>(key, KEY_ETH_TYPE);
  let hash: u32 = 0;
  if (ethType === ETH_TYPE_IPV6) {
    for (let at: u32 = 0; at < 32; at += 4) hash = add(hash, load<u32>(key + at, KEY_IPV6_SRC));
  } else if (ethType === ETH_TYPE_IPV4 || ethType === ETH_TYPE_ARP) {
    hash = add(hash, load<u32>(key, KEY_NW_SRC));
    hash = add(hash, load<u32>(key, KEY_NW_DST));
  } else {
    return finish(hash, FIVE_TUPLE_FINAL);
  }
  const protocol = load<u8>(key, KEY_NW_PROTO) as u32;
  hash = add(hash, protocol);
  if (hasTransport(protocol)) hash = add(hash, load<u32>(key, KEY_TP_SRC));
  return finish(hash, FIVE_TUPLE_FINAL);
}

function hasTransport(protocol: u32): bool {
  return (
    protocol === IP_PROTO_TCP ||
    protocol === IP_PROTO_UDP ||
    protocol === IP_PROTO_SCTP ||
    protocol === IP_PROTO_ICMP ||
    protocol === IP_PROTO_ICMPV6
  );
}

/**
 * HASH_ALGORITHM_SYM_L4: the same for both directions of a connection. Addresses, protocol and the
 * ports of unfragmented TCP and SCTP (UDP's need not be symmetric); Ethernet addresses and VLAN ids
 * where the packet is not IP.
 */
export function symmetricHash(key: u32, basis: u32): u32 {
  const ethType = load<u16>(key, KEY_ETH_TYPE);
  let hash = basis;
  if (ethType === ETH_TYPE_IPV4) {
    hash = add(hash, load<u32>(key, KEY_NW_SRC) ^ load<u32>(key, KEY_NW_DST));
  } else if (ethType === ETH_TYPE_IPV6) {
    for (let at: u32 = 0; at < 16; at += 4) {
      hash = add(hash, load<u32>(key + at, KEY_IPV6_SRC) ^ load<u32>(key + at, KEY_IPV6_DST));
    }
  } else {
    return symmetricEthernetHash(key, basis);
  }
  const protocol = load<u8>(key, KEY_NW_PROTO) as u32;
  hash = add(hash, protocol);
  const whole = load<u8>(key, KEY_NW_FRAG) === 0;
  if (whole && (protocol === IP_PROTO_TCP || protocol === IP_PROTO_SCTP)) {
    hash = add(hash, load<u16>(key, KEY_TP_SRC) ^ load<u16>(key, KEY_TP_DST));
  }
  return finish(hash, basis);
}

function symmetricEthernetHash(key: u32, basis: u32): u32 {
  const vlans = (load<u16>(key, KEY_TCI0) ^ load<u16>(key, KEY_TCI1)) as u32;
  const first = (load<u16>(key, KEY_DL_DST) ^ load<u16>(key, KEY_DL_SRC)) as u32;
  const rest = load<u32>(key, KEY_DL_DST + 2) ^ load<u32>(key, KEY_DL_SRC + 2);
  let hash = add(basis, (load<u16>(key, KEY_ETH_TYPE) as u32) | ((vlans & VLAN_ID_MASK) << 16));
  hash = add(hash, first | (rest << 16));
  hash = add(hash, rest >> 16);
  return finish(hash, basis);
}

/** Adds a word to the hash. */
function add(hash: u32, word: u32): u32 {
  if (word !== 0) hash ^= rotl<u32>(word * 0xcc9e_2d51, 15) * 0x1b87_3593;
  return rotl<u32>(hash, 13) * 5 + 0xe654_6b64;
}

function finish(hash: u32, final: u32): u32 {
  hash ^= final;
  hash = (hash ^ (hash >> 16)) * 0x85eb_ca6b;
  hash = (hash ^ (hash >> 13)) * 0xc2b2_ae35;
  return hash ^ (hash >> 16);
}
