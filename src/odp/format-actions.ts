// Datapath actions in Open vSwitch's syntax: `set(ipv4(ttl=63)),push_vlan(vid=5,pcp=0),2`.

import type { OdpAction, OdpActionType } from "./action.ts";
import { formatMac } from "./address.ts";
import { formatOdpPort, formatTci, type OdpFormatOptions } from "./format.ts";
import { formatLse, formatLseMasked, hex, hex4, masked, Parts } from "./format-parts.ts";

/** Returns a list of actions; `drop` for an empty one. */
export function formatOdpActions(actions: readonly OdpAction[], options: OdpFormatOptions = {}): string {
  return actions.length === 0 ? "drop" : actions.map((action) => formatOdpAction(action, options)).join(",");
}

type Printers = {
  readonly [T in OdpActionType]: (
    action: Extract<OdpAction, { type: T }>,
    options: OdpFormatOptions,
  ) => string;
};

/** EtherType of an ordinary VLAN tag, which is not printed. */
const TPID_DEFAULT = 0x8100;
/** CFI bit of a tci as a value: always set in what is pushed. */
const VLAN_CFI = 0x1000;

const printers: Printers = {
  output: (a, options) => formatOdpPort(a.port, options),
  drop: () => "drop",
  userspace: (a) => {
    const what = a.note === undefined ? `,userdata(${formatCookie(a.cookie)})` : `,${a.note}`;
    return `userspace(pid=0${what})`;
  },
  recirc: (a) => `recirc(${hex(a.recircId)})`,
  trunc: (a) => `trunc(${a.maxLen})`,
  sample: (a, options) => {
    const percent = ((100 * a.probability) / 0xffffffff).toFixed(1);
    return `sample(sample=${percent}%,actions(${formatOdpActions(a.actions, options)}))`;
  },
  clone: (a, options) => `clone(${formatOdpActions(a.actions, options)})`,
  hash: (a) => `hash(${a.algorithm === "symL4" ? "sym_l4" : "l4"}(${a.basis}))`,
  meter: (a) => `meter(${a.meterId})`,
  checkPktLen: (a, options) => {
    const greater = formatOdpActions(a.greater, options);
    const lessEqual = formatOdpActions(a.lessEqual, options);
    return `check_pkt_len(size=${a.pktLen},gt(${greater}),le(${lessEqual}))`;
  },
  pushVlan: (a) => {
    const tpid = a.tpid === TPID_DEFAULT ? "" : `tpid=${hex4(a.tpid)},`;
    return `push_vlan(${tpid}${formatPushedTci(a.tci)})`;
  },
  popVlan: () => "pop_vlan",
  pushMpls: (a) => `push_mpls(${formatLse(a.lse)},eth_type=${hex(a.ethertype)})`,
  popMpls: (a) => `pop_mpls(eth_type=${hex(a.ethertype)})`,
  decTtl: () => "dec_ttl",
  setEth: (a) => {
    const fields = new Parts(false);
    fields.mac("src", a.value.src, a.mask.src);
    fields.mac("dst", a.value.dst, a.mask.dst);
    return `set(eth(${fields.text}))`;
  },
  setVlan: (a) => `set(vlan(${formatTci(a.value | VLAN_CFI, a.mask)}))`,
  setIpv4: (a) => {
    const fields = new Parts(false);
    fields.ipv4("src", a.value.src, a.mask.src);
    fields.ipv4("dst", a.value.dst, a.mask.dst);
    fields.hex("tos", a.value.tos, a.mask.tos, 0xff);
    fields.decimal("ttl", a.value.ttl, a.mask.ttl, 0xff);
    return `set(ipv4(${fields.text}))`;
  },
  setIpv6: (a) => {
    const fields = new Parts(false);
    fields.ipv6("src", a.value.src, a.mask.src);
    fields.ipv6("dst", a.value.dst, a.mask.dst);
    fields.hex("label", a.value.label, a.mask.label, 0xfffff);
    fields.hex("tclass", a.value.tclass, a.mask.tclass, 0xff);
    fields.decimal("hlimit", a.value.hopLimit, a.mask.hopLimit, 0xff);
    return `set(ipv6(${fields.text}))`;
  },
  setPorts: (a) => {
    const fields = new Parts(false);
    fields.decimal("src", a.value.src, a.mask.src, 0xffff);
    fields.decimal("dst", a.value.dst, a.mask.dst, 0xffff);
    return `set(${a.transport}(${fields.text}))`;
  },
  setIcmp: (a) => {
    const fields = new Parts(false);
    fields.decimal("type", a.value.type, a.mask.type, 0xff);
    fields.decimal("code", a.value.code, a.mask.code, 0xff);
    return `set(${a.version === 4 ? "icmp" : "icmpv6"}(${fields.text}))`;
  },
  setArp: (a) => {
    const fields = new Parts(false);
    fields.ipv4("sip", a.value.spa, a.mask.spa);
    fields.ipv4("tip", a.value.tpa, a.mask.tpa);
    fields.decimal("op", a.value.op, a.mask.op, 0xffff);
    fields.mac("sha", a.value.sha, a.mask.sha);
    fields.mac("tha", a.value.tha, a.mask.tha);
    return `set(arp(${fields.text}))`;
  },
  setNd: (a) => {
    const fields = new Parts(false);
    fields.ipv6("target", a.value.target, a.mask.target);
    fields.mac("sll", a.value.sll, a.mask.sll);
    fields.mac("tll", a.value.tll, a.mask.tll);
    return `set(nd(${fields.text}))`;
  },
  setNdExtensions: (a) => {
    const fields = new Parts(false);
    fields.hex("nd_reserved", a.value.reserved, a.mask.reserved, 0xffffffff);
    fields.decimal("nd_options_type", a.value.optionsType, a.mask.optionsType, 0xff);
    return `set(nd_ext(${fields.text}))`;
  },
  setMpls: (a) =>
    `set(mpls(${a.mask === 0xffffffff ? formatLse(a.value) : formatLseMasked(a.value, a.mask)}))`,
  setMark: (a) => `set(skb_mark(${masked(hex(a.value), a.mask, 0xffffffff)}))`,
  setPriority: (a) => `set(skb_priority(${hex(a.value)}))`,
  pushEth: (a) => `push_eth(src=${formatMac(a.src)},dst=${formatMac(a.dst)},eth_type=${hex(a.ethertype)})`,
  popEth: () => "pop_eth",
};

/** Returns one action. */
function formatOdpAction(action: OdpAction, options: OdpFormatOptions = {}): string {
  const print = printers[action.type] as (action: OdpAction, options: OdpFormatOptions) => string;
  return print(action, options);
}

/** Eight bytes, the cookie first: the least that Open vSwitch takes for user data. */
function formatCookie(cookie: number): string {
  return cookie.toString(16).padStart(8, "0").padEnd(16, "0");
}

/** Both parts of a pushed tag are printed, whatever they are. */
function formatPushedTci(tci: number): string {
  return formatTci(tci | VLAN_CFI, 0xffff);
}
