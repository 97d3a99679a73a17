// The skb hash: names a packet's connection. HOT: once a packet, 16 to 48 bytes of its key.
//
// Multilinear (pairwise multiplied) over 32-bit words with secret random 64-bit multipliers: universal,
// so that traffic made without knowing the seed can't aim at a bucket (Lemire and Kaser, "Strongly
// universal string hashing is fast", section 4). One more multiply breaks up the arithmetic sequences
// that counting ports and addresses would leave in some bits under an unlucky seed.

import {
  KEY_ETH_TYPE,
  KEY_IPV6_DST,
  KEY_IPV6_SRC,
  KEY_NW_DST,
  KEY_NW_PROTO,
  KEY_NW_SRC,
  KEY_TP_SRC,
} from "../layout/flow-key.ts";
import { ETH_TYPE_IPV4, ETH_TYPE_IPV6, IP_PROTO_SCTP, IP_PROTO_TCP, IP_PROTO_UDP } from "./protocol.ts";

// Multipliers of IPv4 (a), of IPv6 (b), of both; wasm globals, so each instance has its own copy.
let a0: u64 = 0;
let a1: u64 = 0;
let a2: u64 = 0;
let a3: u64 = 0;
let a4: u64 = 0;
let b0: u64 = 0;
let b1: u64 = 0;
let b2: u64 = 0;
let b3: u64 = 0;
let b4: u64 = 0;
let b5: u64 = 0;
let b6: u64 = 0;
let b7: u64 = 0;
let b8: u64 = 0;
let b9: u64 = 0;
let b10: u64 = 0;
let finisher: u64 = 0;

/**
 * Derives the multipliers from 128 secret bits. To be called once in every instance before skbHash,
 * with the same bits in all of them: a hash made by one PMD is then good for another.
 */
export function hashSeed(a: u64, b: u64): void {
  a0 = derive(a, b, 0);
  a1 = derive(a, b, 1);
  a2 = derive(a, b, 2);
  a3 = derive(a, b, 3);
  a4 = derive(a, b, 4);
  b0 = derive(a, b, 5);
  b1 = derive(a, b, 6);
  b2 = derive(a, b, 7);
  b3 = derive(a, b, 8);
  b4 = derive(a, b, 9);
  b5 = derive(a, b, 10);
  b6 = derive(a, b, 11);
  b7 = derive(a, b, 12);
  b8 = derive(a, b, 13);
  b9 = derive(a, b, 14);
  b10 = derive(a, b, 15);
  finisher = derive(a, b, 16) | 1;
}

/**
 * Hash over addresses, protocol and (TCP, UDP and SCTP only) ports. Never 0 for IPv4 and IPv6, 0 for
 * everything else, ARP included: not hashable. Every fragment, the first too, hashes on addresses and
 * protocol alone, so that all fragments of a datagram share one hash. ICMP type and code are no ports,
 * and the IPv6 flow label is not used.
 */
export function skbHash(key: u32): u32 {
  if (load<u16>(key, KEY_ETH_TYPE) !== ETH_TYPE_IPV4) return hashAny(key);
  return hashIpv4(load<u32>(key, KEY_NW_SRC), load<u32>(key, KEY_NW_DST), ports(key), protocol(key));
}

/** skbHash of a key that is probably not IPv4; apart, so as not to crowd the registers of a loop. */
export function hashAny(key: u32): u32 {
  const ethType = load<u16>(key, KEY_ETH_TYPE);
  if (ethType === ETH_TYPE_IPV6) return finish(ipv6Sum(key));
  if (ethType !== ETH_TYPE_IPV4) return 0;
  return hashIpv4(load<u32>(key, KEY_NW_SRC), load<u32>(key, KEY_NW_DST), ports(key), protocol(key));
}

/** skbHash of an IPv4 packet; `ports` is 0 for a fragment and where the protocol has none. */
export function hashIpv4(source: u32, target: u32, ports: u32, protocol: u32): u32 {
  const addresses = (a1 + (source as u64)) * (a2 + (target as u64));
  return finish(a0 + addresses + (a3 + (ports as u64)) * (a4 + (protocol as u64)));
}

function ipv6Sum(key: u32): u64 {
  return (
    b0 +
    (b1 + word(key, KEY_IPV6_SRC)) * (b2 + word(key, KEY_IPV6_SRC + 4)) +
    (b3 + word(key, KEY_IPV6_SRC + 8)) * (b4 + word(key, KEY_IPV6_SRC + 12)) +
    (b5 + word(key, KEY_IPV6_DST)) * (b6 + word(key, KEY_IPV6_DST + 4)) +
    (b7 + word(key, KEY_IPV6_DST + 8)) * (b8 + word(key, KEY_IPV6_DST + 12)) +
    (b9 + (ports(key) as u64)) * (b10 + (protocol(key) as u64))
  );
}

function finish(sum: u64): u32 {
  const hash = (((sum ^ (sum >> 32)) * finisher) >> 32) as u32;
  return hash + u32(hash === 0);
}

/** Both ports, or 0 where the packet is a fragment or its protocol has none. Takes no branch. */
function ports(key: u32): u32 {
  // Protocol in the low byte, nw_frag in the high one: equal to a protocol only where nw_frag is 0.
  const kind = load<u32>(key, KEY_NW_PROTO) & 0xff00_00ff;
  const hasPorts = u32(kind === IP_PROTO_TCP) | u32(kind === IP_PROTO_UDP) | u32(kind === IP_PROTO_SCTP);
  return load<u32>(key, KEY_TP_SRC) & -hasPorts;
}

function protocol(key: u32): u32 {
  return load<u8>(key, KEY_NW_PROTO) as u32;
}

function word(key: u32, offset: u32): u64 {
  return load<u32>(key + offset) as u64;
}

/** The nth number of a generator of two 64-bit seeds (splitmix64's finisher, twice). */
function derive(a: u64, b: u64, n: u64): u64 {
  return mix(mix(a + (n + 1) * 0x9e37_79b9_7f4a_7c15) ^ b);
}

function mix(value: u64): u64 {
  value = (value ^ (value >> 30)) * 0xbf58_476d_1ce4_e5b9;
  value = (value ^ (value >> 27)) * 0x94d0_49bb_1331_11eb;
  return value ^ (value >> 31);
}
