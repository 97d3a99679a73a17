// Writes a flow key as `ovs-ofctl parse-pcap` (Open vSwitch 3.1) prints the flow of a frame. What it does
// not print: tag protocol identifiers, neighbour discovery's reserved word and option type, and fields whose
// prerequisites the packet lacks.

import {
  KEY_ARP_SHA,
  KEY_ARP_THA,
  KEY_DL_DST,
  KEY_DL_SRC,
  KEY_ETH_TYPE,
  KEY_IPV6_DST,
  KEY_IPV6_LABEL,
  KEY_IPV6_SRC,
  KEY_MPLS0,
  KEY_ND_SLL,
  KEY_ND_TARGET,
  KEY_ND_TLL,
  KEY_NW_DST,
  KEY_NW_FRAG,
  KEY_NW_PROTO,
  KEY_NW_SRC,
  KEY_NW_TOS,
  KEY_NW_TTL,
  KEY_TCI0,
  KEY_TCI1,
  KEY_TCP_FLAGS,
  KEY_TP_DST,
  KEY_TP_SRC,
} from "../../assembly/layout/flow-key.ts";
import { formatIpv6 } from "../../src/odp/address.ts";

const IPV4_NAMES = new Map([
  [1, "icmp"],
  [6, "tcp"],
  [17, "udp"],
  [132, "sctp"],
]);
const IPV6_NAMES = new Map([
  [6, "tcp6"],
  [17, "udp6"],
  [58, "icmp6"],
  [132, "sctp6"],
]);
const OTHER_NAMES = new Map([
  [0x0806, "arp"],
  [0x8035, "rarp"],
  [0x8847, "mpls"],
  [0x8848, "mplsm"],
]);
const TRANSPORTS = [1, 2, 6, 17, 58, 132];
const TCP_FLAGS = ["fin", "syn", "rst", "psh", "ack", "urg", "ece", "cwr", "ns", "[200]", "[400]", "[800]"];

/** Returns the line for the key. */
export function parsePcapLine(key: Uint32Array): string {
  const flow = new DataView(key.buffer, key.byteOffset);
  const ethType = flow.getUint16(KEY_ETH_TYPE);
  const parts = [nameOf(flow, ethType), "in_port=ANY", ...tags(flow)];
  parts.push(`dl_src=${mac(flow, KEY_DL_SRC)}`, `dl_dst=${mac(flow, KEY_DL_DST)}`);
  if (ethType === 0x0800 || ethType === 0x86dd) parts.push(...ip(flow, ethType === 0x86dd));
  else if (ethType === 0x0806 || ethType === 0x8035) parts.push(...arp(flow));
  else if (ethType === 0x8847 || ethType === 0x8848) parts.push(...mpls(flow));
  else parts.push(`dl_type=0x${hex(ethType, 4)}`);
  return parts.filter((part) => part !== "").join(",");
}

function nameOf(flow: DataView, ethType: number): string {
  const protocol = flow.getUint8(KEY_NW_PROTO);
  if (ethType === 0x0800) return IPV4_NAMES.get(protocol) ?? "ip";
  if (ethType === 0x86dd) return IPV6_NAMES.get(protocol) ?? "ipv6";
  return OTHER_NAMES.get(ethType) ?? "";
}

function tags(flow: DataView): string[] {
  const [outer, inner] = [flow.getUint16(KEY_TCI0), flow.getUint16(KEY_TCI1)];
  if (outer === 0) return ["vlan_tci=0x0000"];
  const first = [`dl_vlan=${outer & 0xfff}`, `dl_vlan_pcp=${outer >>> 13}`];
  if (inner === 0) return [...first, "vlan_tci1=0x0000"];
  return [...first, `dl_vlan1=${inner & 0xfff}`, `dl_vlan_pcp1=${inner >>> 13}`];
}

function arp(flow: DataView): string[] {
  return [
    `arp_spa=${ipv4(flow, KEY_NW_SRC)}`,
    `arp_tpa=${ipv4(flow, KEY_NW_DST)}`,
    `arp_op=${flow.getUint8(KEY_NW_PROTO)}`,
    `arp_sha=${mac(flow, KEY_ARP_SHA)}`,
    `arp_tha=${mac(flow, KEY_ARP_THA)}`,
  ];
}

function mpls(flow: DataView): string[] {
  const entries = [0, 4, 8].map((offset) => flow.getUint32(KEY_MPLS0 + offset));
  const first = entries[0]!;
  const bottom = entries.findIndex((entry) => (entry & 0x100) !== 0);
  const shown = bottom < 0 ? 3 : bottom + 1;
  return [
    `mpls_label=${first >>> 12}`,
    `mpls_tc=${(first >>> 9) & 7}`,
    `mpls_ttl=${first & 255}`,
    `mpls_bos=${(first >>> 8) & 1}`,
    ...entries.slice(1, shown).map((entry, i) => `mpls_lse${i + 1}=${entry}`),
  ];
}

function ip(flow: DataView, isIpv6: boolean): string[] {
  const protocol = flow.getUint8(KEY_NW_PROTO);
  const tos = flow.getUint8(KEY_NW_TOS);
  const named = (isIpv6 ? IPV6_NAMES : IPV4_NAMES).has(protocol);
  const addresses = isIpv6
    ? [
        `ipv6_src=${ipv6(flow, KEY_IPV6_SRC)}`,
        `ipv6_dst=${ipv6(flow, KEY_IPV6_DST)}`,
        `ipv6_label=0x${hex(flow.getUint32(KEY_IPV6_LABEL), 5)}`,
      ]
    : [`nw_src=${ipv4(flow, KEY_NW_SRC)}`, `nw_dst=${ipv4(flow, KEY_NW_DST)}`];
  return [
    ...addresses,
    named ? "" : `nw_proto=${protocol}`,
    `nw_tos=${tos & 0xfc}`,
    `nw_ecn=${tos & 3}`,
    `nw_ttl=${flow.getUint8(KEY_NW_TTL)}`,
    `nw_frag=${["no", "first", "<error>", "later"][flow.getUint8(KEY_NW_FRAG)]}`,
    ...transport(flow, protocol, isIpv6),
  ];
}

function transport(flow: DataView, protocol: number, isIpv6: boolean): string[] {
  if (flow.getUint8(KEY_NW_FRAG) >= 2 || !TRANSPORTS.includes(protocol)) return [];
  const [source, target] = [flow.getUint16(KEY_TP_SRC), flow.getUint16(KEY_TP_DST)];
  if (protocol === (isIpv6 ? 58 : 1)) {
    const icmp = [`icmp_type=${source}`, `icmp_code=${target}`];
    return isIpv6 ? [...icmp, ...neighbour(flow, source, target)] : icmp;
  }
  const ports = [`tp_src=${source}`, `tp_dst=${target}`];
  if (protocol === 6) ports.push(`tcp_flags=${tcpFlags(flow.getUint16(KEY_TCP_FLAGS))}`);
  return ports;
}

function neighbour(flow: DataView, type: number, code: number): string[] {
  if ((type !== 135 && type !== 136) || code !== 0) return [];
  return [
    `nd_target=${ipv6(flow, KEY_ND_TARGET)}`,
    `nd_sll=${mac(flow, KEY_ND_SLL)}`,
    `nd_tll=${mac(flow, KEY_ND_TLL)}`,
  ];
}

function tcpFlags(flags: number): string {
  return TCP_FLAGS.filter((_, bit) => (flags & (1 << bit)) !== 0).join("|") || "0";
}

function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, "0");
}

function bytes(flow: DataView, offset: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => flow.getUint8(offset + i));
}

function mac(flow: DataView, offset: number): string {
  return bytes(flow, offset, 6)
    .map((byte) => hex(byte, 2))
    .join(":");
}

function ipv4(flow: DataView, offset: number): string {
  return bytes(flow, offset, 4).join(".");
}

function ipv6(flow: DataView, offset: number): string {
  return formatIpv6((flow.getBigUint64(offset) << 64n) | flow.getBigUint64(offset + 8));
}
