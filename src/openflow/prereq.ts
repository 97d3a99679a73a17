// Whether a packet or a match meets a field's prerequisites (OpenFlow 1.3 section 7.2.3.6, with Open
// vSwitch's reading of it). On a packet the bits that decide are marked in the translation's mask; the
// bits that every mask holds anyway (eth_type, packet_type, nw_frag) are not.

import {
  KEY_CT_STATE,
  KEY_ETH_TYPE,
  KEY_NW_FRAG,
  KEY_NW_PROTO,
  KEY_PACKET_TYPE,
  KEY_TCI0,
  KEY_TP_DST,
  KEY_TP_SRC,
  NW_FRAG_LATER,
  TCI_PRESENT,
} from "../../assembly/layout/flow-key.ts";
import { getBe16, getBe32, getLe16, getLe32, getU8, setLe16, setLe32, setU8 } from "../odp/flow-key.ts";
import type { Prereq } from "./field-kind.ts";

export const ETH_TYPE_IP = 0x0800;
export const ETH_TYPE_ARP = 0x0806;
export const ETH_TYPE_RARP = 0x8035;
export const ETH_TYPE_VLAN_8021Q = 0x8100;
const ETH_TYPE_VLAN_8021AD = 0x88a8;
export const ETH_TYPE_IPV6 = 0x86dd;
export const ETH_TYPE_MPLS = 0x8847;
export const ETH_TYPE_MPLS_MCAST = 0x8848;
export const ETH_TYPE_NSH = 0x894f;

export const IP_PROTO_ICMP = 1;
export const IP_PROTO_IGMP = 2;
export const IP_PROTO_TCP = 6;
export const IP_PROTO_UDP = 17;
export const IP_PROTO_ICMPV6 = 58;
export const IP_PROTO_SCTP = 132;

export const ND_SOLICIT = 135;
export const ND_ADVERT = 136;

/** Bits of ct_state. */
const CT_NEW = 0x01;
const CT_ESTABLISHED = 0x02;
const CT_RELATED = 0x04;
const CT_REPLY = 0x08;
const CT_INVALID = 0x10;
const CT_TRACKED = 0x20;
const CT_SRC_NAT = 0x40;
const CT_DST_NAT = 0x80;

/** Packet type namespace whose types are EtherTypes (OpenFlow 1.5 OFPHTN_ETHERTYPE). */
const PT_NAMESPACE_ETHERTYPE = 1;

/** Returns the EtherType of a packet: of its frame, or of its packet_type where it has no frame. */
export function ethTypeOf(words: Uint32Array): number {
  const packetType = getBe32(words, KEY_PACKET_TYPE);
  if (packetType === 0) return getBe16(words, KEY_ETH_TYPE);
  return packetType >>> 16 === PT_NAMESPACE_ETHERTYPE ? packetType & 0xffff : 0;
}

/** Returns whether an EtherType is one of MPLS's. */
export function isMplsType(ethType: number): boolean {
  return ethType === ETH_TYPE_MPLS || ethType === ETH_TYPE_MPLS_MCAST;
}

/** Returns whether an EtherType is one of VLAN's. */
export function isVlanType(ethType: number): boolean {
  return ethType === ETH_TYPE_VLAN_8021Q || ethType === ETH_TYPE_VLAN_8021AD;
}

/** Returns whether a match whose values and mask these are meets `prereq`. */
export function prereqMetByMatch(prereq: Prereq, words: Uint32Array, mask: Uint32Array): boolean {
  return prereq === "ct" ? isTrackedMatch(words, mask) : prereqMet(prereq, words);
}

/**
 * Returns whether the packet whose flow is `words` meets `prereq`. `wc`, if given, gets the bits that
 * were looked at beyond those in every mask.
 */
export function prereqMet(prereq: Prereq, words: Uint32Array, wc?: Uint32Array): boolean {
  switch (prereq) {
    case "none":
      return true;
    case "ethernet":
      return getBe32(words, KEY_PACKET_TYPE) === 0;
    case "vlan":
      return isVlan(words, wc);
    case "mpls":
      return isMplsType(ethTypeOf(words));
    case "arp": {
      const type = ethTypeOf(words);
      return type === ETH_TYPE_ARP || type === ETH_TYPE_RARP;
    }
    case "ipv4":
      return ethTypeOf(words) === ETH_TYPE_IP;
    case "ipv6":
      return ethTypeOf(words) === ETH_TYPE_IPV6;
    case "ip":
      return isIp(words);
    case "ct":
      return isTracked(words, wc);
    default:
      return transportMet(prereq, words, wc);
  }
}

/** The prerequisites about what IP carries. */
function transportMet(prereq: Prereq, words: Uint32Array, wc: Uint32Array | undefined): boolean {
  switch (prereq) {
    case "tcp":
      return isIpProto(words, wc, IP_PROTO_TCP) && !isLaterFragment(words);
    case "udp":
      return isIpProto(words, wc, IP_PROTO_UDP) && !isLaterFragment(words);
    case "sctp":
      return isIpProto(words, wc, IP_PROTO_SCTP) && !isLaterFragment(words);
    case "icmpv4":
      return ethTypeOf(words) === ETH_TYPE_IP && isProto(words, wc, IP_PROTO_ICMP);
    case "icmpv6":
      return ethTypeOf(words) === ETH_TYPE_IPV6 && isProto(words, wc, IP_PROTO_ICMPV6);
    case "nd":
      return isNd(words, wc);
    case "ndSolicit":
      return isNd(words, wc) && getBe16(words, KEY_TP_SRC) === ND_SOLICIT;
    case "ndAdvert":
      return isNd(words, wc) && getBe16(words, KEY_TP_SRC) === ND_ADVERT;
    default:
      throw new RangeError(`no prerequisite is called ${prereq}`);
  }
}

/** Returns whether the packet is IPv4 or IPv6. */
export function isIp(words: Uint32Array): boolean {
  const type = ethTypeOf(words);
  return type === ETH_TYPE_IP || type === ETH_TYPE_IPV6;
}

/** Returns whether the packet is an IP fragment other than the first. */
export function isLaterFragment(words: Uint32Array): boolean {
  return (getU8(words, KEY_NW_FRAG) & NW_FRAG_LATER) !== 0;
}

/** Returns whether the packet is a neighbour solicitation or advertisement. */
export function isNd(words: Uint32Array, wc?: Uint32Array): boolean {
  if (ethTypeOf(words) !== ETH_TYPE_IPV6 || !isProto(words, wc, IP_PROTO_ICMPV6)) return false;
  if (wc) setLe16(wc, KEY_TP_DST, 0xffff);
  if (getBe16(words, KEY_TP_DST) !== 0) return false;
  if (wc) setLe16(wc, KEY_TP_SRC, 0xffff);
  const type = getBe16(words, KEY_TP_SRC);
  return type === ND_SOLICIT || type === ND_ADVERT;
}

function isVlan(words: Uint32Array, wc: Uint32Array | undefined): boolean {
  if (getBe32(words, KEY_PACKET_TYPE) !== 0) return false;
  if (wc) setLe16(wc, KEY_TCI0, getLe16(wc, KEY_TCI0) | TCI_PRESENT);
  return (getLe16(words, KEY_TCI0) & TCI_PRESENT) !== 0;
}

function isIpProto(words: Uint32Array, wc: Uint32Array | undefined, proto: number): boolean {
  return isIp(words) && isProto(words, wc, proto);
}

function isProto(words: Uint32Array, wc: Uint32Array | undefined, proto: number): boolean {
  if (wc) setU8(wc, KEY_NW_PROTO, 0xff);
  return getU8(words, KEY_NW_PROTO) === proto;
}

/** A tracked packet that belongs to a connection has one of these bits. */
function isTracked(words: Uint32Array, wc: Uint32Array | undefined): boolean {
  const valid = CT_NEW | CT_ESTABLISHED | CT_REPLY;
  if (wc) setLe32(wc, KEY_CT_STATE, (getLe32(wc, KEY_CT_STATE) | valid) >>> 0);
  return (getLe32(words, KEY_CT_STATE) & valid) !== 0;
}

/** A match has to name a bit that only a tracked packet of a connection has, or rule the others out. */
function isTrackedMatch(words: Uint32Array, mask: Uint32Array): boolean {
  const implied = CT_NEW | CT_ESTABLISHED | CT_RELATED | CT_REPLY | CT_SRC_NAT | CT_DST_NAT;
  const state = getLe32(words, KEY_CT_STATE);
  if ((state & implied) !== 0) return true;
  const ruledOut = (getLe32(mask, KEY_CT_STATE) & CT_INVALID) !== 0 && (state & CT_INVALID) === 0;
  return (state & CT_TRACKED) !== 0 && ruledOut;
}
