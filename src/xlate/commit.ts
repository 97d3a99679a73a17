// Commits pending header changes: emits the datapath actions that turn the datapath's packet (`base`)
// into what the pipeline sees (`flow`), just before something makes the difference visible.
//
// Order and conditions follow Open vSwitch's commit_odp_actions(). Unlike there, a field that was
// written without having been looked at is set whatever the packet holds, which keeps the megaflow wide;
// a field that was looked at, or set before, is only set where its value really changes.

import {
  KEY_ARP_SHA,
  KEY_ARP_THA,
  KEY_DL_DST,
  KEY_DL_SRC,
  KEY_IPV6_DST,
  KEY_IPV6_LABEL,
  KEY_IPV6_SRC,
  KEY_ND_OPTIONS_TYPE,
  KEY_ND_RESERVED,
  KEY_ND_TARGET,
  KEY_NW_DST,
  KEY_NW_PROTO,
  KEY_NW_SRC,
  KEY_NW_TOS,
  KEY_NW_TTL,
  KEY_PKT_MARK,
  KEY_SKB_PRIORITY,
  KEY_TP_DST,
  KEY_TP_SRC,
} from "../../assembly/layout/flow-key.ts";
import type { OdpAction, Transport } from "../odp/action.ts";
import { getBe16, getBe32, getBe128, getLe32, getU8, setU8 } from "../odp/flow-key.ts";
import {
  ETH_TYPE_ARP,
  ETH_TYPE_IP,
  ETH_TYPE_IPV6,
  ethTypeOf,
  IP_PROTO_ICMP,
  IP_PROTO_ICMPV6,
  IP_PROTO_SCTP,
  IP_PROTO_TCP,
  IP_PROTO_UDP,
  isMplsType,
} from "../openflow/prereq.ts";
import { setMask, takeField } from "./commit-field.ts";
import { commitMpls } from "./commit-mpls.ts";
import { commitVlan } from "./commit-vlan.ts";
import type { FlowState } from "./flow-state.ts";

const TTL_WORD = KEY_NW_TTL >>> 2;
/** The TOS and TTL bytes of their word. */
const TOS_AND_TTL = ((0xff << ((KEY_NW_TOS & 3) * 8)) | (0xff << ((KEY_NW_TTL & 3) * 8))) >>> 0;
/** Words of layer 3 and 4 that actions can write. */
const NETWORK_WORDS = [
  ...[KEY_NW_TTL, KEY_NW_SRC, KEY_NW_DST, KEY_TP_SRC, KEY_IPV6_LABEL, KEY_ND_RESERVED, KEY_ND_OPTIONS_TYPE],
  ...[0, 4, 8, 12].flatMap((at) => [KEY_IPV6_SRC + at, KEY_IPV6_DST + at, KEY_ND_TARGET + at]),
  ...[0, 4, 8].map((at) => KEY_ARP_SHA + at),
].map((offset) => offset >>> 2);

/** Appends to `out` what makes the datapath's packet equal to the flow. */
export function commitActions(state: FlowState, out: OdpAction[]): void {
  state.settle();
  if (!state.dirty) return;
  commitEthernet(state, out);
  const poppedMpls = isMplsType(ethTypeOf(state.base)) && !isMplsType(ethTypeOf(state.flow));
  if (poppedMpls) commitMpls(state, out);
  commitNetwork(state, out);
  if (!poppedMpls) commitMpls(state, out);
  commitVlan(state, out);
  commitMetadata(state, out);
  state.dirty = false;
}

function maskBe(offset: number, size: number): bigint {
  return readBig(setMask, offset, size);
}

function valueBe(state: FlowState, offset: number, size: number): bigint {
  return readBig(state.flow, offset, size) & maskBe(offset, size);
}

/** A MAC address (6 bytes) or an IPv6 address (16) as a number. */
function readBig(words: Uint32Array, offset: number, size: number): bigint {
  if (size === 16) return getBe128(words, offset);
  const high = getBe16(words, offset) * 0x100000000;
  return BigInt(high + getBe16(words, offset + 2) * 0x10000 + getBe16(words, offset + 4));
}

function value32(state: FlowState, offset: number): number {
  return (getBe32(state.flow, offset) & getBe32(setMask, offset)) >>> 0;
}

function value8(state: FlowState, offset: number): number {
  return getU8(state.flow, offset) & getU8(setMask, offset);
}

function commitEthernet(state: FlowState, out: OdpAction[]): void {
  const src = takeField(state, KEY_DL_SRC, 6);
  const dst = takeField(state, KEY_DL_DST, 6);
  if (!src && !dst) return;
  out.push({
    type: "setEth",
    value: { src: valueBe(state, KEY_DL_SRC, 6), dst: valueBe(state, KEY_DL_DST, 6) },
    mask: { src: maskBe(KEY_DL_SRC, 6), dst: maskBe(KEY_DL_DST, 6) },
  });
}

/** Layer 3 and up: nothing while the headers are hidden behind MPLS labels that were pushed. */
function commitNetwork(state: FlowState, out: OdpAction[]): void {
  const ethType = ethTypeOf(state.flow);
  if (ethType !== ethTypeOf(state.base)) return;
  if (ethType !== ETH_TYPE_ARP && networkTouched(state)) lookWhetherZero(state);
  if (getU8(state.settled, KEY_NW_PROTO) === 0xff && getU8(state.flow, KEY_NW_PROTO) === 0) return;
  switch (ethType) {
    case ETH_TYPE_IP:
      commitIpv4(state, out);
      commitTransport(state, out, 4);
      break;
    case ETH_TYPE_IPV6:
      commitIpv6(state, out);
      commitNeighbour(state, out);
      commitTransport(state, out, 6);
      break;
    case ETH_TYPE_ARP:
      commitArp(state, out);
      break;
    default:
  }
}

/** Looks at the protocol as far as shows whether it is 0: its low bits do, for nearly all in use. */
function lookWhetherZero(state: FlowState): void {
  const proto = getU8(state.flow, KEY_NW_PROTO);
  const settled = getU8(state.settled, KEY_NW_PROTO);
  if ((proto & settled) !== 0) return;
  setU8(state.settled, KEY_NW_PROTO, settled | ((proto & 3) !== 0 ? 3 : 0xff));
  state.settleWord(KEY_NW_PROTO >>> 2);
}

/**
 * Whether an action wrote to layer 3 or 4. Open vSwitch then looks at the protocol: it leaves packets of
 * protocol 0 as they are.
 */
function networkTouched(state: FlowState): boolean {
  if (state.ttlSteps !== 0) return true;
  for (let i = 0; i < NETWORK_WORDS.length; i++) {
    const word = NETWORK_WORDS[i] as number;
    const bits = word === TTL_WORD ? TOS_AND_TTL : 0xffffffff;
    if ((((state.known[word] as number) | (state.baseSet[word] as number)) & bits) !== 0) return true;
  }
  return false;
}

function commitIpv4(state: FlowState, out: OdpAction[]): void {
  const ttl = commitTtl(state, out);
  const src = takeField(state, KEY_NW_SRC, 4);
  const dst = takeField(state, KEY_NW_DST, 4);
  const tos = takeField(state, KEY_NW_TOS, 1);
  if (!src && !dst && !tos && !ttl) return;
  out.push({
    type: "setIpv4",
    value: {
      src: value32(state, KEY_NW_SRC),
      dst: value32(state, KEY_NW_DST),
      tos: value8(state, KEY_NW_TOS),
      ttl: ttl ? value8(state, KEY_NW_TTL) : 0,
    },
    mask: {
      src: getBe32(setMask, KEY_NW_SRC),
      dst: getBe32(setMask, KEY_NW_DST),
      tos: getU8(setMask, KEY_NW_TOS),
      ttl: ttl ? getU8(setMask, KEY_NW_TTL) : 0,
    },
  });
}

function commitIpv6(state: FlowState, out: OdpAction[]): void {
  const ttl = commitTtl(state, out);
  const src = takeField(state, KEY_IPV6_SRC, 16);
  const dst = takeField(state, KEY_IPV6_DST, 16);
  const label = takeField(state, KEY_IPV6_LABEL, 4);
  const tclass = takeField(state, KEY_NW_TOS, 1);
  if (!src && !dst && !label && !tclass && !ttl) return;
  out.push({
    type: "setIpv6",
    value: {
      src: valueBe(state, KEY_IPV6_SRC, 16),
      dst: valueBe(state, KEY_IPV6_DST, 16),
      label: value32(state, KEY_IPV6_LABEL) & 0xfffff,
      tclass: value8(state, KEY_NW_TOS),
      hopLimit: ttl ? value8(state, KEY_NW_TTL) : 0,
    },
    mask: {
      src: maskBe(KEY_IPV6_SRC, 16),
      dst: maskBe(KEY_IPV6_DST, 16),
      label: getBe32(setMask, KEY_IPV6_LABEL) & 0xfffff,
      tclass: getU8(setMask, KEY_NW_TOS),
      hopLimit: ttl ? getU8(setMask, KEY_NW_TTL) : 0,
    },
  });
}

/** Emits a pending decrement of the TTL; returns whether the TTL has to be set to a value instead. */
function commitTtl(state: FlowState, out: OdpAction[]): boolean {
  if (state.ttlSteps === 1 && state.baseTtlSteps === 1) return false;
  if (state.ttlSteps === 1 && getU8(state.baseSet, KEY_NW_TTL) === 0) {
    out.push({ type: "decTtl" });
    setU8(state.base, KEY_NW_TTL, getU8(state.flow, KEY_NW_TTL));
    setU8(state.baseSet, KEY_NW_TTL, 0xff);
    state.baseTtlSteps = 1;
    return false;
  }
  if (state.ttlSteps === 1) state.lookAtTtl();
  if (state.baseTtlSteps === 1 && !state.isKnown(KEY_NW_TTL, 1)) {
    state.lookAtTtl();
    state.settleWord(TTL_WORD);
  }
  const set = takeField(state, KEY_NW_TTL, 1);
  if (set) state.baseTtlSteps = 0;
  return set;
}

function commitTransport(state: FlowState, out: OdpAction[], version: 4 | 6): void {
  const src = takeField(state, KEY_TP_SRC, 2);
  const dst = takeField(state, KEY_TP_DST, 2);
  if (!src && !dst) return;
  const proto = getU8(state.flow, KEY_NW_PROTO);
  state.look(KEY_NW_PROTO, 1);
  state.settleWord(KEY_NW_PROTO >>> 2);
  const value = {
    src: getBe16(state.flow, KEY_TP_SRC) & getBe16(setMask, KEY_TP_SRC),
    dst: getBe16(state.flow, KEY_TP_DST) & getBe16(setMask, KEY_TP_DST),
  };
  const mask = { src: getBe16(setMask, KEY_TP_SRC), dst: getBe16(setMask, KEY_TP_DST) };
  const transport = transportOf(proto);
  if (transport !== undefined) {
    out.push({ type: "setPorts", transport, value, mask });
  } else if (proto === (version === 4 ? IP_PROTO_ICMP : IP_PROTO_ICMPV6)) {
    out.push({
      type: "setIcmp",
      version,
      value: { type: value.src & 0xff, code: value.dst & 0xff },
      mask: { type: mask.src & 0xff, code: mask.dst & 0xff },
    });
  }
}

function transportOf(proto: number): Transport | undefined {
  if (proto === IP_PROTO_TCP) return "tcp";
  if (proto === IP_PROTO_UDP) return "udp";
  return proto === IP_PROTO_SCTP ? "sctp" : undefined;
}

function commitArp(state: FlowState, out: OdpAction[]): void {
  const op = takeField(state, KEY_NW_PROTO, 1);
  const spa = takeField(state, KEY_NW_SRC, 4);
  const tpa = takeField(state, KEY_NW_DST, 4);
  const sha = takeField(state, KEY_ARP_SHA, 6);
  const tha = takeField(state, KEY_ARP_THA, 6);
  if (!op && !spa && !tpa && !sha && !tha) return;
  if (!op) {
    // An operation of 0 stands for one over 255 or a packet cut short, which Open vSwitch leaves alone.
    state.look(KEY_NW_PROTO, 1);
    state.settleWord(KEY_NW_PROTO >>> 2);
    if (getU8(state.flow, KEY_NW_PROTO) === 0) return;
  }
  out.push({
    type: "setArp",
    value: {
      op: value8(state, KEY_NW_PROTO),
      spa: value32(state, KEY_NW_SRC),
      tpa: value32(state, KEY_NW_DST),
      sha: valueBe(state, KEY_ARP_SHA, 6),
      tha: valueBe(state, KEY_ARP_THA, 6),
    },
    mask: {
      op: op ? 0xffff : 0,
      spa: getBe32(setMask, KEY_NW_SRC),
      tpa: getBe32(setMask, KEY_NW_DST),
      sha: maskBe(KEY_ARP_SHA, 6),
      tha: maskBe(KEY_ARP_THA, 6),
    },
  });
}

/** Neighbour discovery; its actions' prerequisites have looked at protocol, type and code. */
function commitNeighbour(state: FlowState, out: OdpAction[]): void {
  const reserved = takeField(state, KEY_ND_RESERVED, 4);
  const options = takeField(state, KEY_ND_OPTIONS_TYPE, 1);
  if (reserved || options) {
    out.push({
      type: "setNdExtensions",
      value: {
        reserved: value32(state, KEY_ND_RESERVED),
        optionsType: value8(state, KEY_ND_OPTIONS_TYPE),
      },
      mask: {
        reserved: getBe32(setMask, KEY_ND_RESERVED),
        optionsType: getU8(setMask, KEY_ND_OPTIONS_TYPE),
      },
    });
  }
  const target = takeField(state, KEY_ND_TARGET, 16);
  const sll = takeField(state, KEY_ARP_SHA, 6);
  const tll = takeField(state, KEY_ARP_THA, 6);
  if (!target && !sll && !tll) return;
  out.push({
    type: "setNd",
    value: {
      target: valueBe(state, KEY_ND_TARGET, 16),
      sll: valueBe(state, KEY_ARP_SHA, 6),
      tll: valueBe(state, KEY_ARP_THA, 6),
    },
    mask: {
      target: maskBe(KEY_ND_TARGET, 16),
      sll: maskBe(KEY_ARP_SHA, 6),
      tll: maskBe(KEY_ARP_THA, 6),
    },
  });
}

function commitMetadata(state: FlowState, out: OdpAction[]): void {
  if (takeField(state, KEY_SKB_PRIORITY, 4)) {
    out.push({ type: "setPriority", value: getLe32(state.flow, KEY_SKB_PRIORITY) });
  }
  if (takeField(state, KEY_PKT_MARK, 4)) {
    const mask = getLe32(setMask, KEY_PKT_MARK);
    const value = (getLe32(state.flow, KEY_PKT_MARK) & mask) >>> 0;
    out.push({ type: "setMark", value, mask });
  }
}
