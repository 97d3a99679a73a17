// The last touches on a megaflow's mask: some bits that cannot vary, given the shape of the packet, go
// out; and the bits of an exact-match mask.

import {
  KEY_ARP_SHA,
  KEY_CT_STATE,
  KEY_DL_DST,
  KEY_ETH_TYPE,
  KEY_IN_PORT,
  KEY_IPV6_EXTHDR,
  KEY_IPV6_LABEL,
  KEY_IPV6_SRC,
  KEY_MPLS0,
  KEY_ND_OPTIONS_TYPE,
  KEY_ND_RESERVED,
  KEY_ND_TARGET,
  KEY_NW_FRAG,
  KEY_NW_PROTO,
  KEY_NW_SRC,
  KEY_PKT_MARK,
  KEY_SIZE,
  KEY_TCI0,
  KEY_TCI1,
  KEY_TCP_FLAGS,
  KEY_TP_SRC,
  KEY_TPID0,
  KEY_TPID1,
  KEY_WORD_COUNT,
  NW_FRAG_LATER,
  TCI_PRESENT,
} from "../../assembly/layout/flow-key.ts";
import { MPLS_MAX } from "../../assembly/layout/limits.ts";
import { type FlowKey, getBe16, getLe16, getU8, setLe16 } from "../odp/flow-key.ts";
import {
  ETH_TYPE_ARP,
  ETH_TYPE_IP,
  ETH_TYPE_IPV6,
  ETH_TYPE_RARP,
  IP_PROTO_ICMP,
  IP_PROTO_ICMPV6,
  IP_PROTO_IGMP,
  IP_PROTO_SCTP,
  IP_PROTO_TCP,
  IP_PROTO_UDP,
  isMplsType,
} from "../openflow/prereq.ts";

type Range = readonly [offset: number, size: number];

/** Metadata and layer 2: every packet has them. */
const COMMON: readonly Range[] = [
  [KEY_IN_PORT, 16 - 4],
  [KEY_TPID0, 2],
  [KEY_DL_DST, 16],
  [KEY_PKT_MARK, 16],
  [KEY_CT_STATE, KEY_IPV6_EXTHDR - KEY_CT_STATE],
  [KEY_ND_OPTIONS_TYPE + 2, KEY_SIZE - KEY_ND_OPTIONS_TYPE - 2],
];
const IP_COMMON: readonly Range[] = [
  [KEY_NW_PROTO, 4],
  [KEY_TP_SRC, 6],
];

/** Bits that a packet of an EtherType can have at all. */
const SHAPES = {
  other: shape([]),
  mpls: shape([[KEY_MPLS0, 12]]),
  arp: shape([
    [KEY_NW_PROTO, 1],
    [KEY_NW_SRC, 8],
    [KEY_ARP_SHA, 12],
  ]),
  ipv4: shape([...IP_COMMON, [KEY_NW_SRC, 8], [KEY_ND_RESERVED, 4]]),
  ipv6: shape([
    ...IP_COMMON,
    [KEY_IPV6_SRC, 32],
    [KEY_IPV6_LABEL, 4],
    [KEY_IPV6_EXTHDR, 3],
    [KEY_ARP_SHA, 12],
    [KEY_ND_TARGET, 16],
    [KEY_ND_RESERVED, 4],
  ]),
};

/** Protocols whose packets have something in the key's port fields. */
const PORTED: ReadonlySet<number> = new Set([
  IP_PROTO_ICMP,
  IP_PROTO_IGMP,
  IP_PROTO_TCP,
  IP_PROTO_UDP,
  IP_PROTO_SCTP,
  IP_PROTO_ICMPV6,
]);

/**
 * Takes bits out of a finished mask that the packet's shape implies, where that saves the datapath a lane
 * or is what Open vSwitch does. Others stay: they cost no width, and packets of different shapes share
 * more masks with them than without.
 */
export function trimMask(mask: Uint32Array, key: FlowKey): void {
  const ethType = getBe16(key, KEY_ETH_TYPE);
  if (!isMplsType(ethType)) mask.fill(0, KEY_MPLS0 >>> 2, (KEY_MPLS0 >>> 2) + MPLS_MAX);
  const ports = KEY_TP_SRC >>> 2;
  const later = (getU8(key, KEY_NW_FRAG) & NW_FRAG_LATER) !== 0;
  const icmp = ethType === ETH_TYPE_IP ? IP_PROTO_ICMP : IP_PROTO_ICMPV6;
  if (later) mask[ports] = 0;
  else if (getU8(key, KEY_NW_PROTO) === icmp) mask[ports] = ((mask[ports] as number) & ICMP_BITS) >>> 0;
}

/** Type and code: the low byte of either port. */
const ICMP_BITS = 0xff00ff00;

/** The mask of a megaflow that only packets with the very same headers match. */
export function exactMask(key: FlowKey): Uint32Array {
  const mask = shapeOf(key).slice();
  for (let i = 0; i < EXACT_UNUSED.length; i++) {
    mask[i] = ((mask[i] as number) & ~(EXACT_UNUSED[i] as number)) >>> 0;
  }
  trimTag(mask, key, KEY_TCI0, KEY_TPID0);
  trimTag(mask, key, KEY_TCI1, KEY_TPID1);
  if ((getLe16(key, KEY_TCI0) & TCI_PRESENT) === 0) setLe16(mask, KEY_TCI1, 0);
  const later = (getU8(key, KEY_NW_FRAG) & NW_FRAG_LATER) !== 0;
  const proto = getU8(key, KEY_NW_PROTO);
  if (later || !PORTED.has(proto)) mask[KEY_TP_SRC >>> 2] = 0;
  if (later || proto !== IP_PROTO_TCP) setLe16(mask, KEY_TCP_FLAGS, 0);
  return mask;
}

/** Every bit that extraction fills, whatever the packet: the mask that widens all others. */
export function everythingMask(): Uint32Array {
  const mask = new Uint32Array(KEY_WORD_COUNT);
  for (const shape of Object.values(SHAPES)) {
    for (let i = 0; i < mask.length; i++) {
      mask[i] = ((mask[i] as number) | ((shape[i] as number) & ~(EXACT_UNUSED[i] as number))) >>> 0;
    }
  }
  return mask;
}

/** A tag that is not there is known not to be there by one bit. */
function trimTag(mask: Uint32Array, key: FlowKey, tci: number, tpid: number): void {
  if ((getLe16(key, tci) & TCI_PRESENT) !== 0) return;
  setLe16(mask, tci, getLe16(mask, tci) & TCI_PRESENT);
  setLe16(mask, tpid, 0);
}

/** Fields that only the datapath's other features fill. */
const EXACT_UNUSED = ranges([
  [KEY_CT_STATE, KEY_IPV6_EXTHDR - KEY_CT_STATE],
  [KEY_ND_OPTIONS_TYPE + 2, KEY_SIZE - KEY_ND_OPTIONS_TYPE - 2],
]);

function shapeOf(key: FlowKey): Uint32Array {
  const type = getBe16(key, KEY_ETH_TYPE);
  if (type === ETH_TYPE_IP) return SHAPES.ipv4;
  if (type === ETH_TYPE_IPV6) return SHAPES.ipv6;
  if (type === ETH_TYPE_ARP || type === ETH_TYPE_RARP) return SHAPES.arp;
  return isMplsType(type) ? SHAPES.mpls : SHAPES.other;
}

function shape(own: readonly Range[]): Uint32Array {
  return ranges([...COMMON, ...own]);
}

function ranges(list: readonly Range[]): Uint32Array {
  const mask = new Uint32Array(KEY_WORD_COUNT);
  const bytes = new Uint8Array(mask.buffer);
  for (const [offset, size] of list) bytes.fill(0xff, offset, offset + size);
  return mask;
}
