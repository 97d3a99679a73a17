// Dropping from a match what its own prerequisites rule out (`tp_dst=80` without a protocol), as Open
// vSwitch does with a warning: such a field could never be looked at.

import {
  KEY_ARP_SHA,
  KEY_ARP_THA,
  KEY_DL_DST,
  KEY_IPV6_DST,
  KEY_IPV6_EXTHDR,
  KEY_IPV6_LABEL,
  KEY_IPV6_SRC,
  KEY_MPLS0,
  KEY_ND_OPTIONS_TYPE,
  KEY_ND_RESERVED,
  KEY_ND_TARGET,
  KEY_NW_DST,
  KEY_NW_FRAG,
  KEY_NW_PROTO,
  KEY_NW_SRC,
  KEY_NW_TOS,
  KEY_NW_TTL,
  KEY_PACKET_TYPE,
  KEY_TCP_FLAGS,
  KEY_TP_DST,
  KEY_TP_SRC,
} from "../../assembly/layout/flow-key.ts";
import { anyBits, getBe16, getBe32, getU8, setU8 } from "../odp/flow-key.ts";
import type { Match } from "./match.ts";
import {
  ETH_TYPE_ARP,
  ETH_TYPE_IP,
  ETH_TYPE_IPV6,
  ETH_TYPE_RARP,
  ethTypeOf,
  IP_PROTO_ICMP,
  IP_PROTO_ICMPV6,
  IP_PROTO_SCTP,
  IP_PROTO_TCP,
  IP_PROTO_UDP,
  isMplsType,
  ND_ADVERT,
  ND_SOLICIT,
} from "./prereq.ts";

/** Something a match may look at: how it is named in a warning, and its bytes. */
type Part = readonly [name: string, offset: number, size: number];

const ethernet: Part = ["eth_src and eth_dst", KEY_DL_DST, 12];
const ipv4Source: Part = ["nw_src", KEY_NW_SRC, 4];
const ipv4Destination: Part = ["nw_dst", KEY_NW_DST, 4];
const ipv6Source: Part = ["ipv6_src", KEY_IPV6_SRC, 16];
const ipv6Destination: Part = ["ipv6_dst", KEY_IPV6_DST, 16];
const ipv6Label: Part = ["ipv6_label", KEY_IPV6_LABEL, 4];
const ipv6ExtHeaders: Part = ["ipv6_exthdr", KEY_IPV6_EXTHDR, 2];
const ipProtocol: Part = ["nw_proto", KEY_NW_PROTO, 1];
const ipTos: Part = ["nw_tos and nw_ecn", KEY_NW_TOS, 1];
const ipTtl: Part = ["nw_ttl", KEY_NW_TTL, 1];
const ipFrag: Part = ["ip_frag", KEY_NW_FRAG, 1];
const portSource: Part = ["tp_src", KEY_TP_SRC, 2];
const portDestination: Part = ["tp_dst", KEY_TP_DST, 2];
const tcpFlags: Part = ["tcp_flags", KEY_TCP_FLAGS, 2];
const hardwareSource: Part = ["arp_sha and nd_sll", KEY_ARP_SHA, 6];
const hardwareTarget: Part = ["arp_tha and nd_tll", KEY_ARP_THA, 6];
const ndTarget: Part = ["nd_target", KEY_ND_TARGET, 16];
const ndReserved: Part = ["nd_reserved", KEY_ND_RESERVED, 4];
const ndOptionsType: Part = ["nd_options_type", KEY_ND_OPTIONS_TYPE, 1];
const mplsLabels: Part = ["mpls fields", KEY_MPLS0, 12];

const ip = [ipProtocol, ipTos, ipTtl, ipFrag];
const ports = [portSource, portDestination];
const parts: readonly Part[] = [
  ethernet,
  ipv4Source,
  ipv4Destination,
  ipv6Source,
  ipv6Destination,
  ipv6Label,
  ipv6ExtHeaders,
  ...ip,
  ...ports,
  tcpFlags,
  hardwareSource,
  hardwareTarget,
  ndTarget,
  ndReserved,
  ndOptionsType,
  mplsLabels,
];

/** Drops the parts that the match's prerequisites rule out; returns their names. */
export function normalizeMatch(match: Match): string[] {
  const allowed = allowedParts(match.words);
  const dropped: string[] = [];
  for (const part of parts) {
    const [name, offset, size] = part;
    if (allowed.includes(part) || !anyBits(match.mask, offset, size)) continue;
    dropped.push(name);
    for (let i = offset; i < offset + size; i++) {
      setU8(match.mask, i, 0);
      setU8(match.words, i, 0);
    }
  }
  return dropped;
}

function allowedParts(words: Uint32Array): readonly Part[] {
  const type = ethTypeOf(words);
  const ether = getBe32(words, KEY_PACKET_TYPE) === 0 ? [ethernet] : [];
  const proto = getU8(words, KEY_NW_PROTO);
  if (type === ETH_TYPE_IP) {
    return [...ether, ...ip, ipv4Source, ipv4Destination, ...transportParts(proto, IP_PROTO_ICMP)];
  }
  if (type === ETH_TYPE_IPV6) {
    const network = [ipv6Source, ipv6Destination, ipv6Label, ipv6ExtHeaders];
    const transport = transportParts(proto, IP_PROTO_ICMPV6);
    return [...ether, ...ip, ...network, ...transport, ...ndParts(words, proto)];
  }
  if (type === ETH_TYPE_ARP || type === ETH_TYPE_RARP) {
    return [...ether, ipProtocol, ipv4Source, ipv4Destination, hardwareSource, hardwareTarget];
  }
  return isMplsType(type) ? [...ether, mplsLabels] : ether;
}

function transportParts(proto: number, icmp: number): readonly Part[] {
  if (proto === IP_PROTO_TCP) return [...ports, tcpFlags];
  return proto === IP_PROTO_UDP || proto === IP_PROTO_SCTP || proto === icmp ? ports : [];
}

function ndParts(words: Uint32Array, proto: number): readonly Part[] {
  const type = getBe16(words, KEY_TP_SRC);
  if (proto !== IP_PROTO_ICMPV6 || (type !== ND_SOLICIT && type !== ND_ADVERT)) return [];
  const option = type === ND_SOLICIT ? hardwareSource : hardwareTarget;
  return [ndTarget, option, ndReserved, ndOptionsType];
}
