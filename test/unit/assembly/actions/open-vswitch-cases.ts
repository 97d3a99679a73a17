// Rules for Open vSwitch beside the datapath actions that make of a packet what the rules make of it.

import type { OdpAction } from "../../../../src/odp/action.ts";
import { etherTypeOf, type PlainEthernet, type PlainIp } from "../../../support/plain-headers.ts";

/** A packet, as far as the cases look at it. */
export interface Parsed {
  readonly frame: PlainEthernet;
  readonly ip: PlainIp | undefined;
}

/** One comparison. */
export interface Case {
  readonly name: string;
  /** Rules, whose output is port 2. */
  readonly flows: string[];
  readonly actions: OdpAction[];
  /** Packets on which Open vSwitch does something else on purpose or by mistake, which we don't follow. */
  readonly except?: (packet: Parsed) => boolean;
  /** Least number of packets, of 700, that the case must change. */
  readonly changes: number;
}

const ALL_128 = (1n << 128n) - 1n;
const ALL_48 = (1n << 48n) - 1n;

function isLabelled({ frame }: Parsed): boolean {
  return [0x8847, 0x8848].includes(etherTypeOf(frame));
}

/** Open vSwitch takes protocol 0 for a missing header. */
const isHopByHop = ({ ip }: Parsed) => ip?.version === 4 && ip.protocol === 0;
/** Open vSwitch writes a transport checksum into the payload of later IPv4 fragments. */
const isLater = ({ ip }: Parsed) => ip?.version === 4 && ip.fragment === "later";

const IPV4: Case = {
  name: "IPv4 addresses, TOS and TTL",
  flows: [
    "ip,actions=set_field:10.9.8.7->ip_src,set_field:0.0.2.1/0.0.255.255->ip_dst,mod_nw_tos:184,mod_nw_ecn:2,mod_nw_ttl:33,output:2",
  ],
  actions: [
    {
      type: "setIpv4",
      value: { src: 0x0a090807, dst: 0x201, tos: 186, ttl: 33 },
      mask: { src: 0xffffffff, dst: 0xffff, tos: 255, ttl: 255 },
    },
  ],
  except: (packet) => isHopByHop(packet) || isLater(packet),
  changes: 150,
};

const IPV6: Case = {
  name: "IPv6 addresses, class, label and hop limit",
  flows: [
    "ipv6,actions=set_field:fe80::1->ipv6_src,set_field:2001:db8::5->ipv6_dst,set_field:0x12345->ipv6_label,mod_nw_tos:40,mod_nw_ecn:0,mod_nw_ttl:9,output:2",
  ],
  actions: [
    {
      type: "setIpv6",
      value: {
        src: (0xfe80n << 112n) | 1n,
        dst: (0x20010db8n << 96n) | 5n,
        label: 0x12345,
        tclass: 40,
        hopLimit: 9,
      },
      mask: { src: ALL_128, dst: ALL_128, label: 0xfffff, tclass: 255, hopLimit: 255 },
    },
  ],
  // Open vSwitch leaves the checksum alone in atomic fragments and, for the source, behind a routing header with segments left.
  except: ({ ip }) => ip?.version === 6 && (ip.finalDestination !== undefined || isAtomic(ip)),
  changes: 100,
};

const PORTS: Case = {
  name: "TCP, UDP and SCTP ports",
  flows: ["tcp", "udp", "sctp", "tcp6", "udp6", "sctp6"].map(
    (match) =>
      `${match},actions=set_field:4660->${match.slice(0, match.includes("sctp") ? 4 : 3)}_src,set_field:0x0050/0x00ff->${match.slice(0, match.includes("sctp") ? 4 : 3)}_dst,output:2`,
  ),
  actions: [
    { type: "setPorts", transport: "tcp", value: { src: 4660, dst: 0x50 }, mask: { src: 0xffff, dst: 0xff } },
  ],
  changes: 150,
};

const ICMP: Case = {
  name: "ICMP type and code",
  flows: [
    "icmp,actions=set_field:13->icmp_type,set_field:7->icmp_code,output:2",
    "icmp6,actions=set_field:13->icmpv6_type,set_field:7->icmpv6_code,output:2",
  ],
  // Open vSwitch writes type, code and checksum into the payload of later fragments.
  except: isLater,
  actions: [{ type: "setIcmp", version: 4, value: { type: 13, code: 7 }, mask: { type: 255, code: 255 } }],
  changes: 40,
};

const SOLICITATION: Case = {
  name: "neighbour solicitation",
  flows: [
    "icmp6,icmp_type=135,icmp_code=0,actions=set_field:fe80::9->nd_target,set_field:02:11:22:33:44:55->nd_sll,output:2",
  ],
  actions: [
    {
      type: "setNd",
      value: { target: (0xfe80n << 112n) | 9n, sll: 0x021122334455n, tll: 0n },
      mask: { target: ALL_128, sll: ALL_48, tll: 0n },
    },
  ],
  changes: 15,
};

const ADVERTISEMENT: Case = {
  name: "neighbour advertisement",
  flows: [
    "icmp6,icmp_type=136,icmp_code=0,actions=set_field:fe80::9->nd_target,set_field:02:11:22:33:44:66->nd_tll,output:2",
  ],
  actions: [
    {
      type: "setNd",
      value: { target: (0xfe80n << 112n) | 9n, sll: 0n, tll: 0x021122334466n },
      mask: { target: ALL_128, sll: 0n, tll: ALL_48 },
    },
  ],
  changes: 15,
};

const EXTENSIONS: Case = {
  name: "neighbour discovery's reserved word",
  flows: [135, 136].map(
    (type) => `icmp6,icmp_type=${type},icmp_code=0,actions=set_field:0x40000000->nd_reserved,output:2`,
  ),
  actions: [
    {
      type: "setNdExtensions",
      value: { reserved: 0x40000000, optionsType: 0 },
      mask: { reserved: 0xffffffff, optionsType: 0 },
    },
  ],
  // Behind extension headers Open vSwitch sums another pseudo header than the receiver does.
  except: ({ ip }) => ip !== undefined && ip.extra.length > 0,
  changes: 15,
};

const ARP: Case = {
  name: "ARP",
  flows: [
    "arp,actions=set_field:2->arp_op,set_field:10.1.2.3->arp_spa,set_field:0.0.0.9/0.0.0.255->arp_tpa,set_field:02:99:88:77:66:55->arp_sha,set_field:00:00:00:00:00:07/00:00:00:00:00:0f->arp_tha,output:2",
  ],
  actions: [
    {
      type: "setArp",
      value: { op: 2, spa: 0x0a010203, tpa: 9, sha: 0x029988776655n, tha: 7n },
      mask: { op: 0xffff, spa: 0xffffffff, tpa: 0xff, sha: ALL_48, tha: 0xfn },
    },
  ],
  // Open vSwitch 3.1 crashes where there is no whole packet to set the operation of.
  except: ({ frame }) => frame.payload.length < 28,
  changes: 30,
};

const ETHERNET: Case = {
  name: "Ethernet addresses",
  flows: [
    "actions=set_field:02:aa:bb:cc:dd:ee->eth_dst,set_field:00:00:5e:00:00:07/00:00:ff:00:00:0f->eth_src,output:2",
  ],
  actions: [
    {
      type: "setEth",
      value: { dst: 0x02aabbccddeen, src: 0x5e000007n },
      mask: { dst: ALL_48, src: 0xff00000fn },
    },
  ],
  changes: 600,
};

const TTL: Case = {
  name: "TTL and hop limit, decremented",
  flows: ["ip,actions=dec_ttl,output:2", "ipv6,actions=dec_ttl,output:2"],
  actions: [{ type: "decTtl" }],
  except: isHopByHop,
  changes: 250,
};

const PUSHED_TAG: Case = {
  name: "a tag pushed",
  flows: ["actions=push_vlan:0x88a8,set_field:4101->vlan_vid,set_field:3->vlan_pcp,output:2"],
  actions: [{ type: "pushVlan", tpid: 0x88a8, tci: 0x7005 }],
  // Of two tags the inner one makes room.
  except: ({ frame }) => frame.tags.length === 2,
  changes: 500,
};

const POPPED_TAG: Case = {
  name: "a tag popped",
  flows: ["vlan_tci=0x1000/0x1000,actions=pop_vlan,output:2"],
  actions: [{ type: "popVlan" }],
  changes: 150,
};

const SET_TAG: Case = {
  name: "a tag's VLAN set",
  flows: ["vlan_tci=0x1000/0x1000,actions=set_field:4103->vlan_vid,output:2"],
  actions: [{ type: "setVlan", value: 7, mask: 0x1fff }],
  changes: 150,
};

const PUSHED_LABEL: Case = {
  name: "a first label pushed",
  flows: [
    "actions=push_mpls:0x8847,set_field:100->mpls_label,set_field:3->mpls_tc,set_mpls_ttl(77),output:2",
  ],
  actions: [{ type: "pushMpls", ethertype: 0x8847, lse: (100 << 12) | (3 << 9) | 0x100 | 77 }],
  except: isLabelled,
  changes: 500,
};

const PUSHED_LABELS: Case = {
  name: "a further label pushed",
  flows: [
    "actions=push_mpls:0x8848,set_field:100->mpls_label,set_field:3->mpls_tc,set_mpls_ttl(77),output:2",
  ],
  actions: [{ type: "pushMpls", ethertype: 0x8848, lse: (100 << 12) | (3 << 9) | 77 }],
  except: (packet) => !isLabelled(packet) || packet.frame.payload.length < 4,
  changes: 25,
};

const POPPED_LABEL: Case = {
  name: "the last label popped",
  flows: [
    "mpls,mpls_bos=1,actions=pop_mpls:0x0800,output:2",
    "mplsm,mpls_bos=1,actions=pop_mpls:0x0800,output:2",
  ],
  actions: [{ type: "popMpls", ethertype: 0x0800 }],
  changes: 10,
};

const POPPED_LABELS: Case = {
  name: "one of several labels popped",
  flows: ["mpls,mpls_bos=0,actions=pop_mpls:0x8847,output:2"],
  actions: [{ type: "popMpls", ethertype: 0x8847 }],
  except: ({ frame }) => frame.payload.length < 4,
  changes: 10,
};

const SET_LABEL: Case = {
  name: "a label set",
  flows: ["mpls,actions=set_field:5->mpls_label,set_field:1->mpls_tc,set_mpls_ttl(9),output:2"],
  actions: [{ type: "setMpls", value: (5 << 12) | (1 << 9) | 9, mask: 0xfffffeff }],
  except: ({ frame }) => frame.payload.length < 4,
  changes: 30,
};

export const CASES: readonly Case[] = [
  ETHERNET,
  TTL,
  PUSHED_TAG,
  POPPED_TAG,
  SET_TAG,
  PUSHED_LABEL,
  PUSHED_LABELS,
  POPPED_LABEL,
  POPPED_LABELS,
  SET_LABEL,
  IPV4,
  IPV6,
  PORTS,
  ICMP,
  SOLICITATION,
  ADVERTISEMENT,
  EXTENSIONS,
  ARP,
];

/** Whether a fragment header says that the packet is the whole datagram (RFC 6946). */
function isAtomic(ip: PlainIp): boolean {
  return ip.fragment === "no" && ip.chain.includes(44);
}
