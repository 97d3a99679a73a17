// The network and transport layers of a key in datapath-flow syntax.

import {
  KEY_ARP_SHA,
  KEY_ARP_THA,
  KEY_ETH_TYPE,
  KEY_IPV6_DST,
  KEY_IPV6_LABEL,
  KEY_IPV6_SRC,
  KEY_MPLS0,
  KEY_ND_OPTIONS_TYPE,
  KEY_ND_RESERVED,
  KEY_ND_SLL,
  KEY_ND_TARGET,
  KEY_ND_TLL,
  KEY_NW_DST,
  KEY_NW_FRAG,
  KEY_NW_PROTO,
  KEY_NW_SRC,
  KEY_NW_TOS,
  KEY_NW_TTL,
  KEY_TCP_FLAGS,
  KEY_TP_DST,
  KEY_TP_SRC,
  NW_FRAG_ANY,
  NW_FRAG_LATER,
} from "../../assembly/layout/flow-key.ts";
import { MPLS_MAX } from "../../assembly/layout/limits.ts";
import { formatFlagsMasked, TCP_FLAG_NAMES } from "./flags.ts";
import { type FlowKey, getBe16, getBe32, getBe128, getMac, getU8 } from "./flow-key.ts";
import { formatLse, formatLseMasked, Parts } from "./format-parts.ts";

const ETH_TYPE_IP = 0x0800;
const ETH_TYPE_ARP = 0x0806;
const ETH_TYPE_RARP = 0x8035;
const ETH_TYPE_IPV6 = 0x86dd;
const ETH_TYPE_MPLS = 0x8847;
const ETH_TYPE_MPLS_MCAST = 0x8848;

const IP_PROTO_ICMP = 1;
const IP_PROTO_ICMPV6 = 58;
/** Protocols whose ports a key holds. */
const PORT_PROTOCOLS: ReadonlyMap<number, string> = new Map([
  [6, "tcp"],
  [17, "udp"],
  [132, "sctp"],
]);

/** Bit of a label stack entry that ends the stack. */
const MPLS_BOS = 0x100;

/** Adds the attributes of what the frame carries. */
export function formatNetwork(parts: string[], key: FlowKey, mask: FlowKey, verbose: boolean): void {
  switch (getBe16(key, KEY_ETH_TYPE)) {
    case ETH_TYPE_IP:
      add(parts, "ipv4", ipv4Fields(key, mask, verbose));
      formatTransport(parts, key, mask, verbose, 4);
      return;
    case ETH_TYPE_IPV6:
      add(parts, "ipv6", ipv6Fields(key, mask, verbose));
      formatTransport(parts, key, mask, verbose, 6);
      return;
    case ETH_TYPE_ARP:
    case ETH_TYPE_RARP:
      add(parts, "arp", arpFields(key, mask, verbose));
      return;
    case ETH_TYPE_MPLS:
    case ETH_TYPE_MPLS_MCAST:
      add(parts, "mpls", mplsFields(key, mask, verbose));
  }
}

function add(parts: string[], name: string, text: string): void {
  if (text !== "") parts.push(`${name}(${text})`);
}

function ipv4Fields(key: FlowKey, mask: FlowKey, verbose: boolean): string {
  const fields = new Parts(verbose);
  fields.ipv4("src", getBe32(key, KEY_NW_SRC), getBe32(mask, KEY_NW_SRC));
  fields.ipv4("dst", getBe32(key, KEY_NW_DST), getBe32(mask, KEY_NW_DST));
  fields.decimal("proto", getU8(key, KEY_NW_PROTO), getU8(mask, KEY_NW_PROTO), 0xff);
  fields.hex("tos", getU8(key, KEY_NW_TOS), getU8(mask, KEY_NW_TOS), 0xff);
  fields.decimal("ttl", getU8(key, KEY_NW_TTL), getU8(mask, KEY_NW_TTL), 0xff);
  addFrag(fields, key, mask);
  return fields.text;
}

function ipv6Fields(key: FlowKey, mask: FlowKey, verbose: boolean): string {
  const fields = new Parts(verbose);
  fields.ipv6("src", getBe128(key, KEY_IPV6_SRC), getBe128(mask, KEY_IPV6_SRC));
  fields.ipv6("dst", getBe128(key, KEY_IPV6_DST), getBe128(mask, KEY_IPV6_DST));
  fields.hex("label", getBe32(key, KEY_IPV6_LABEL), getBe32(mask, KEY_IPV6_LABEL) & 0xfffff, 0xfffff);
  fields.decimal("proto", getU8(key, KEY_NW_PROTO), getU8(mask, KEY_NW_PROTO), 0xff);
  fields.hex("tclass", getU8(key, KEY_NW_TOS), getU8(mask, KEY_NW_TOS), 0xff);
  fields.decimal("hlimit", getU8(key, KEY_NW_TTL), getU8(mask, KEY_NW_TTL), 0xff);
  addFrag(fields, key, mask);
  return fields.text;
}

/** The datapath knows three kinds of packet, not two bits: its mask is all or nothing. */
function addFrag(fields: Parts, key: FlowKey, mask: FlowKey): void {
  if ((getU8(mask, KEY_NW_FRAG) & NW_FRAG_ANY) === 0) return;
  const bits = getU8(key, KEY_NW_FRAG);
  const word = (bits & NW_FRAG_ANY) === 0 ? "no" : (bits & NW_FRAG_LATER) !== 0 ? "later" : "first";
  fields.add(`frag=${word}`);
}

/** The key holds 8 bits of the opcode; the attribute has 16, the upper ones always 0. */
function arpFields(key: FlowKey, mask: FlowKey, verbose: boolean): string {
  const fields = new Parts(verbose);
  fields.ipv4("sip", getBe32(key, KEY_NW_SRC), getBe32(mask, KEY_NW_SRC));
  fields.ipv4("tip", getBe32(key, KEY_NW_DST), getBe32(mask, KEY_NW_DST));
  fields.decimal("op", getU8(key, KEY_NW_PROTO), getU8(mask, KEY_NW_PROTO), 0xff);
  fields.mac("sha", getMac(key, KEY_ARP_SHA), getMac(mask, KEY_ARP_SHA));
  fields.mac("tha", getMac(key, KEY_ARP_THA), getMac(mask, KEY_ARP_THA));
  return fields.text;
}

function mplsFields(key: FlowKey, mask: FlowKey, verbose: boolean): string {
  const entries: number[] = [];
  for (let i = 0; i < MPLS_MAX; i++) {
    entries.push(getBe32(key, KEY_MPLS0 + 4 * i));
    if ((entries[i]! & MPLS_BOS) !== 0) break;
  }
  const masks = entries.map((_, i) => getBe32(mask, KEY_MPLS0 + 4 * i));
  if (masks.every((bits) => bits === 0) && !verbose) return "";
  const isExact = masks.every((bits) => bits === 0xffffffff);
  return entries.map((lse, i) => (isExact ? formatLse(lse) : formatLseMasked(lse, masks[i]!))).join(",");
}

function formatTransport(
  parts: string[],
  key: FlowKey,
  mask: FlowKey,
  verbose: boolean,
  version: 4 | 6,
): void {
  if ((getU8(key, KEY_NW_FRAG) & NW_FRAG_LATER) !== 0) return;
  const proto = getU8(key, KEY_NW_PROTO);
  const name = PORT_PROTOCOLS.get(proto);
  if (name !== undefined) {
    const fields = new Parts(verbose);
    fields.decimal("src", getBe16(key, KEY_TP_SRC), getBe16(mask, KEY_TP_SRC), 0xffff);
    fields.decimal("dst", getBe16(key, KEY_TP_DST), getBe16(mask, KEY_TP_DST), 0xffff);
    add(parts, name, fields.text);
    const flags = getBe16(mask, KEY_TCP_FLAGS) & TCP_FLAG_NAMES.allowed;
    if (name === "tcp" && flags !== 0) {
      add(parts, "tcp_flags", formatFlagsMasked(getBe16(key, KEY_TCP_FLAGS), flags, TCP_FLAG_NAMES));
    }
  } else if (proto === IP_PROTO_ICMP && version === 4) {
    add(parts, "icmp", icmpFields(key, mask, verbose));
  } else if (proto === IP_PROTO_ICMPV6 && version === 6) {
    add(parts, "icmpv6", icmpFields(key, mask, verbose));
    formatNd(parts, key, mask, verbose);
  }
}

/** Type and code are a byte each of the 16 bits that the key holds. */
function icmpFields(key: FlowKey, mask: FlowKey, verbose: boolean): string {
  const fields = new Parts(verbose);
  fields.decimal("type", getBe16(key, KEY_TP_SRC) & 0xff, getBe16(mask, KEY_TP_SRC) & 0xff, 0xff);
  fields.decimal("code", getBe16(key, KEY_TP_DST) & 0xff, getBe16(mask, KEY_TP_DST) & 0xff, 0xff);
  return fields.text;
}

function formatNd(parts: string[], key: FlowKey, mask: FlowKey, verbose: boolean): void {
  const type = getBe16(key, KEY_TP_SRC);
  if ((type !== 135 && type !== 136) || getBe16(key, KEY_TP_DST) !== 0) return;
  const fields = new Parts(verbose);
  fields.ipv6("target", getBe128(key, KEY_ND_TARGET), getBe128(mask, KEY_ND_TARGET));
  fields.mac("sll", getMac(key, KEY_ND_SLL), getMac(mask, KEY_ND_SLL));
  fields.mac("tll", getMac(key, KEY_ND_TLL), getMac(mask, KEY_ND_TLL));
  add(parts, "nd", fields.text);
  const extensions = new Parts(verbose);
  extensions.hex("nd_reserved", getBe32(key, KEY_ND_RESERVED), getBe32(mask, KEY_ND_RESERVED), 0xffffffff);
  const optionsType = getU8(key, KEY_ND_OPTIONS_TYPE);
  extensions.decimal("nd_options_type", optionsType, getU8(mask, KEY_ND_OPTIONS_TYPE), 0xff);
  add(parts, "nd_ext", extensions.text);
}
