// A match as ovs-ofctl prints it: protocol words first where they can say it, then fields in Open
// vSwitch's order.

import {
  KEY_ETH_TYPE,
  KEY_NW_FRAG,
  KEY_NW_PROTO,
  KEY_PACKET_TYPE,
  KEY_RECIRC_ID,
  KEY_TCI0,
  KEY_TCI1,
} from "../../assembly/layout/flow-key.ts";
import {
  CT_STATE_NAMES,
  EXT_HEADER_NAMES,
  type FlagNames,
  formatFlags,
  formatFlagsMasked,
  TCP_FLAG_NAMES,
  TUNNEL_FLAG_NAMES,
} from "../odp/flags.ts";
import { getBe16, getBe32, getU8 } from "../odp/flow-key.ts";
import { type Field, fieldOf } from "./field.ts";
import { fieldGet, fieldGetNumber } from "./field-value.ts";
import { FLOW_REG_COUNT } from "./flow-layout.ts";
import {
  formatFrag,
  formatHex,
  formatIpv4Masked,
  formatIpv6Masked,
  formatMacMasked,
  formatPacketType,
  formatPort,
} from "./format-value.ts";
import type { Match } from "./match.ts";
import type { OfPort, PortNames } from "./port.ts";
import {
  ETH_TYPE_ARP,
  ETH_TYPE_IP,
  ETH_TYPE_IPV6,
  ETH_TYPE_RARP,
  ethTypeOf,
  IP_PROTO_ICMP,
  IP_PROTO_ICMPV6,
  IP_PROTO_TCP,
} from "./prereq.ts";
import { protocolWord } from "./protocol.ts";
import { PRIORITY_DEFAULT } from "./rule.ts";

/** Returns the match, without spaces; with `priority=P` first unless that is the default. */
export function formatMatch(match: Match, priority = PRIORITY_DEFAULT, ports?: PortNames): string {
  const print = new MatchPrinter(match, ports);
  if (priority !== PRIORITY_DEFAULT) print.add(`priority=${priority}`);
  metadata(print);
  const words = protocolWords(print);
  registersAndPorts(print);
  vlan(print, KEY_TCI0, "");
  vlan(print, KEY_TCI1, "1");
  print.mac("dl_src", f.ethSrc);
  print.mac("dl_dst", f.ethDst);
  network(print, words);
  mpls(print);
  transport(print);
  return print.parts.join(",");
}

const f = {
  pktMark: fieldOf("pkt_mark"),
  recircId: fieldOf("recirc_id"),
  dpHash: fieldOf("dp_hash"),
  conjId: fieldOf("conj_id"),
  skbPriority: fieldOf("skb_priority"),
  actsetOutput: fieldOf("actset_output"),
  ctState: fieldOf("ct_state"),
  ctZone: fieldOf("ct_zone"),
  ctMark: fieldOf("ct_mark"),
  ctLabel: fieldOf("ct_label"),
  ctNwProto: fieldOf("ct_nw_proto"),
  inPort: fieldOf("in_port_oxm"),
  ethSrc: fieldOf("eth_src"),
  ethDst: fieldOf("eth_dst"),
  ipv6Label: fieldOf("ipv6_label"),
  exthdr: fieldOf("ipv6_exthdr"),
  frag: fieldOf("ip_frag"),
  tcpFlags: fieldOf("tcp_flags"),
};

/** Gathers the parts of a match's text. */
class MatchPrinter {
  readonly parts: string[] = [];
  readonly words: Uint32Array;
  readonly mask: Uint32Array;
  readonly ports: PortNames | undefined;
  /** EtherType that the match is on, 0 if none. */
  readonly type: number;

  constructor(match: Match, ports: PortNames | undefined) {
    this.words = match.words;
    this.mask = match.mask;
    this.ports = ports;
    this.type = ethTypeOf(match.words);
  }

  add(part: string): void {
    this.parts.push(part);
  }

  has(field: Field): boolean {
    return fieldGet(this.mask, field) !== 0n;
  }

  /** `name=0x1/0x3`, `%#x` style. */
  hex(name: string, field: Field): void {
    const mask = fieldGet(this.mask, field);
    if (mask === 0n) return;
    const suffix = mask === field.valueMask ? "" : `/${formatHex(mask)}`;
    this.add(`${name}=${formatHex(fieldGet(this.words, field))}${suffix}`);
  }

  /** Decimal, or hexadecimal with its mask. */
  decimal(name: string, field: Field, digits = 0): void {
    const mask = fieldGet(this.mask, field);
    const value = fieldGet(this.words, field);
    if (mask === field.valueMask) this.add(`${name}=${value}`);
    else if (mask !== 0n) this.add(`${name}=${padded(value, digits)}/${padded(mask, digits)}`);
  }

  ipv4(name: string, field: Field): void {
    const mask = fieldGetNumber(this.mask, field);
    if (mask !== 0) this.add(`${name}=${formatIpv4Masked(fieldGetNumber(this.words, field), mask)}`);
  }

  ipv6(name: string, field: Field): void {
    const mask = fieldGet(this.mask, field);
    if (mask !== 0n) this.add(`${name}=${formatIpv6Masked(fieldGet(this.words, field), mask)}`);
  }

  mac(name: string, field: Field): void {
    const mask = fieldGet(this.mask, field);
    if (mask !== 0n) this.add(`${name}=${formatMacMasked(fieldGet(this.words, field), mask)}`);
  }

  /** `+syn-ack`; names alone where the mask equals `full`. */
  flags(name: string, field: Field, names: FlagNames, full = names.allowed): void {
    const mask = fieldGetNumber(this.mask, field);
    if (mask !== 0)
      this.add(`${name}=${formatFlagsMasked(fieldGetNumber(this.words, field), mask, names, full)}`);
  }

  port(name: string, field: Field): void {
    if (this.has(field))
      this.add(`${name}=${formatPort(fieldGetNumber(this.words, field) as OfPort, this.ports)}`);
  }
}

function padded(value: bigint, digits: number): string {
  return `0x${value.toString(16).padStart(digits, "0")}`;
}

function metadata(print: MatchPrinter): void {
  print.hex("pkt_mark", f.pktMark);
  print.hex("recirc_id", f.recircId);
  print.hex("dp_hash", f.dpHash);
  print.decimal("conj_id", f.conjId);
  print.hex("skb_priority", f.skbPriority);
  print.port("actset_output", f.actsetOutput);
  const stateMask = fieldGetNumber(print.mask, f.ctState);
  if (stateMask === 0xff) {
    print.add(`ct_state=${formatFlags(fieldGetNumber(print.words, f.ctState), CT_STATE_NAMES)}`);
  } else print.flags("ct_state", f.ctState, CT_STATE_NAMES);
  print.decimal("ct_zone", f.ctZone);
  print.hex("ct_mark", f.ctMark);
  print.hex("ct_label", f.ctLabel);
  print.ipv4("ct_nw_src", fieldOf("ct_nw_src"));
  print.ipv6("ct_ipv6_src", fieldOf("ct_ipv6_src"));
  print.ipv4("ct_nw_dst", fieldOf("ct_nw_dst"));
  print.ipv6("ct_ipv6_dst", fieldOf("ct_ipv6_dst"));
  print.decimal("ct_nw_proto", f.ctNwProto);
  print.decimal("ct_tp_src", fieldOf("ct_tp_src"));
  print.decimal("ct_tp_dst", fieldOf("ct_tp_dst"));
}

/** Prints packet_type and the protocol word; returns which fields that covered. */
function protocolWords(print: MatchPrinter): { type: boolean; proto: boolean } {
  const { words, mask, type } = print;
  const packetType = getBe32(words, KEY_PACKET_TYPE);
  const isMegaflow = getBe32(mask, KEY_RECIRC_ID) !== 0;
  const hasPacketType = getBe32(mask, KEY_PACKET_TYPE) !== 0;
  if (hasPacketType && (packetType !== 0 || isMegaflow)) {
    print.add(packetType === 0 ? "eth" : `packet_type=${formatPacketType(packetType)}`);
  }
  if (getBe16(mask, KEY_ETH_TYPE) === 0) return { type: false, proto: false };
  const proto = getU8(mask, KEY_NW_PROTO) === 0 ? 0 : getU8(words, KEY_NW_PROTO);
  const isIp = type === ETH_TYPE_IP || type === ETH_TYPE_IPV6;
  const whole = isIp && proto !== 0 ? protocolWord(type, proto) : undefined;
  const word = whole ?? protocolWord(type, 0);
  if (word === undefined) return { type: false, proto: false };
  print.add(word);
  return { type: true, proto: whole !== undefined };
}

function registersAndPorts(print: MatchPrinter): void {
  for (let i = 0; i < FLOW_REG_COUNT; i++) print.hex(`reg${i}`, fieldOf(`reg${i}`));
  print.hex("tun_id", fieldOf("tun_id"));
  print.ipv4("tun_src", fieldOf("tun_src"));
  print.ipv4("tun_dst", fieldOf("tun_dst"));
  print.ipv6("tun_ipv6_src", fieldOf("tun_ipv6_src"));
  print.ipv6("tun_ipv6_dst", fieldOf("tun_ipv6_dst"));
  print.decimal("tun_gbp_id", fieldOf("tun_gbp_id"));
  print.hex("tun_gbp_flags", fieldOf("tun_gbp_flags"));
  print.flags("tun_flags", fieldOf("tun_flags"), TUNNEL_FLAG_NAMES, -1);
  print.hex("metadata", fieldOf("metadata"));
  print.port("in_port", f.inPort);
}

/** A tag that is there prints as dl_vlan and dl_vlan_pcp where it can, any other as vlan_tci. */
function vlan(print: MatchPrinter, offset: number, suffix: string): void {
  const tci = getBe16(print.words, offset);
  const mask = getBe16(print.mask, offset);
  if (mask === 0) return;
  const vidMask = mask & 0xfff;
  const pcpMask = mask & 0xe000;
  const whole = (vidMask === 0 || vidMask === 0xfff) && (pcpMask === 0 || pcpMask === 0xe000);
  if ((mask & tci & 0x1000) !== 0 && whole && (vidMask !== 0 || pcpMask !== 0)) {
    if (vidMask !== 0) print.add(`dl_vlan${suffix}=${tci & 0xfff}`);
    if (pcpMask !== 0) print.add(`dl_vlan_pcp${suffix}=${tci >>> 13}`);
    return;
  }
  const maskText = mask === 0xffff ? "" : `/${padded(BigInt(mask), 4)}`;
  print.add(`vlan_tci${suffix}=${padded(BigInt(tci), 4)}${maskText}`);
}

function network(print: MatchPrinter, words: { type: boolean; proto: boolean }): void {
  const { type } = print;
  const isArp = type === ETH_TYPE_ARP || type === ETH_TYPE_RARP;
  if (!words.type && getBe16(print.mask, KEY_ETH_TYPE) !== 0) print.add(`dl_type=${padded(BigInt(type), 4)}`);
  if (type === ETH_TYPE_IPV6) {
    print.ipv6("ipv6_src", fieldOf("ipv6_src"));
    print.ipv6("ipv6_dst", fieldOf("ipv6_dst"));
    ipv6Label(print);
    print.flags("ipv6_exthdr", f.exthdr, EXT_HEADER_NAMES);
  } else {
    print.ipv4(isArp ? "arp_spa" : "nw_src", fieldOf("ip_src"));
    print.ipv4(isArp ? "arp_tpa" : "nw_dst", fieldOf("ip_dst"));
  }
  if (!words.proto) print.decimal(isArp ? "arp_op" : "nw_proto", fieldOf("nw_proto"));
  if (isArp) {
    print.mac("arp_sha", fieldOf("arp_sha"));
    print.mac("arp_tha", fieldOf("arp_tha"));
  }
  print.decimal("nw_tos", fieldOf("nw_tos"));
  print.decimal("nw_ecn", fieldOf("nw_ecn"));
  print.decimal("nw_ttl", fieldOf("nw_ttl"));
}

function ipv6Label(print: MatchPrinter): void {
  const mask = fieldGet(print.mask, f.ipv6Label);
  if (mask === 0n) return;
  const suffix = mask === f.ipv6Label.valueMask ? "" : `/${padded(mask, 5)}`;
  print.add(`ipv6_label=${padded(fieldGet(print.words, f.ipv6Label), 5)}${suffix}`);
}

function mpls(print: MatchPrinter): void {
  for (const name of ["mpls_label", "mpls_tc", "mpls_ttl", "mpls_bos"]) print.decimal(name, fieldOf(name));
}

function transport(print: MatchPrinter): void {
  const { words, mask, type } = print;
  const proto = getU8(words, KEY_NW_PROTO);
  const fragMask = getU8(mask, KEY_NW_FRAG) & 3;
  if (fragMask !== 0) print.add(`nw_frag=${formatFrag(getU8(words, KEY_NW_FRAG), fragMask)}`);
  const isIcmp6 = type === ETH_TYPE_IPV6 && proto === IP_PROTO_ICMPV6;
  if ((type === ETH_TYPE_IP && proto === IP_PROTO_ICMP) || isIcmp6) {
    print.decimal("icmp_type", fieldOf("udp_src"));
    print.decimal("icmp_code", fieldOf("udp_dst"));
    if (!isIcmp6) return;
    print.ipv6("nd_target", fieldOf("nd_target"));
    print.mac("nd_sll", fieldOf("nd_sll"));
    print.mac("nd_tll", fieldOf("nd_tll"));
    print.decimal("nd_reserved", fieldOf("nd_reserved"), 8);
    print.decimal("nd_options_type", fieldOf("nd_options_type"));
    return;
  }
  print.decimal("tp_src", fieldOf("udp_src"));
  print.decimal("tp_dst", fieldOf("udp_dst"));
  if (proto === IP_PROTO_TCP) print.flags("tcp_flags", f.tcpFlags, TCP_FLAG_NAMES);
}
