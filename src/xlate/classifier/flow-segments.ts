// Which bits of a flow belong to which stage of a staged lookup: metadata, layer 2, layer 3, layer 4.
//
// The stages are Open vSwitch's (include/openvswitch/flow.h, FLOW_SEGMENT_*). Our key packs fields by
// use, not by layer, so a stage is a mask over the flow's words instead of a range of them.

import {
  KEY_ARP_SHA,
  KEY_CT_IPV6_DST,
  KEY_CT_IPV6_SRC,
  KEY_CT_NW_DST,
  KEY_CT_NW_SRC,
  KEY_CT_TP_DST,
  KEY_CT_TP_SRC,
  KEY_DL_DST,
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
  KEY_NW_PROTO,
  KEY_NW_SRC,
  KEY_TCI0,
  KEY_TCP_FLAGS,
  KEY_TP_DST,
  KEY_TP_SRC,
  KEY_TPID0,
} from "../../../assembly/layout/flow-key.ts";
import { FLOW_WORD_COUNT } from "../../openflow/flow-layout.ts";

/** Stages of a lookup, in the order they are tried. */
export const SEGMENT_COUNT = 4;

type Range = readonly [offset: number, size: number];

const LAYER_2: readonly Range[] = [
  [KEY_ETH_TYPE, 2],
  [KEY_TCI0, 2],
  [KEY_TPID0, 2],
  [KEY_DL_DST, 16],
  [KEY_MPLS0, 12],
];

const LAYER_3: readonly Range[] = [
  [KEY_NW_PROTO, 4],
  [KEY_NW_SRC, 4],
  [KEY_NW_DST, 4],
  [KEY_IPV6_SRC, 16],
  [KEY_IPV6_DST, 16],
  [KEY_IPV6_LABEL, 4],
  [KEY_IPV6_EXTHDR, 2],
  [KEY_CT_NW_SRC, 4],
  [KEY_CT_NW_DST, 4],
  [KEY_CT_IPV6_SRC, 16],
  [KEY_CT_IPV6_DST, 16],
];

const LAYER_4: readonly Range[] = [
  [KEY_ARP_SHA, 12],
  [KEY_ND_TARGET, 16],
  [KEY_ND_RESERVED, 4],
  [KEY_ND_OPTIONS_TYPE, 1],
  [KEY_TCP_FLAGS, 2],
  [KEY_TP_SRC, 2],
  [KEY_TP_DST, 2],
  [KEY_CT_TP_SRC, 2],
  [KEY_CT_TP_DST, 2],
];

/** One mask a stage; together they cover every bit of a flow once. */
export const SEGMENT_MASKS: readonly Uint32Array[] = buildSegments();

/** A field that prefixes are indexed on. */
export interface PrefixField {
  readonly name: string;
  /** First word of the field in a flow. */
  readonly word: number;
  /** Words of the field. */
  readonly words: number;
  /** Stage the field belongs to. */
  readonly segment: number;
}

/** Fields with a prefix trie in every classifier. */
export const PREFIX_FIELDS: readonly PrefixField[] = [
  { name: "nw_dst", word: KEY_NW_DST / 4, words: 1, segment: 2 },
  { name: "nw_src", word: KEY_NW_SRC / 4, words: 1, segment: 2 },
  { name: "ipv6_dst", word: KEY_IPV6_DST / 4, words: 4, segment: 2 },
  { name: "ipv6_src", word: KEY_IPV6_SRC / 4, words: 4, segment: 2 },
];

/** The word that holds both transport ports, the source first. */
export const PORTS_WORD = KEY_TP_SRC / 4;

const ETH_TYPE_WORD = KEY_ETH_TYPE / 4;

/** Whether a flow's EtherType (as loaded from its first word) gives a prefix field its meaning. */
export function hasPrefixField(flow: Uint32Array, field: PrefixField): boolean {
  const ethType = (flow[ETH_TYPE_WORD] as number) & 0xffff;
  if (field.words === 4) return ethType === 0xdd86;
  return ethType === 0x0008 || ethType === 0x0608 || ethType === 0x3580;
}

function buildSegments(): Uint32Array[] {
  const masks = Array.from({ length: SEGMENT_COUNT }, () => new Uint32Array(FLOW_WORD_COUNT));
  const metadata = new Uint8Array((masks[0] as Uint32Array).buffer).fill(0xff);
  for (const [segment, ranges] of [LAYER_2, LAYER_3, LAYER_4].entries()) {
    const bytes = new Uint8Array((masks[segment + 1] as Uint32Array).buffer);
    for (const [offset, size] of ranges) {
      bytes.fill(0xff, offset, offset + size);
      metadata.fill(0, offset, offset + size);
    }
  }
  return masks;
}
