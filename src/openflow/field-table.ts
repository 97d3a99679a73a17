// The match fields: one row each, in the order in which Open vSwitch lists and prints them. Facts are
// those of ovs-fields(7), OpenFlow 1.5 section 7.2.3 and Nicira's extensions.

import {
  KEY_ARP_SHA,
  KEY_ARP_THA,
  KEY_CT_IPV6_DST,
  KEY_CT_IPV6_SRC,
  KEY_CT_LABEL,
  KEY_CT_MARK,
  KEY_CT_NW_DST,
  KEY_CT_NW_PROTO,
  KEY_CT_NW_SRC,
  KEY_CT_STATE,
  KEY_CT_TP_DST,
  KEY_CT_TP_SRC,
  KEY_CT_ZONE,
  KEY_DL_DST,
  KEY_DL_SRC,
  KEY_DP_HASH,
  KEY_ETH_TYPE,
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
  KEY_PKT_MARK,
  KEY_RECIRC_ID,
  KEY_SKB_PRIORITY,
  KEY_TCI0,
  KEY_TCP_FLAGS,
  KEY_TP_DST,
  KEY_TP_SRC,
  KEY_TUN_DST,
  KEY_TUN_FLAGS,
  KEY_TUN_GBP_FLAGS,
  KEY_TUN_GBP_ID,
  KEY_TUN_ID,
  KEY_TUN_IPV6_DST,
  KEY_TUN_IPV6_SRC,
  KEY_TUN_SRC,
  KEY_TUN_TOS,
  KEY_TUN_TTL,
} from "../../assembly/layout/flow-key.ts";
import type { Field, OxmHeader } from "./field.ts";
import type { Prereq, ValueFormat } from "./field-kind.ts";
import {
  FLOW_ACTSET_OUTPUT,
  FLOW_CONJ_ID,
  FLOW_METADATA,
  FLOW_OF_IN_PORT,
  FLOW_REG_COUNT,
  FLOW_REGS,
} from "./flow-layout.ts";

type Row = Omit<Field, "id">;

/** What a row may say differently from what its offset, size and format imply. */
interface RowOptions {
  readonly aliases?: readonly string[];
  readonly order?: "le";
  readonly shift?: number;
  readonly width?: number;
  readonly bytes?: number;
  readonly valueMask?: bigint;
  readonly prereq?: Prereq;
  /** The match is exact or absent. */
  readonly exact?: true;
  readonly readOnly?: true;
  readonly quirk?: Field["quirk"];
}

const le = { order: "le" } as const;
const exact = { exact: true } as const;
const readOnly = { readOnly: true } as const;

/** OXM prefixes as the rows below shorten them: printed prefix, class, experimenter, wire version. */
const oxmClasses: Readonly<Record<string, readonly [string, number, number, number]>> = {
  NXM0: ["NXM_OF_", 0x0000, 0, 0],
  NX: ["NXM_NX_", 0x0001, 0, 0],
  OF: ["OXM_OF_", 0x8000, 0, 3],
  OF13: ["OXM_OF_", 0x8000, 0, 4],
  OF15: ["OXM_OF_", 0x8000, 0, 6],
  PKT: ["OXM_OF_PKT_", 0x8001, 0, 4],
  ONF: ["ONFOXM_ET_", 0xffff, 0x4f4e4600, 4],
  ET: ["NXOXM_ET_", 0xffff, 0x00002320, 4],
  ERIC: ["ERICOXM_OF_", 0x1000, 0, 1],
};

/** Every field, less its id. */
export const FIELD_TABLE: readonly Row[] = [
  row("dp_hash", KEY_DP_HASH, 4, "hex", "NX_DP_HASH:35 ET_DP_HASH:0", { ...le, ...readOnly }),
  row("recirc_id", KEY_RECIRC_ID, 4, "decimal", "NX_RECIRC_ID:36", { ...le, ...exact, ...readOnly }),
  row("packet_type", KEY_PACKET_TYPE, 4, "packetType", "OF15_PACKET_TYPE:44", { ...exact, ...readOnly }),
  row("conj_id", FLOW_CONJ_ID, 4, "decimal", "NX_CONJ_ID:37", { ...le, ...exact, ...readOnly }),
  ...tunnelRows(),
  row("metadata", FLOW_METADATA, 8, "hex", "OF_METADATA:2"),
  row("in_port", FLOW_OF_IN_PORT, 4, "port", "NXM0_IN_PORT:0", {
    ...le,
    ...exact,
    width: 16,
    bytes: 2,
    quirk: "port16",
  }),
  row("in_port_oxm", FLOW_OF_IN_PORT, 4, "port", "OF_IN_PORT:0", { ...le, ...exact }),
  row("actset_output", FLOW_ACTSET_OUTPUT, 4, "port", "ONF_ACTSET_OUTPUT:43 OF15_ACTSET_OUTPUT:43", {
    ...le,
    ...exact,
    ...readOnly,
  }),
  row("skb_priority", KEY_SKB_PRIORITY, 4, "hex", "", { ...le, ...exact, ...readOnly }),
  row("pkt_mark", KEY_PKT_MARK, 4, "hex", "NX_PKT_MARK:33", le),
  ...conntrackRows(),
  ...registerRows(),
  ...ethernetRows(),
  ...ipRows(),
  ...arpRows(),
  ...transportRows(),
];

function tunnelRows(): Row[] {
  return [
    row("tun_id", KEY_TUN_ID, 8, "hex", "NX_TUN_ID:16 OF_TUNNEL_ID:38", { aliases: ["tunnel_id"] }),
    row("tun_src", KEY_TUN_SRC, 4, "ipv4", "NX_TUN_IPV4_SRC:31"),
    row("tun_dst", KEY_TUN_DST, 4, "ipv4", "NX_TUN_IPV4_DST:32"),
    row("tun_ipv6_src", KEY_TUN_IPV6_SRC, 16, "ipv6", "NX_TUN_IPV6_SRC:109"),
    row("tun_ipv6_dst", KEY_TUN_IPV6_DST, 16, "ipv6", "NX_TUN_IPV6_DST:110"),
    row("tun_flags", KEY_TUN_FLAGS, 2, "tunnelFlags", "NX_TUN_FLAGS:104", { ...le, width: 1 }),
    row("tun_ttl", KEY_TUN_TTL, 1, "decimal", "", { ...exact, ...readOnly }),
    row("tun_tos", KEY_TUN_TOS, 1, "decimal", "", { ...exact, ...readOnly }),
    row("tun_gbp_id", KEY_TUN_GBP_ID, 2, "decimal", "NX_TUN_GBP_ID:38"),
    row("tun_gbp_flags", KEY_TUN_GBP_FLAGS, 1, "hex", "NX_TUN_GBP_FLAGS:39"),
  ];
}

function conntrackRows(): Row[] {
  const tuple = { ...readOnly, prereq: "ct" } as const;
  return [
    row("ct_state", KEY_CT_STATE, 4, "ctState", "NX_CT_STATE:105", { ...le, ...readOnly, valueMask: 0xffn }),
    row("ct_zone", KEY_CT_ZONE, 2, "hex", "NX_CT_ZONE:106", { ...le, ...exact, ...readOnly }),
    row("ct_mark", KEY_CT_MARK, 4, "hex", "NX_CT_MARK:107", le),
    row("ct_label", KEY_CT_LABEL, 16, "hex", "NX_CT_LABEL:108"),
    row("ct_nw_proto", KEY_CT_NW_PROTO, 1, "decimal", "NX_CT_NW_PROTO:119", { ...tuple, ...exact }),
    row("ct_nw_src", KEY_CT_NW_SRC, 4, "ipv4", "NX_CT_NW_SRC:120", tuple),
    row("ct_nw_dst", KEY_CT_NW_DST, 4, "ipv4", "NX_CT_NW_DST:121", tuple),
    row("ct_ipv6_src", KEY_CT_IPV6_SRC, 16, "ipv6", "NX_CT_IPV6_SRC:122", tuple),
    row("ct_ipv6_dst", KEY_CT_IPV6_DST, 16, "ipv6", "NX_CT_IPV6_DST:123", tuple),
    row("ct_tp_src", KEY_CT_TP_SRC, 2, "decimal", "NX_CT_TP_SRC:124", tuple),
    row("ct_tp_dst", KEY_CT_TP_DST, 2, "decimal", "NX_CT_TP_DST:125", tuple),
  ];
}

function registerRows(): Row[] {
  const rows: Row[] = [];
  for (let i = 0; i < FLOW_REG_COUNT; i++) {
    rows.push(row(`reg${i}`, FLOW_REGS + 4 * i, 4, "hex", `NX_REG${i}:${i}`));
  }
  for (let i = 0; i < FLOW_REG_COUNT / 2; i++) {
    rows.push(row(`xreg${i}`, FLOW_REGS + 8 * i, 8, "hex", `PKT_REG${i}:${i}`));
  }
  for (let i = 0; i < FLOW_REG_COUNT / 4; i++) {
    rows.push(row(`xxreg${i}`, FLOW_REGS + 16 * i, 16, "hex", `NX_XXREG${i}:${111 + i}`));
  }
  return rows;
}

function ethernetRows(): Row[] {
  const eth = { prereq: "ethernet" } as const;
  const mpls = { prereq: "mpls", exact: true } as const;
  const tc = { ...mpls, shift: 9, width: 3, bytes: 1 } as const;
  const bos = { ...mpls, ...readOnly, shift: 8, width: 1, bytes: 1 } as const;
  const pcp = { shift: 13, width: 3, bytes: 1, quirk: "vlanPcp", exact: true } as const;
  return [
    row("eth_src", KEY_DL_SRC, 6, "ethernet", "NXM0_ETH_SRC:2 OF_ETH_SRC:4", { ...eth, aliases: ["dl_src"] }),
    row("eth_dst", KEY_DL_DST, 6, "ethernet", "NXM0_ETH_DST:1 OF_ETH_DST:3", { ...eth, aliases: ["dl_dst"] }),
    row("eth_type", KEY_ETH_TYPE, 2, "hex", "NXM0_ETH_TYPE:3 OF_ETH_TYPE:5", {
      ...eth,
      ...exact,
      ...readOnly,
      aliases: ["dl_type"],
    }),
    row("vlan_tci", KEY_TCI0, 2, "hex", "NXM0_VLAN_TCI:4", eth),
    row("dl_vlan", KEY_TCI0, 2, "decimal", "", { ...eth, ...exact, width: 12, quirk: "dlVlan" }),
    row("vlan_vid", KEY_TCI0, 2, "decimal", "OF_VLAN_VID:6", { ...eth, width: 12, valueMask: 0x1fffn }),
    row("dl_vlan_pcp", KEY_TCI0, 2, "decimal", "", { ...eth, ...pcp }),
    row("vlan_pcp", KEY_TCI0, 2, "decimal", "OF_VLAN_PCP:7", { ...pcp, prereq: "vlan" }),
    row("mpls_label", KEY_MPLS0, 4, "decimal", "OF_MPLS_LABEL:34", { ...mpls, shift: 12, width: 20 }),
    row("mpls_tc", KEY_MPLS0, 4, "decimal", "OF_MPLS_TC:35", tc),
    row("mpls_bos", KEY_MPLS0, 4, "decimal", "OF13_MPLS_BOS:36", bos),
    row("mpls_ttl", KEY_MPLS0, 4, "decimal", "NX_MPLS_TTL:30", { ...mpls, width: 8, bytes: 1 }),
  ];
}

function ipRows(): Row[] {
  const ip = { prereq: "ip", exact: true } as const;
  const ipv4 = { prereq: "ipv4" } as const;
  const ipv6 = { prereq: "ipv6" } as const;
  return [
    row("ip_src", KEY_NW_SRC, 4, "ipv4", "NXM0_IP_SRC:7 OF_IPV4_SRC:11", {
      ...ipv4,
      aliases: ["nw_src", "ipv4_src"],
    }),
    row("ip_dst", KEY_NW_DST, 4, "ipv4", "NXM0_IP_DST:8 OF_IPV4_DST:12", {
      ...ipv4,
      aliases: ["nw_dst", "ipv4_dst"],
    }),
    row("ipv6_src", KEY_IPV6_SRC, 16, "ipv6", "NX_IPV6_SRC:19 OF_IPV6_SRC:26", ipv6),
    row("ipv6_dst", KEY_IPV6_DST, 16, "ipv6", "NX_IPV6_DST:20 OF_IPV6_DST:27", ipv6),
    row("ipv6_label", KEY_IPV6_LABEL, 4, "hex", "NX_IPV6_LABEL:27 OF_IPV6_FLABEL:28", { ...ipv6, width: 20 }),
    row("ipv6_exthdr", KEY_IPV6_EXTHDR, 2, "extHeaders", "OF13_IPV6_EXTHDR:39", {
      ...ipv6,
      ...le,
      ...readOnly,
      width: 9,
    }),
    row("nw_proto", KEY_NW_PROTO, 1, "decimal", "NXM0_IP_PROTO:6 OF_IP_PROTO:10", {
      ...ip,
      ...readOnly,
      aliases: ["ip_proto"],
    }),
    row("nw_tos", KEY_NW_TOS, 1, "decimal", "NXM0_IP_TOS:5", { ...ip, valueMask: 0xfcn }),
    row("ip_dscp", KEY_NW_TOS, 1, "decimal", "OF_IP_DSCP:8", { ...ip, shift: 2, width: 6 }),
    row("nw_ecn", KEY_NW_TOS, 1, "decimal", "NX_IP_ECN:28 OF_IP_ECN:9", {
      ...ip,
      width: 2,
      aliases: ["ip_ecn"],
    }),
    row("nw_ttl", KEY_NW_TTL, 1, "decimal", "NX_IP_TTL:29", ip),
    row("ip_frag", KEY_NW_FRAG, 1, "frag", "NX_IP_FRAG:26", {
      prereq: "ip",
      ...readOnly,
      width: 2,
      aliases: ["nw_frag"],
    }),
  ];
}

function arpRows(): Row[] {
  const arp = { prereq: "arp" } as const;
  return [
    row("arp_op", KEY_NW_PROTO, 1, "decimal", "NXM0_ARP_OP:15 OF_ARP_OP:21", {
      ...arp,
      ...exact,
      width: 16,
      bytes: 2,
      valueMask: 0xffn,
    }),
    row("arp_spa", KEY_NW_SRC, 4, "ipv4", "NXM0_ARP_SPA:16 OF_ARP_SPA:22", arp),
    row("arp_tpa", KEY_NW_DST, 4, "ipv4", "NXM0_ARP_TPA:17 OF_ARP_TPA:23", arp),
    row("arp_sha", KEY_ARP_SHA, 6, "ethernet", "NX_ARP_SHA:17 OF_ARP_SHA:24", arp),
    row("arp_tha", KEY_ARP_THA, 6, "ethernet", "NX_ARP_THA:18 OF_ARP_THA:25", arp),
  ];
}

function transportRows(): Row[] {
  const icmp = { exact: true, quirk: "icmp", width: 8, bytes: 1 } as const;
  return [
    row("tcp_src", KEY_TP_SRC, 2, "decimal", "NXM0_TCP_SRC:9 OF_TCP_SRC:13", {
      prereq: "tcp",
      aliases: ["tp_src"],
    }),
    row("tcp_dst", KEY_TP_DST, 2, "decimal", "NXM0_TCP_DST:10 OF_TCP_DST:14", {
      prereq: "tcp",
      aliases: ["tp_dst"],
    }),
    row("tcp_flags", KEY_TCP_FLAGS, 2, "tcpFlags", "NX_TCP_FLAGS:34 ONF_TCP_FLAGS:42 OF15_TCP_FLAGS:42", {
      prereq: "tcp",
      ...readOnly,
      width: 12,
    }),
    row("udp_src", KEY_TP_SRC, 2, "decimal", "NXM0_UDP_SRC:11 OF_UDP_SRC:15", { prereq: "udp" }),
    row("udp_dst", KEY_TP_DST, 2, "decimal", "NXM0_UDP_DST:12 OF_UDP_DST:16", { prereq: "udp" }),
    row("sctp_src", KEY_TP_SRC, 2, "decimal", "OF_SCTP_SRC:17", { prereq: "sctp" }),
    row("sctp_dst", KEY_TP_DST, 2, "decimal", "OF_SCTP_DST:18", { prereq: "sctp" }),
    row("icmp_type", KEY_TP_SRC, 2, "decimal", "NXM0_ICMP_TYPE:13 OF_ICMPV4_TYPE:19", {
      ...icmp,
      prereq: "icmpv4",
    }),
    row("icmp_code", KEY_TP_DST, 2, "decimal", "NXM0_ICMP_CODE:14 OF_ICMPV4_CODE:20", {
      ...icmp,
      prereq: "icmpv4",
    }),
    row("icmpv6_type", KEY_TP_SRC, 2, "decimal", "NX_ICMPV6_TYPE:21 OF_ICMPV6_TYPE:29", {
      ...icmp,
      prereq: "icmpv6",
    }),
    row("icmpv6_code", KEY_TP_DST, 2, "decimal", "NX_ICMPV6_CODE:22 OF_ICMPV6_CODE:30", {
      ...icmp,
      prereq: "icmpv6",
    }),
    row("nd_target", KEY_ND_TARGET, 16, "ipv6", "NX_ND_TARGET:23 OF_IPV6_ND_TARGET:31", { prereq: "nd" }),
    row("nd_sll", KEY_ARP_SHA, 6, "ethernet", "NX_ND_SLL:24 OF_IPV6_ND_SLL:32", { prereq: "ndSolicit" }),
    row("nd_tll", KEY_ARP_THA, 6, "ethernet", "NX_ND_TLL:25 OF_IPV6_ND_TLL:33", { prereq: "ndAdvert" }),
    row("nd_reserved", KEY_ND_RESERVED, 4, "decimal", "ERIC_ICMPV6_ND_RESERVED:1", {
      prereq: "nd",
      ...exact,
    }),
    row("nd_options_type", KEY_ND_OPTIONS_TYPE, 1, "decimal", "ERIC_ICMPV6_ND_OPTIONS_TYPE:2", {
      prereq: "nd",
      ...exact,
    }),
  ];
}

function row(
  name: string,
  offset: number,
  size: number,
  format: ValueFormat,
  oxm: string,
  options: RowOptions = {},
): Row {
  const width = options.width ?? size * 8;
  return {
    name,
    aliases: options.aliases ?? [],
    offset,
    size,
    shift: options.shift ?? 0,
    order: options.order ?? "be",
    width,
    bytes: options.bytes ?? size,
    valueMask: options.valueMask ?? (1n << BigInt(width)) - 1n,
    format,
    maskable: options.exact ? "none" : "bitwise",
    prereq: options.prereq ?? "none",
    writable: !options.readOnly,
    quirk: options.quirk ?? "none",
    oxm: oxm === "" ? [] : oxm.split(" ").map(oxmHeader),
  };
}

/** Reads `PREFIX_NAME:NUMBER`, the prefix one of those in `oxmClasses`. */
function oxmHeader(text: string): OxmHeader {
  const [prefix, name, number] = text.match(/^([A-Z0-9]+?)_(.*):(\d+)$/)!.slice(1) as [
    string,
    string,
    string,
  ];
  const [fullPrefix, oxmClass, experimenter, version] = oxmClasses[prefix]!;
  return { name: fullPrefix + name, class: oxmClass, number: Number(number), experimenter, version };
}
