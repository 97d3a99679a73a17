// Neighbour discovery fields of ICMPv6 (RFC 4861): target, link-layer address, reserved word and the type
// of the first option. Messages cut short are left as they are, as Open vSwitch does.

import { ETH_TYPE_IPV6, IP_PROTO_ICMPV6, IPV6_HEADER_SIZE } from "../key/protocol.ts";
import { adjustChecksum, checksumOf, sumBytes } from "./checksum.ts";
import {
  etherType,
  laterFragment,
  locateNetwork,
  locateTransport,
  network,
  protocol,
  transport,
  transportLength,
} from "./locate.ts";
import { replace32, replace128, replaceFirst8, replaceMac } from "./masked.ts";
import {
  ICMP_CHECKSUM,
  IPV6_SOURCE,
  ND_OPTION_UNIT,
  ND_OPTIONS,
  ND_RESERVED,
  ND_SOURCE_LINK_ADDRESS,
  ND_TARGET,
  ND_TARGET_LINK_ADDRESS,
} from "./wire.ts";

/** Operands of SET_ND: target, source link-layer address, target link-layer address; then the masks. */
const SLL: u32 = 16;
const TLL: u32 = 24;
const ND_MASKS: u32 = 32;
/** Operands of SET_ND_EXTENSIONS: reserved word, options type; then the masks. */
const OPTIONS_TYPE: u32 = 4;
const EXTENSION_MASKS: u32 = 8;

/**
 * SET_ND. Only the first link-layer address option is changed: a message has one. False when the packet
 * is not ICMPv6.
 */
export function setNd(frame: u32, operands: u32): bool {
  if (!isIpv6(frame)) return false;
  if (!locateTransport() || laterFragment) return true;
  if (protocol !== IP_PROTO_ICMPV6) return false;
  if (transportLength < ND_OPTIONS) return true;
  const target = replace128(transport + ND_TARGET, operands, operands + ND_MASKS);
  adjustChecksum(transport + ICMP_CHECKSUM, target);
  const option = findLinkAddress();
  if (option === 0) return true;
  const operand = operands + (load<u8>(option) === ND_SOURCE_LINK_ADDRESS ? SLL : TLL);
  adjustChecksum(transport + ICMP_CHECKSUM, replaceMac(option + 2, operand, operand + ND_MASKS));
  return true;
}

/** SET_ND_EXTENSIONS. False when the packet is not ICMPv6. */
export function setNdExtensions(frame: u32, operands: u32): bool {
  if (!isIpv6(frame)) return false;
  if (!locateTransport() || laterFragment) return true;
  if (protocol !== IP_PROTO_ICMPV6) return false;
  if (transportLength < ND_OPTIONS) return true;
  const reserved = load<u32>(operands, EXTENSION_MASKS);
  const difference =
    replace32(transport + ND_RESERVED, load<u32>(operands), reserved) +
    setOptionsType(operands + OPTIONS_TYPE);
  if (isWhole()) {
    recompute();
  } else {
    adjustChecksum(transport + ICMP_CHECKSUM, difference);
  }
  return true;
}

function isIpv6(frame: u32): bool {
  return locateNetwork(frame) && etherType === ETH_TYPE_IPV6;
}

/** Address of the first whole link-layer address option, or 0. */
function findLinkAddress(): u32 {
  const end = transport + transportLength;
  let at = transport + ND_OPTIONS;
  while (at + ND_OPTION_UNIT <= end) {
    const units: u32 = load<u8>(at, 1);
    if (units === 0) return 0;
    const type: u32 = load<u8>(at);
    if (units === 1 && (type === ND_SOURCE_LINK_ADDRESS || type === ND_TARGET_LINK_ADDRESS)) return at;
    at += units * ND_OPTION_UNIT;
  }
  return 0;
}

/** Changes the type of the first option, where there is one, and returns the difference that it makes. */
function setOptionsType(operand: u32): u64 {
  if (transportLength <= ND_OPTIONS) return 0;
  return replaceFirst8(transport + ND_OPTIONS, load<u32>(operand), load<u32>(operand, EXTENSION_MASKS));
}

/** Whether the checksum can be computed anew: nothing but the message is behind the IPv6 header. */
function isWhole(): bool {
  return transport === network + IPV6_HEADER_SIZE;
}

/** Open vSwitch computes the checksum anew here, so that a wrong one becomes right. */
function recompute(): void {
  store<u16>(transport, 0, ICMP_CHECKSUM);
  const pseudo =
    sumBytes(network + IPV6_SOURCE, 32) +
    (bswap<u32>(transportLength) as u64) +
    ((IP_PROTO_ICMPV6 << 8) as u64);
  store<u16>(transport, checksumOf(pseudo + sumBytes(transport, transportLength)), ICMP_CHECKSUM);
}
