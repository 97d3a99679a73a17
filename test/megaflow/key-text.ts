// A key as the flow text that `ofproto/trace` takes.

import {
  KEY_ETH_TYPE,
  KEY_IN_PORT,
  KEY_NW_FRAG,
  KEY_NW_PROTO,
  KEY_TCI0,
  KEY_TPID0,
} from "../../assembly/layout/flow-key.ts";
import { formatIpv4, formatIpv6, formatMac } from "../../src/odp/address.ts";
import { getBe16, getU8 } from "../../src/odp/flow-key.ts";
import { type Field, fieldOf } from "../../src/openflow/field.ts";
import { fieldGet } from "../../src/openflow/field-value.ts";

const ARP = ["arp_op", "arp_spa", "arp_tpa", "arp_sha", "arp_tha"];
const MPLS = ["mpls_label", "mpls_tc", "mpls_ttl", "mpls_bos"];
const IPV4 = ["ip_src", "ip_dst"];
const IPV6 = ["ipv6_src", "ipv6_dst", "ipv6_label"];
const IP = ["nw_proto", "nw_tos", "nw_ecn", "nw_ttl"];
const PORTED = new Map([
  [6, ["tcp_src", "tcp_dst", "tcp_flags"]],
  [17, ["udp_src", "udp_dst"]],
  [132, ["sctp_src", "sctp_dst"]],
]);

/** `in_port=1,dl_src=...`: everything that the text can say of a packet with at most one tag and label. */
export function keyText(key: Uint32Array): string {
  const type = getBe16(key, KEY_ETH_TYPE);
  const parts = [`in_port=${key[KEY_IN_PORT >>> 2]}`, ...texts(key, ["pkt_mark", "eth_src", "eth_dst"])];
  if (getBe16(key, KEY_TPID0) !== 0) parts.push(`vlan_tci=0x${getBe16(key, KEY_TCI0).toString(16)}`);
  parts.push(`dl_type=0x${type.toString(16)}`);
  if (type === 0x0806 || type === 0x8035) parts.push(...texts(key, ARP));
  if (type === 0x8847 || type === 0x8848) parts.push(...texts(key, MPLS));
  if (type !== 0x0800 && type !== 0x86dd) return parts.join(",");
  parts.push(...texts(key, type === 0x0800 ? IPV4 : IPV6), ...texts(key, IP));
  const fragment = getU8(key, KEY_NW_FRAG);
  parts.push(`nw_frag=${fragment === 0 ? "no" : fragment === 1 ? "first" : "later"}`);
  if (fragment !== 3) parts.push(...texts(key, transportFields(key, type)));
  return parts.join(",");
}

function transportFields(key: Uint32Array, type: number): string[] {
  const proto = getU8(key, KEY_NW_PROTO);
  if (proto === 1 && type === 0x0800) return ["icmp_type", "icmp_code"];
  if (proto !== 58 || type !== 0x86dd) return PORTED.get(proto) ?? [];
  const icmp = Number(fieldGet(key, fieldOf("icmpv6_type")));
  const names = ["icmpv6_type", "icmpv6_code"];
  if (icmp !== 135 && icmp !== 136) return names;
  const option = icmp === 135 ? "nd_sll" : "nd_tll";
  return [...names, "nd_target", ...(fieldGet(key, fieldOf(option)) === 0n ? [] : [option])];
}

function texts(key: Uint32Array, names: readonly string[]): string[] {
  return names.map((name) => `${name}=${valueText(key, fieldOf(name))}`);
}

function valueText(key: Uint32Array, field: Field): string {
  const value = fieldGet(key, field);
  if (field.format === "ethernet") return formatMac(value);
  if (field.format === "ipv4") return formatIpv4(Number(value));
  return field.format === "ipv6" ? formatIpv6(value) : `${value}`;
}
