// Datapath flows in text, as format.ts prints them, back to key and mask.

import {
  KEY_ARP_SHA,
  KEY_ARP_THA,
  KEY_CT_LABEL,
  KEY_CT_MARK,
  KEY_CT_STATE,
  KEY_CT_ZONE,
  KEY_DL_DST,
  KEY_DL_SRC,
  KEY_DP_HASH,
  KEY_ETH_TYPE,
  KEY_IN_PORT,
  KEY_IPV6_DST,
  KEY_IPV6_LABEL,
  KEY_IPV6_SRC,
  KEY_MPLS0,
  KEY_ND_OPTIONS_TYPE,
  KEY_ND_RESERVED,
  KEY_ND_SLL,
  KEY_ND_TARGET,
  KEY_ND_TLL,
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
  KEY_TCI1,
  KEY_TCP_FLAGS,
  KEY_TP_DST,
  KEY_TP_SRC,
  KEY_TPID0,
  KEY_TPID1,
  KEY_TUN_DST,
  KEY_TUN_ID,
  KEY_TUN_SRC,
} from "../../assembly/layout/flow-key.ts";
import { MPLS_MAX } from "../../assembly/layout/limits.ts";
import { OdpSyntaxError } from "../errors.ts";
import {
  type Attribute,
  badValue,
  type OdpField,
  splitAttributes,
  splitFields,
  unknownName,
} from "./attribute.ts";
import { CT_STATE_NAMES, type FlagNames, parseFlags, TCP_FLAG_NAMES } from "./flags.ts";
import { type FlowKey, flowKeyCreate, setBe, setBe16, setBe32, setLe16, setLe32, setU8 } from "./flow-key.ts";
import {
  bareField,
  parseBigint,
  parseIpv4Field,
  parseIpv6Field,
  parseMacField,
  parseNumber,
} from "./parse-field.ts";

/** A key and the bits of it that count. */
export interface KeyAndMask {
  readonly key: FlowKey;
  readonly mask: FlowKey;
}

/** Where a field lies and how it is read. */
type Place = readonly [offset: number, kind: Kind];
type Kind =
  | "u8"
  | "be16"
  | "be32"
  | "le16"
  | "le32"
  | "be64"
  | "be128"
  | "mac"
  | "ipv4"
  | "ipv6"
  | "icmp"
  | "arpOp"
  | "label"
  | "frag";

/** Attributes whose body is one value. */
const bare: Readonly<Record<string, Place>> = {
  skb_priority: [KEY_SKB_PRIORITY, "le32"],
  skb_mark: [KEY_PKT_MARK, "le32"],
  ct_zone: [KEY_CT_ZONE, "le16"],
  ct_mark: [KEY_CT_MARK, "le32"],
  ct_label: [KEY_CT_LABEL, "be128"],
  recirc_id: [KEY_RECIRC_ID, "le32"],
  dp_hash: [KEY_DP_HASH, "le32"],
  in_port: [KEY_IN_PORT, "le32"],
};

const ports: Readonly<Record<string, Place>> = { src: [KEY_TP_SRC, "be16"], dst: [KEY_TP_DST, "be16"] };
const icmp: Readonly<Record<string, Place>> = { type: [KEY_TP_SRC, "icmp"], code: [KEY_TP_DST, "icmp"] };

/** Attributes whose body is a list of fields. */
const structured: Readonly<Record<string, Readonly<Record<string, Place>>>> = {
  packet_type: { ns: [KEY_PACKET_TYPE, "be16"], id: [KEY_PACKET_TYPE + 2, "be16"] },
  tunnel: { tun_id: [KEY_TUN_ID, "be64"], src: [KEY_TUN_SRC, "ipv4"], dst: [KEY_TUN_DST, "ipv4"] },
  eth: { src: [KEY_DL_SRC, "mac"], dst: [KEY_DL_DST, "mac"] },
  ipv4: {
    src: [KEY_NW_SRC, "ipv4"],
    dst: [KEY_NW_DST, "ipv4"],
    proto: [KEY_NW_PROTO, "u8"],
    tos: [KEY_NW_TOS, "u8"],
    ttl: [KEY_NW_TTL, "u8"],
    frag: [KEY_NW_FRAG, "frag"],
  },
  ipv6: {
    src: [KEY_IPV6_SRC, "ipv6"],
    dst: [KEY_IPV6_DST, "ipv6"],
    label: [KEY_IPV6_LABEL, "label"],
    proto: [KEY_NW_PROTO, "u8"],
    tclass: [KEY_NW_TOS, "u8"],
    hlimit: [KEY_NW_TTL, "u8"],
    frag: [KEY_NW_FRAG, "frag"],
  },
  arp: {
    sip: [KEY_NW_SRC, "ipv4"],
    tip: [KEY_NW_DST, "ipv4"],
    op: [KEY_NW_PROTO, "arpOp"],
    sha: [KEY_ARP_SHA, "mac"],
    tha: [KEY_ARP_THA, "mac"],
  },
  tcp: ports,
  udp: ports,
  sctp: ports,
  icmp,
  icmpv6: icmp,
  nd: { target: [KEY_ND_TARGET, "ipv6"], sll: [KEY_ND_SLL, "mac"], tll: [KEY_ND_TLL, "mac"] },
  nd_ext: { nd_reserved: [KEY_ND_RESERVED, "be32"], nd_options_type: [KEY_ND_OPTIONS_TYPE, "u8"] },
};

/** Fragment kinds as nw_frag has them. */
const FRAGS: Readonly<Record<string, number>> = { no: 0, first: 1, later: 3 };

/** EtherType in the key of an 802.2 frame. */
const ETH_TYPE_802_2 = 0x05ff;
const VLAN_CFI = 0x1000;

/** Reads `recirc_id(0),in_port(1),...`; what is not named is wildcarded. */
export function parseOdpMatch(text: string): KeyAndMask {
  const match = { key: flowKeyCreate(), mask: flowKeyCreate() };
  parseLayer(
    match,
    splitAttributes(text.replace(/^\s*ufid:[0-9a-f-]+,\s*/, (ufid) => " ".repeat(ufid.length))),
    0,
  );
  return match;
}

/** Reads the attributes of one encapsulation; `depth` counts the tags around it. */
function parseLayer(match: KeyAndMask, attributes: readonly Attribute[], depth: number): void {
  const isTagged = attributes.some((attribute) => attribute.name === "encap");
  for (const attribute of attributes) {
    if (attribute.name === "eth_type") parseEthType(match, attribute, isTagged, depth);
    else if (attribute.name === "vlan") parseVlan(match, attribute, depth);
    else if (attribute.name === "encap") {
      if (depth > 1) throw new OdpSyntaxError("more than two tags", { column: attribute.at + 1 });
      parseLayer(match, splitAttributes(attribute.body ?? "", attribute.bodyAt), depth + 1);
    } else parseAttribute(match, attribute);
  }
}

function parseAttribute(match: KeyAndMask, attribute: Attribute): void {
  const { name, body, at, bodyAt } = attribute;
  if (body === undefined) throw unknownName("attribute", name, at, `${name}(...)`);
  const place = Object.hasOwn(bare, name) ? bare[name] : undefined;
  if (name === "tcp_flags") setFlags(match, attribute, TCP_FLAG_NAMES);
  else if (name === "ct_state") setFlags(match, attribute, CT_STATE_NAMES);
  else if (name === "mpls") parseMpls(match, attribute);
  else if (place !== undefined) setField(match, place, bareField(name, body, bodyAt));
  else parseStructured(match, attribute);
}

/** Reads an attribute whose body is a list of fields. */
function parseStructured(match: KeyAndMask, attribute: Attribute): void {
  const { name, at } = attribute;
  const places = Object.hasOwn(structured, name) ? structured[name] : undefined;
  if (places === undefined) throw unknownName("attribute", name, at, "a part of a datapath flow");
  for (const field of splitFields(attribute)) {
    const fieldPlace = Object.hasOwn(places, field.name) ? places[field.name] : undefined;
    if (fieldPlace === undefined)
      throw unknownName(`field of ${name}`, field.name, field.at, Object.keys(places).join(", "));
    setField(match, fieldPlace, field);
  }
}

/** The EtherType of a tagged layer is its tag's. `0/0xffff` is any frame without an EtherType. */
function parseEthType(match: KeyAndMask, attribute: Attribute, isTagged: boolean, depth: number): void {
  const { value, mask } = parseNumber(bareField("eth_type", attribute.body ?? "", attribute.bodyAt), 16);
  const offset = isTagged ? (depth === 0 ? KEY_TPID0 : KEY_TPID1) : KEY_ETH_TYPE;
  setBe16(match.key, offset, value === 0 ? ETH_TYPE_802_2 : value);
  setBe16(match.mask, offset, mask);
}

function parseVlan(match: KeyAndMask, attribute: Attribute, depth: number): void {
  const { value, mask } = parseTci(attribute);
  setBe16(match.key, depth === 0 ? KEY_TCI0 : KEY_TCI1, value);
  setBe16(match.mask, depth === 0 ? KEY_TCI0 : KEY_TCI1, mask);
}

/** Returns the tci that `vid=...,pcp=...` stands for, the CFI bit set unless it says `cfi=0`. */
export function parseTci(attribute: Attribute): { value: number; mask: number } {
  let value = VLAN_CFI;
  let mask = VLAN_CFI;
  for (const field of splitFields(attribute)) {
    if (field.name === "vid") {
      const vid = parseNumber(field, 12);
      value |= vid.value;
      mask |= vid.mask;
    } else if (field.name === "pcp") {
      const pcp = parseNumber(field, 3);
      value |= pcp.value << 13;
      mask |= pcp.mask << 13;
    } else if (field.name === "cfi") value &= field.value === "0" ? ~VLAN_CFI : 0xffff;
    else if (field.name !== "tpid")
      throw unknownName("field of vlan", field.name, field.at, "vid, pcp or cfi");
  }
  return { value, mask };
}

/** Reads label stack entries; `label=` starts the next one. */
export function parseLses(attribute: Attribute): { value: number; mask: number }[] {
  const shifts: Readonly<Record<string, readonly [shift: number, bits: number]>> = {
    label: [12, 20],
    tc: [9, 3],
    bos: [8, 1],
    ttl: [0, 8],
  };
  const entries: { value: number; mask: number }[] = [];
  for (const field of splitFields(attribute)) {
    if (field.name === "eth_type") continue;
    const shift = Object.hasOwn(shifts, field.name) ? shifts[field.name] : undefined;
    if (shift === undefined)
      throw unknownName("field of mpls", field.name, field.at, "label, tc, ttl or bos");
    if (field.name === "label" || entries.length === 0) entries.push({ value: 0, mask: 0 });
    // The masks of tc and bos are printed in hexadecimal without 0x; all of theirs are one digit.
    const { value, mask } = parseNumber(field, shift[1]);
    const entry = entries.at(-1)!;
    entry.value = (entry.value | (value << shift[0])) >>> 0;
    entry.mask = (entry.mask | (mask << shift[0])) >>> 0;
  }
  return entries;
}

function parseMpls(match: KeyAndMask, attribute: Attribute): void {
  const entries = parseLses(attribute);
  if (entries.length > MPLS_MAX) {
    throw new OdpSyntaxError(`more than ${MPLS_MAX} labels`, { column: attribute.at + 1 });
  }
  for (const [i, { value, mask }] of entries.entries()) {
    setBe32(match.key, KEY_MPLS0 + 4 * i, value);
    setBe32(match.mask, KEY_MPLS0 + 4 * i, mask);
  }
}

function setFlags(match: KeyAndMask, attribute: Attribute, names: FlagNames): void {
  const flags = parseFlags(attribute.body ?? "", names);
  if (flags === undefined)
    throw badValue(bareField(attribute.name, attribute.body ?? "", attribute.bodyAt), "flags");
  if (names === TCP_FLAG_NAMES) {
    setBe16(match.key, KEY_TCP_FLAGS, flags.value);
    setBe16(match.mask, KEY_TCP_FLAGS, flags.mask === -1 ? names.allowed : flags.mask);
  } else {
    setLe32(match.key, KEY_CT_STATE, flags.value);
    setLe32(match.mask, KEY_CT_STATE, flags.mask === -1 ? 0xffffffff : flags.mask);
  }
}

function setField({ key, mask }: KeyAndMask, [offset, kind]: Place, field: OdpField): void {
  switch (kind) {
    case "be64":
    case "be128": {
      const size = kind === "be64" ? 8 : 16;
      const bits = parseBigint(field, size * 8);
      setBe(key, offset, size, bits.value);
      setBe(mask, offset, size, bits.mask);
      return;
    }
    case "mac":
    case "ipv6": {
      const size = kind === "mac" ? 6 : 16;
      const address = kind === "mac" ? parseMacField(field) : parseIpv6Field(field);
      setBe(key, offset, size, address.value);
      setBe(mask, offset, size, address.mask);
      return;
    }
    default:
      setNumber(key, mask, offset, kind, field);
  }
}

/** Bits that each kind of number has in text. */
const numberBits = { u8: 8, be16: 16, be32: 32, le16: 16, le32: 32, icmp: 8, arpOp: 16, label: 20 } as const;

function setNumber(
  key: FlowKey,
  mask: FlowKey,
  offset: number,
  kind: Exclude<Kind, "mac" | "ipv6" | "be64" | "be128">,
  field: OdpField,
): void {
  if (kind === "frag") {
    const frag = Object.hasOwn(FRAGS, field.value) ? FRAGS[field.value] : undefined;
    if (frag === undefined) throw badValue(field, "no, first or later");
    setU8(key, offset, frag);
    setU8(mask, offset, 3);
    return;
  }
  const parsed = kind === "ipv4" ? parseIpv4Field(field) : parseNumber(field, numberBits[kind]);
  const { value } = parsed;
  let bits = parsed.mask;
  if (kind === "u8" || kind === "arpOp") {
    setU8(key, offset, value);
    setU8(mask, offset, bits & 0xff);
  } else if (kind === "be16" || kind === "icmp") {
    if (kind === "icmp" && bits === 0xff) bits = 0xffff;
    setBe16(key, offset, value);
    setBe16(mask, offset, bits);
  } else if (kind === "le16") {
    setLe16(key, offset, value);
    setLe16(mask, offset, bits);
  } else if (kind === "le32") {
    setLe32(key, offset, value);
    setLe32(mask, offset, bits);
  } else {
    setBe32(key, offset, value);
    setBe32(mask, offset, bits);
  }
}
