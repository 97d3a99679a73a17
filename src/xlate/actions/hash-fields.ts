// Hashing the packet in translation, for multipath, bundle and select groups: every field that goes
// into a hash is looked at.

import {
  KEY_DL_DST,
  KEY_DL_SRC,
  KEY_IPV6_DST,
  KEY_IPV6_SRC,
  KEY_NW_DST,
  KEY_NW_FRAG,
  KEY_NW_PROTO,
  KEY_NW_SRC,
  KEY_TCI0,
  KEY_TCI1,
  KEY_TP_DST,
  KEY_TP_SRC,
  NW_FRAG_ANY,
  NW_FRAG_LATER,
} from "../../../assembly/layout/flow-key.ts";
import { getBe16, getU8, setBe16 } from "../../odp/flow-key.ts";
import type { HashFields } from "../../openflow/action.ts";
import type { Field } from "../../openflow/field.ts";
import { fieldGet, fieldMaskBits } from "../../openflow/field-value.ts";
import {
  ETH_TYPE_IP,
  ETH_TYPE_IPV6,
  ethTypeOf,
  IP_PROTO_SCTP,
  IP_PROTO_TCP,
  IP_PROTO_UDP,
  isIp,
  prereqMet,
} from "../../openflow/prereq.ts";
import { mixHash } from "../classifier/stages.ts";
import type { Xlate } from "../context.ts";
import type { FlowState } from "../flow-state.ts";

const VID_AND_CFI = 0x1fff;

/** Hashes what `fields` names; symmetric kinds give both directions of a connection one hash. */
export function hashFields(x: Xlate, fields: HashFields, basis: number): number {
  const { state } = x;
  let hash: number;
  switch (fields) {
    case "eth_src":
      hash = mixBytes(state, KEY_DL_SRC, 6, basis);
      break;
    case "symmetric_l4":
      hash = symmetricL4(state, basis);
      break;
    case "symmetric_l3l4":
      hash = symmetricL3L4(state, basis, false);
      break;
    case "symmetric_l3l4+udp":
      hash = symmetricL3L4(state, basis, true);
      break;
    case "nw_src":
      hash = mixAddress(state, KEY_NW_SRC, KEY_IPV6_SRC, basis);
      break;
    case "nw_dst":
      hash = mixAddress(state, KEY_NW_DST, KEY_IPV6_DST, basis);
      break;
    case "symmetric_l3":
      hash = mixAddressPair(state, basis);
      break;
  }
  x.explainer?.note(`hash of ${fields}`);
  return finish(hash);
}

/** Hashes the fields of a select group's `hash` method; those the packet does not have are left out. */
export function hashFieldValues(
  x: Xlate,
  fields: readonly { readonly field: Field; readonly mask: bigint }[],
  basis: number,
): number {
  const { flow, settled } = x.state;
  let hash = basis >>> 0;
  for (const { field, mask } of fields) {
    if (!prereqMet(field.prereq, flow, settled)) continue;
    fieldMaskBits(settled, field, mask);
    let value = fieldGet(flow, field) & mask;
    for (let bits = 0; bits < field.size * 8; bits += 32) {
      hash = mixHash(hash, Number(value & 0xffffffffn));
      value >>= 32n;
    }
  }
  x.explainer?.note("hash of a select group");
  return finish(hash);
}

/** One word into a hash. */
export function hashWord(hash: number, word: number): number {
  return finish(mixHash(hash, word));
}

function finish(hash: number): number {
  let h = hash;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

function mixBytes(state: FlowState, offset: number, size: number, basis: number): number {
  state.look(offset, size);
  let hash = basis >>> 0;
  for (let i = 0; i < size; i += 2) hash = mixHash(hash, getBe16(state.flow, offset + i));
  return hash;
}

/** The exclusive or of two fields, so that their order does not matter. */
function mixPair(state: FlowState, a: number, b: number, size: number, basis: number): number {
  state.look(a, size);
  state.look(b, size);
  let hash = basis >>> 0;
  for (let i = 0; i < size; i += 2) {
    hash = mixHash(hash, getBe16(state.flow, a + i) ^ getBe16(state.flow, b + i));
  }
  return hash;
}

function mixAddress(state: FlowState, ipv4: number, ipv6: number, basis: number): number {
  const type = ethTypeOf(state.flow);
  if (type === ETH_TYPE_IP) return mixBytes(state, ipv4, 4, basis);
  if (type === ETH_TYPE_IPV6) return mixBytes(state, ipv6, 16, basis);
  return basis;
}

function mixAddressPair(state: FlowState, basis: number): number {
  const type = ethTypeOf(state.flow);
  if (type === ETH_TYPE_IP) return mixPair(state, KEY_NW_SRC, KEY_NW_DST, 4, basis);
  if (type === ETH_TYPE_IPV6) return mixPair(state, KEY_IPV6_SRC, KEY_IPV6_DST, 16, basis);
  return basis;
}

/** Addresses of both layers, VLANs, protocol, and the ports of TCP and SCTP. */
function symmetricL4(state: FlowState, basis: number): number {
  const { flow, settled } = state;
  let hash = mixPair(state, KEY_DL_SRC, KEY_DL_DST, 6, basis);
  let vlans = 0;
  for (const tci of [KEY_TCI0, KEY_TCI1]) {
    setBe16(settled, tci, getBe16(settled, tci) | VID_AND_CFI);
    vlans ^= getBe16(flow, tci) & 0xfff;
  }
  hash = mixHash(hash, (ethTypeOf(flow) << 16) | vlans);
  if (!isIp(flow)) return hash;
  hash = mixAddressPair(state, hash);
  state.look(KEY_NW_PROTO, 1);
  const proto = getU8(flow, KEY_NW_PROTO);
  hash = mixHash(hash, proto);
  const later = (getU8(flow, KEY_NW_FRAG) & NW_FRAG_LATER) !== 0;
  if ((proto === IP_PROTO_TCP || proto === IP_PROTO_SCTP) && !later) {
    hash = mixPair(state, KEY_TP_SRC, KEY_TP_DST, 2, hash);
  }
  return hash;
}

function symmetricL3L4(state: FlowState, basis: number, udp: boolean): number {
  const { flow } = state;
  if (!isIp(flow)) return basis;
  let hash = mixAddressPair(state, basis);
  state.look(KEY_NW_PROTO, 1);
  const proto = getU8(flow, KEY_NW_PROTO);
  hash = mixHash(hash, proto);
  const ported = proto === IP_PROTO_TCP || proto === IP_PROTO_SCTP || (udp && proto === IP_PROTO_UDP);
  if (ported && (getU8(flow, KEY_NW_FRAG) & NW_FRAG_ANY) === 0) {
    hash = mixPair(state, KEY_TP_SRC, KEY_TP_DST, 2, hash);
  }
  return hash;
}
