// Random matches in ovs-ofctl text, prerequisites kept: a protocol first, then fields that it has.

import {
  IPV4_ADDRESSES,
  IPV6_ADDRESSES,
  L4_PORTS,
  MACS,
  MPLS_LABELS,
  TOS_VALUES,
  TTLS,
  VLAN_IDS,
} from "./random-pools.ts";
import type { SeededRandom } from "./seeded-random.ts";

/** What is known about a packet where a rule's actions run: which fields they may touch. */
export interface PacketShape {
  l3: "ip" | "ipv6" | "arp" | "rarp" | "mpls" | undefined;
  l4: "tcp" | "udp" | "sctp" | "icmp" | "nd" | undefined;
  vlan: boolean;
  /** Writes with masks cannot be said. */
  unmasked?: boolean;
}

/** A match and the shape of what it matches. */
export interface RandomMatch {
  text: string;
  shape: PacketShape;
}

type Draw = (random: SeededRandom) => string;

const KINDS: readonly (readonly [number, string, PacketShape["l3"], PacketShape["l4"]])[] = [
  [26, "", undefined, undefined],
  [14, "ip", "ip", undefined],
  [8, "tcp", "ip", "tcp"],
  [8, "udp", "ip", "udp"],
  [3, "sctp", "ip", "sctp"],
  [4, "icmp", "ip", "icmp"],
  [9, "ipv6", "ipv6", undefined],
  [4, "tcp6", "ipv6", "tcp"],
  [3, "udp6", "ipv6", "udp"],
  [2, "sctp6", "ipv6", "sctp"],
  [3, "icmp6", "ipv6", "icmp"],
  [4, "icmp6,icmp_type=135,icmp_code=0", "ipv6", "nd"],
  [3, "icmp6,icmp_type=136,icmp_code=0", "ipv6", "nd"],
  [5, "arp", "arp", undefined],
  [1, "rarp", "rarp", undefined],
  [6, "mpls", "mpls", undefined],
  [2, "mplsm", "mpls", undefined],
  [2, "dl_type=0x88cc", undefined, undefined],
  [1, "dl_type=0x05ff", undefined, undefined],
  [1, "ip,nw_proto=2", "ip", undefined],
  [1, "ip,nw_proto=47", "ip", undefined],
];

/** Draws a match; `later` says that the table is not the first, where registers hold something. */
export function randomMatch(random: SeededRandom, later: boolean): RandomMatch {
  const [, kind, l3, l4] = random.weighted(KINDS.map((entry) => [entry[0], entry] as const));
  const parts = kind === "" ? [] : [kind];
  const shape: PacketShape = { l3, l4, vlan: false };
  if (random.chance(22)) {
    const vlan = random.pick(VLAN_MATCHES);
    parts.push(vlan.draw(random));
    shape.vlan = vlan.present;
  }
  const draws: Draw[] = [];
  for (
    let n = random.weighted([
      [30, 0],
      [45, 1],
      [25, 2],
    ]);
    n > 0;
    n--
  ) {
    const candidates = fieldDraws(shape, kind);
    draws.push(random.pick(random.chance(25) ? ETHERNET : candidates));
  }
  if (random.chance(later ? 55 : 25)) draws.push(random.pick(METADATA));
  if (random.chance(later ? 10 : 35)) draws.push((r) => `in_port=${r.int(1, 6)}`);
  const seen = new Set<string>();
  for (const draw of draws) {
    const text = draw(random);
    const name = text.split("=")[0] ?? text;
    if (!seen.has(name)) parts.push(text);
    seen.add(name);
  }
  return { text: parts.join(","), shape };
}

/** One random field of a shape, as `name=value` or `name=value/mask`. */
export function fieldDraws(shape: PacketShape, kind = ""): Draw[] {
  const draws: Draw[] = [];
  if (shape.l3 === "ip") draws.push(...IPV4, ...IP);
  if (shape.l3 === "ipv6") draws.push(...IPV6, ...IP);
  if (shape.l3 === "arp" || shape.l3 === "rarp") draws.push(...ARP);
  if (shape.l3 === "mpls") draws.push(...MPLS);
  if (shape.l4 === "tcp" || shape.l4 === "udp" || shape.l4 === "sctp") draws.push(...PORTS, ...PORTS);
  if (shape.l4 === "tcp") draws.push(...TCP_FLAGS);
  if (shape.l4 === "icmp") draws.push(...(shape.l3 === "ip" ? ICMP : ICMPV6));
  if (shape.l4 === "nd") draws.push(...(kind.includes("135") ? SOLICITATION : ADVERTISEMENT));
  return draws.length === 0 ? ETHERNET : draws;
}

/** An IPv4 address with a prefix, an arbitrary mask, or neither. */
export function ipv4Text(random: SeededRandom): string {
  const address = random.pick(IPV4_ADDRESSES);
  const prefix = random.weighted([
    [40, ""],
    [45, `/${random.pick([8, 12, 16, 23, 24, 30, 31])}`],
    [15, "/255.0.255.3"],
  ]);
  return `${address}${prefix}`;
}

function ipv6Text(random: SeededRandom): string {
  const address = random.pick(IPV6_ADDRESSES);
  const mask = random.weighted([
    [45, ""],
    [45, `/${random.pick([16, 32, 48, 64, 126, 127])}`],
    [10, "/ffff:0:ffff::f"],
  ]);
  return `${address}${mask}`;
}

function macText(random: SeededRandom): string {
  const mask = random.weighted([
    [70, ""],
    [15, "/01:00:00:00:00:00"],
    [15, "/ff:ff:ff:00:00:00"],
  ]);
  return `${random.pick(MACS)}${mask}`;
}

/** A number exactly or with one of the masks. */
function masked(random: SeededRandom, value: number, masks: number[]): string {
  const text = `0x${value.toString(16)}`;
  return random.chance(60) ? text : `${text}/0x${random.pick(masks).toString(16)}`;
}

const VLAN_MATCHES: { present: boolean; draw: Draw }[] = [
  { present: true, draw: (r) => `dl_vlan=${r.pick(VLAN_IDS.slice(0, 4))}` },
  { present: true, draw: () => "vlan_tci=0x1000/0x1000" },
  { present: true, draw: (r) => `vlan_vid=${0x1000 | r.pick(VLAN_IDS)}` },
  { present: true, draw: () => "vlan_vid=0x1000/0x1000" },
  { present: true, draw: (r) => `dl_vlan=${r.pick(VLAN_IDS.slice(1, 4))},dl_vlan_pcp=${r.int(0, 7)}` },
  { present: true, draw: (r) => `vlan_tci=0x${(0x1000 | r.int(0, 3)).toString(16)}/0x1003` },
  { present: false, draw: () => "vlan_tci=0" },
  { present: false, draw: () => "dl_vlan=0xffff" },
  { present: false, draw: () => "vlan_tci=0x0001/0x0001" },
  { present: false, draw: () => "vlan_vid=0" },
];

const ETHERNET: Draw[] = [(r) => `dl_src=${macText(r)}`, (r) => `dl_dst=${macText(r)}`];

const IPV4: Draw[] = [
  (r) => `nw_src=${ipv4Text(r)}`,
  (r) => `nw_dst=${ipv4Text(r)}`,
  (r) => `nw_dst=${ipv4Text(r)}`,
];

const IPV6: Draw[] = [
  (r) => `ipv6_src=${ipv6Text(r)}`,
  (r) => `ipv6_dst=${ipv6Text(r)}`,
  (r) => `ipv6_label=${masked(r, r.pick([0, 5]), [0x7, 0xf0000])}`,
];

const IP: Draw[] = [
  (r) => `nw_ttl=${r.pick(TTLS)}`,
  (r) => `nw_tos=${r.pick(TOS_VALUES) & 0xfc}`,
  (r) => `nw_ecn=${r.int(0, 3)}`,
  (r) => `ip_dscp=${r.pick(TOS_VALUES) >> 2}`,
  (r) => `ip_frag=${r.pick(["no", "yes", "first", "later", "not_later"])}`,
];

const PORTS: Draw[] = [
  (r) => `tp_src=${masked(r, r.pick(L4_PORTS), [0xfff0, 0xff00, 0x0001])}`,
  (r) => `tp_dst=${masked(r, r.pick(L4_PORTS), [0xfff0, 0xff00, 0x8000])}`,
];

const TCP_FLAGS: Draw[] = [
  (r) => `tcp_flags=${r.pick(["+syn-ack", "+syn+ack", "-syn", "+fin", "+rst", "+psh-urg"])}`,
  (r) => `tcp_flags=${masked(r, r.pick([0x02, 0x12, 0x10]), [0x17, 0xfff])}`,
];

const ICMP: Draw[] = [(r) => `icmp_type=${r.pick([0, 3, 8])}`, (r) => `icmp_code=${r.int(0, 1)}`];
const ICMPV6: Draw[] = [
  (r) => `icmp_type=${r.pick([128, 135, 136, 134])}`,
  (r) => `icmp_code=${r.int(0, 1)}`,
];
const SOLICITATION: Draw[] = [(r) => `nd_target=${ipv6Text(r)}`, (r) => `nd_sll=${macText(r)}`];
const ADVERTISEMENT: Draw[] = [(r) => `nd_target=${ipv6Text(r)}`, (r) => `nd_tll=${macText(r)}`];

const ARP: Draw[] = [
  (r) => `arp_op=${r.int(1, 2)}`,
  (r) => `arp_spa=${ipv4Text(r)}`,
  (r) => `arp_tpa=${ipv4Text(r)}`,
  (r) => `arp_sha=${macText(r)}`,
  (r) => `arp_tha=${macText(r)}`,
];

const MPLS: Draw[] = [
  (r) => `mpls_label=${r.pick(MPLS_LABELS)}`,
  (r) => `mpls_tc=${r.int(0, 7)}`,
  (r) => `mpls_bos=${r.int(0, 1)}`,
  (r) => `mpls_ttl=${r.pick(TTLS)}`,
];

const METADATA: Draw[] = [
  (r) => `reg0=${masked(r, r.int(0, 3), [0x1, 0x3, 0xff])}`,
  (r) => `reg0=${masked(r, r.int(0, 3), [0x1, 0x3, 0xff])}`,
  (r) => `reg1=${masked(r, r.int(0, 3), [0x1, 0x3, 0xff])}`,
  (r) => `reg15=${masked(r, r.int(0, 3), [0x1, 0x3])}`,
  (r) => `xreg1=${masked(r, r.int(0, 3), [0x1, 0x3])}`,
  (r) => `xxreg1=${masked(r, r.int(0, 3), [0x1, 0x3])}`,
  (r) => `metadata=${masked(r, r.int(0, 3), [0x1, 0x3])}`,
  (r) => `metadata=${masked(r, r.int(0, 3), [0x1, 0x3])}`,
  (r) => `pkt_mark=${masked(r, r.int(0, 3), [0x1, 0x3])}`,
  (r) => `actset_output=${r.int(1, 4)}`,
];
