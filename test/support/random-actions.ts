// Random action lists in ovs-ofctl text. The shape of the packet is followed through the list, so that mostly
// fields are written that the packet has.

import type { PacketShape } from "./random-matches.ts";
import {
  IPV4_ADDRESSES,
  IPV6_ADDRESSES,
  L4_PORTS,
  MACS,
  MPLS_LABELS,
  TOS_VALUES,
  VLAN_IDS,
} from "./random-pools.ts";
import type { SeededRandom } from "./seeded-random.ts";

/** What an action list may use. */
export interface ActionContext {
  /** Actions of the slow path's second step too: learn, groups, normal, clone, mpls ttl ... */
  full: boolean;
  /** OpenFlow 1.0 actions, which do nothing to a packet without the field; no instructions, no push_vlan. */
  legacy: boolean;
  ports: number;
  /** Tables that the list may go on to; empty in the last table. */
  laterTables: number[];
  groups: number[];
  meters: number[];
  /** Rules may learn, and NORMAL may be used. */
  stateful: boolean;
}

type Draw = (random: SeededRandom) => string;

/** Draws an action list for packets of a shape. */
export function randomActions(random: SeededRandom, shape: PacketShape, context: ActionContext): string {
  const now = { ...shape, unmasked: context.legacy };
  const actions: string[] = [];
  for (
    let n = random.weighted([
      [25, 0],
      [30, 1],
      [25, 2],
      [20, 3],
    ]);
    n > 0;
    n--
  ) {
    actions.push(randomAction(random, now, context));
  }
  const last = context.laterTables.length === 0;
  const ends = random.weighted<() => string[]>([
    [last ? 50 : 14, () => [randomOutput(random, context)]],
    [
      last ? 14 : 4,
      () => [
        randomOutput(random, context),
        randomAction(random, now, context),
        randomOutput(random, context),
      ],
    ],
    [last ? 4 : 2, () => []],
    [last ? 0 : 40, () => [`resubmit(,${random.pick(context.laterTables)})`]],
    [last ? 0 : 8, () => [`resubmit(,${random.pick(context.laterTables)})`, randomOutput(random, context)]],
    [last ? 0 : 6, () => [`resubmit(${random.int(1, context.ports)},${random.pick(context.laterTables)})`]],
    [context.legacy ? 0 : last ? 5 : 30, () => instructions(random, now, context)],
  ]);
  actions.push(...ends());
  return actions.length === 0 ? "drop" : actions.join(",");
}

/** The actions of a group's bucket: an output, perhaps with a change before it. */
export function randomBucketActions(random: SeededRandom, context: ActionContext): string {
  const shape: PacketShape = { l3: undefined, l4: undefined, vlan: false };
  const change = random.chance(50) ? [randomField(random, shape)] : [];
  return [
    ...change,
    random.chance(85) ? randomOutput(random, context) : `resubmit(,${random.pick(context.laterTables)})`,
  ].join(",");
}

/** Instructions behind the applied actions, in the order that OpenFlow wants. */
function instructions(random: SeededRandom, shape: PacketShape, context: ActionContext): string[] {
  const parts: string[] = [];
  if (random.chance(12)) parts.push("clear_actions");
  if (random.chance(65)) {
    const inner: string[] = [];
    if (random.chance(50)) inner.push(randomField(random, { ...shape }));
    if (random.chance(25)) inner.push(randomSetOnly(random, shape));
    if (context.groups.length > 0 && random.chance(20)) inner.push(`group:${random.pick(context.groups)}`);
    if (random.chance(80))
      inner.push(random.chance(90) ? `output:${random.int(1, context.ports)}` : "controller");
    if (inner.length > 0) parts.push(`write_actions(${inner.join(",")})`);
  }
  if (random.chance(40))
    parts.push(`write_metadata:0x${random.int(0, 3).toString(16)}${random.chance(50) ? "/0x3" : ""}`);
  if (context.laterTables.length > 0 && random.chance(85))
    parts.push(`goto_table:${random.pick(context.laterTables)}`);
  return parts;
}

/** Actions whose order in the action set matters. */
function randomSetOnly(random: SeededRandom, shape: PacketShape): string {
  const choices = ["push_vlan:0x8100", "push_mpls:0x8847"];
  if (shape.vlan) choices.push("pop_vlan");
  if (shape.l3 === "ip" || shape.l3 === "ipv6") choices.push("dec_ttl");
  return random.pick(choices);
}

/** An action that sends the packet somewhere. */
function randomOutput(random: SeededRandom, context: ActionContext): string {
  const port = () => random.int(1, context.ports);
  return random.weighted<() => string>([
    [60, () => `output:${port()}`],
    [10, () => `output:${port()},output:${port()}`],
    [6, () => "in_port"],
    [4, () => "flood"],
    [4, () => "all"],
    [2, () => "local"],
    [5, () => "controller"],
    [3, () => `controller(max_len=${random.pick([14, 64, 128])})`],
    [5, () => `load:${port()}->NXM_NX_REG2[0..15],output:NXM_NX_REG2[0..15]`],
    [2, () => "output:NXM_NX_REG0[]"],
    [context.full ? 3 : 0, () => `output(port=${port()},max_len=${random.pick([60, 70, 100])})`],
    [context.full ? 3 : 0, () => `enqueue:${port()}:${random.int(0, 3)}`],
    [context.full ? 3 : 0, () => `set_queue:${random.int(0, 3)},output:${port()},pop_queue`],
    [context.full ? 3 : 0, () => `bundle(eth_src,0,active_backup,ofport,members:${port()},${port()})`],
    [context.groups.length > 0 ? 12 : 0, () => `group:${random.pick(context.groups)}`],
    [context.stateful ? 8 : 0, () => "normal"],
  ])();
}

/** An action that does not send, mostly a change; the shape follows. */
function randomAction(random: SeededRandom, shape: PacketShape, context: ActionContext): string {
  const ip = shape.l3 === "ip" || shape.l3 === "ipv6";
  const mpls = shape.l3 === "mpls";
  return random.weighted<() => string>([
    [34, () => randomField(random, shape)],
    [22, () => randomMetadata(random)],
    [8, () => randomMove(random, shape)],
    [4, () => `push:${random.pick(STACKED)},pop:${random.pick(STACKED)}`],
    [1, () => `pop:${random.pick(STACKED)}`],
    [ip ? 14 : 0, () => "dec_ttl"],
    [context.legacy ? 20 : 0, () => random.pick(LEGACY)(random)],
    [context.legacy ? 0 : 6, () => shapeChange(random, shape, "push_vlan")],
    [shape.vlan ? 12 : 0, () => shapeChange(random, shape, "pop_vlan")],
    [5, () => shapeChange(random, shape, "push_mpls")],
    [mpls ? 16 : 0, () => shapeChange(random, shape, "pop_mpls")],
    [3, () => randomOutput(random, context)],
    [
      context.full && mpls ? 10 : 0,
      () => random.pick(["dec_mpls_ttl", `set_mpls_ttl:${random.int(1, 255)}`]),
    ],
    [
      context.full ? 4 : 0,
      () => `clone(${randomField(random, { ...shape })},${randomOutput(random, { ...context, groups: [] })})`,
    ],
    [context.full ? 2 : 0, () => "note:01.02.03"],
    [context.full ? 3 : 0, () => `check_pkt_larger(${random.pick([20, 60, 80])})->NXM_NX_REG0[0]`],
    [context.full ? 1 : 0, () => "sample(probability=65535,collector_set_id=1)"],
    [context.full ? 1 : 0, () => "exit"],
    [context.full ? 2 : 0, () => "multipath(eth_src,50,modulo_n,1,0,NXM_NX_REG1[])"],
    [context.full && shape.l4 === "tcp" ? 4 : 0, () => "fin_timeout(idle_timeout=10)"],
    [context.stateful ? 12 : 0, () => randomLearn(random, context)],
  ])();
}

function shapeChange(random: SeededRandom, shape: PacketShape, action: string): string {
  if (action === "push_vlan") {
    shape.vlan = true;
    const follow = random.chance(60) ? `,set_field:${0x1000 | random.pick(VLAN_IDS)}->vlan_vid` : "";
    return `push_vlan:${random.chance(75) ? "0x8100" : "0x88a8"}${follow}`;
  }
  if (action === "pop_vlan") {
    shape.vlan = false;
    return "strip_vlan";
  }
  shape.l4 = undefined;
  if (action === "push_mpls") {
    shape.l3 = "mpls";
    return `push_mpls:${random.chance(75) ? "0x8847" : "0x8848"}`;
  }
  const [type, l3] = random.weighted<[string, PacketShape["l3"]]>([
    [55, ["0x0800", "ip"]],
    [25, ["0x86dd", "ipv6"]],
    [15, ["0x8847", "mpls"]],
    [5, ["0x88cc", undefined]],
  ]);
  shape.l3 = l3;
  return `pop_mpls:${type}`;
}

/** A write to one of the packet's own fields. */
function randomField(random: SeededRandom, shape: PacketShape): string {
  const draws: Draw[] = [...ETHERNET];
  if (shape.vlan) draws.push(...VLAN, ...VLAN);
  if (shape.l3 === "ip") draws.push(...IPV4, ...IPV4, ...IP);
  if (shape.l3 === "ipv6") draws.push(...IPV6, ...IPV6, ...IP);
  if (shape.l3 === "arp") draws.push(...ARP, ...ARP);
  if (shape.l3 === "mpls") draws.push(...MPLS, ...MPLS);
  if (shape.l4 === "tcp" || shape.l4 === "udp" || shape.l4 === "sctp") draws.push(...portDraws(shape.l4));
  if (shape.l4 === "icmp") draws.push(...(shape.l3 === "ip" ? ICMP : ICMPV6));
  if (shape.l4 === "nd") draws.push(...DISCOVERY, ...DISCOVERY);
  const text = random.pick(draws)(random);
  // ovs-ofctl writes a masked set_field of these in OpenFlow 1.0's own actions, which have no mask.
  return shape.unmasked && text.includes("/") ? randomField(random, shape) : text;
}

function randomMetadata(random: SeededRandom): string {
  const value = random.int(0, 3);
  const hex = `0x${value.toString(16)}`;
  return random.weighted<() => string>([
    [20, () => `load:${hex}->NXM_NX_REG0[]`],
    [10, () => `load:${hex}->NXM_NX_REG${random.int(0, 3)}[0..1]`],
    [10, () => `set_field:${hex}/0x3->reg${random.pick([0, 1, 15])}`],
    [8, () => `set_field:${hex}->xreg${random.int(0, 1)}`],
    [5, () => `set_field:0x${(value & 1).toString(16)}/0x1->xxreg${random.int(0, 1)}`],
    [10, () => `load:${hex}->OXM_OF_METADATA[]`],
    [8, () => `set_field:${hex}/0xf->metadata`],
    [6, () => `set_field:${hex}->pkt_mark`],
    [4, () => `load:0x1->NXM_NX_REG15[${random.int(0, 31)}]`],
  ])();
}

const STACKED = [
  "NXM_NX_REG0[]",
  "NXM_NX_REG1[0..15]",
  "NXM_OF_ETH_SRC[]",
  "NXM_OF_ETH_DST[]",
  "NXM_OF_IN_PORT[]",
  "OXM_OF_METADATA[]",
  "NXM_NX_REG0[4..7]",
];

/** A copy between two fields of equal width. */
function randomMove(random: SeededRandom, shape: PacketShape): string {
  const pairs = [
    "NXM_OF_ETH_SRC[]->NXM_OF_ETH_DST[]",
    "NXM_OF_ETH_DST[0..31]->NXM_NX_REG0[]",
    "NXM_OF_ETH_SRC[0..1]->NXM_NX_REG0[0..1]",
    "NXM_NX_REG0[]->NXM_NX_REG1[]",
    "NXM_OF_IN_PORT[]->NXM_NX_REG0[0..15]",
    "NXM_NX_REG0[0..7]->NXM_OF_ETH_DST[0..7]",
    "NXM_NX_XXREG0[0..63]->OXM_OF_METADATA[]",
    "NXM_OF_ETH_TYPE[]->NXM_NX_REG1[0..15]",
    "NXM_OF_VLAN_TCI[]->NXM_NX_REG3[0..15]",
  ];
  if (shape.l3 === "ip")
    pairs.push(
      "NXM_OF_IP_SRC[]->NXM_OF_IP_DST[]",
      "NXM_OF_IP_DST[0..1]->NXM_NX_REG0[0..1]",
      "NXM_NX_REG0[0..7]->NXM_OF_IP_SRC[8..15]",
      "NXM_OF_IP_TOS[2..7]->NXM_NX_REG1[0..5]",
    );
  if (shape.l3 === "ipv6")
    pairs.push(
      "NXM_NX_IPV6_SRC[]->NXM_NX_IPV6_DST[]",
      "NXM_NX_IPV6_DST[0..31]->NXM_NX_REG0[]",
      "NXM_NX_IPV6_SRC[]->NXM_NX_XXREG0[]",
      "NXM_NX_XXREG1[]->NXM_NX_IPV6_DST[]",
    );
  if (shape.l3 === "arp")
    pairs.push(
      "NXM_OF_ARP_SPA[]->NXM_OF_ARP_TPA[]",
      "NXM_NX_ARP_SHA[]->NXM_OF_ETH_DST[]",
      "NXM_OF_ETH_SRC[]->NXM_NX_ARP_SHA[]",
      "NXM_OF_ARP_SPA[]->NXM_NX_REG1[]",
    );
  if (shape.l4 === "tcp")
    pairs.push("NXM_OF_TCP_SRC[]->NXM_OF_TCP_DST[]", "NXM_OF_TCP_DST[]->NXM_NX_REG0[0..15]");
  if (shape.l4 === "udp")
    pairs.push("NXM_OF_UDP_SRC[]->NXM_OF_UDP_DST[]", "NXM_NX_REG0[0..15]->NXM_OF_UDP_SRC[]");
  if (shape.l3 === "mpls") pairs.push("OXM_OF_MPLS_LABEL[]->NXM_NX_REG0[0..19]");
  return `move:${random.pick(pairs)}`;
}

/** A learned rule in a later table: a switch's address table, or registers from the packet. */
function randomLearn(random: SeededRandom, context: ActionContext): string {
  const table = random.pick(context.laterTables.length > 0 ? context.laterTables : [0]);
  const priority = random.pick([1, 10, 32768, 65535]);
  const specs = random.pick([
    "NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[],output:NXM_OF_IN_PORT[]",
    "NXM_OF_ETH_DST[],load:NXM_OF_IN_PORT[]->NXM_NX_REG0[0..15]",
    "NXM_OF_VLAN_TCI[0..11],NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[],load:0x2->NXM_NX_REG0[],output:NXM_OF_IN_PORT[]",
    "in_port=2,NXM_OF_ETH_SRC[],output:NXM_OF_IN_PORT[]",
    "NXM_OF_IN_PORT[],load:0x1->NXM_NX_REG1[]",
  ]);
  return `learn(table=${table},priority=${priority},${specs})`;
}

const ETHERNET: Draw[] = [
  (r) => `set_field:${r.pick(MACS)}->eth_dst`,
  (r) => `set_field:${r.pick(MACS)}->eth_src`,
  (r) => `mod_dl_dst:${r.pick(MACS)}`,
  (r) => `mod_dl_src:${r.pick(MACS)}`,
  (r) => `set_field:00:00:00${r.pick(MACS).slice(8)}/00:00:00:ff:ff:ff->eth_dst`,
  (r) => `load:0x${r.int(0, 255).toString(16)}->NXM_OF_ETH_SRC[0..7]`,
];

const LEGACY: Draw[] = [
  () => "strip_vlan",
  () => "dec_ttl",
  (r) => `mod_vlan_vid:${r.pick(VLAN_IDS)}`,
  (r) => `mod_vlan_pcp:${r.int(0, 7)}`,
  (r) => `mod_nw_src:${r.pick(IPV4_ADDRESSES)}`,
  (r) => `mod_nw_dst:${r.pick(IPV4_ADDRESSES)}`,
  (r) => `mod_nw_tos:${r.pick(TOS_VALUES) & 0xfc}`,
  (r) => `mod_tp_src:${r.pick(L4_PORTS)}`,
  (r) => `mod_tp_dst:${r.pick(L4_PORTS)}`,
];

// No mod_vlan_*: in OpenFlow 1.5 ovs-ofctl makes them a push_vlan where it cannot see that a tag is there.
const VLAN: Draw[] = [
  (r) => `set_field:${0x1000 | r.pick(VLAN_IDS)}->vlan_vid`,
  (r) => `set_field:${r.int(0, 7)}->vlan_pcp`,
];

const IPV4: Draw[] = [
  (r) => `set_field:${r.pick(IPV4_ADDRESSES)}->ip_dst`,
  (r) => `set_field:${r.pick(["10.1", "0.0", "192.168"])}.0.0/255.255.0.0->ip_src`,
  (r) => `mod_nw_src:${r.pick(IPV4_ADDRESSES)}`,
  (r) => `mod_nw_dst:${r.pick(IPV4_ADDRESSES)}`,
  (r) => `load:0x${r.int(0, 15).toString(16)}->NXM_OF_IP_DST[4..7]`,
];

const IPV6: Draw[] = [
  (r) => `set_field:${r.pick(IPV6_ADDRESSES)}->ipv6_dst`,
  (r) => `set_field:${r.pick(["2001:db8::", "fe80::", "::"])}/ffff:ffff::->ipv6_src`,
  (r) => `set_field:${r.int(0, 0xfffff)}->ipv6_label`,
  (r) => `load:0x${r.int(0, 255).toString(16)}->NXM_NX_IPV6_SRC[120..127]`,
];

const IP: Draw[] = [
  (r) => `mod_nw_tos:${r.pick(TOS_VALUES) & 0xfc}`,
  (r) => `set_field:${r.pick(TOS_VALUES) >> 2}->ip_dscp`,
  (r) => `set_field:${r.int(0, 3)}->nw_ecn`,
  (r) => `mod_nw_ttl:${r.pick([1, 2, 64, 255])}`,
  (r) => `load:0x${r.int(1, 255).toString(16)}->NXM_NX_IP_TTL[]`,
];

const ARP: Draw[] = [
  (r) => `set_field:${r.int(1, 2)}->arp_op`,
  (r) => `set_field:${r.pick(IPV4_ADDRESSES)}->arp_spa`,
  (r) => `set_field:${r.pick(["10.0.1", "10.1.0"])}.0/255.255.255.0->arp_tpa`,
  (r) => `set_field:${r.pick(MACS)}->arp_sha`,
  (r) => `set_field:${r.pick(MACS)}->arp_tha`,
];

const MPLS: Draw[] = [
  (r) => `set_field:${r.pick(MPLS_LABELS)}->mpls_label`,
  (r) => `set_field:${r.int(0, 7)}->mpls_tc`,
  (r) => `load:0x${r.int(0, 255).toString(16)}->OXM_OF_MPLS_LABEL[0..7]`,
];

const ICMP: Draw[] = [
  (r) => `set_field:${r.int(0, 11)}->icmp_type`,
  (r) => `set_field:${r.int(0, 3)}->icmp_code`,
];
const ICMPV6: Draw[] = [
  (r) => `set_field:${r.pick([128, 129, 1])}->icmpv6_type`,
  (r) => `set_field:${r.int(0, 3)}->icmpv6_code`,
];

const DISCOVERY: Draw[] = [(r) => `set_field:${r.pick(IPV6_ADDRESSES)}->nd_target`];

function portDraws(l4: "tcp" | "udp" | "sctp"): Draw[] {
  return [
    (r) => `set_field:${r.pick(L4_PORTS)}->${l4}_src`,
    (r) => `set_field:${r.pick(L4_PORTS)}->${l4}_dst`,
    (r) => `mod_tp_dst:${r.pick(L4_PORTS)}`,
    (r) => `set_field:${r.pick(L4_PORTS) & 0xff}/0xff->${l4}_src`,
    (r) => `load:0x${r.int(0, 15).toString(16)}->OXM_OF_${l4.toUpperCase()}_DST[0..3]`,
  ];
}
