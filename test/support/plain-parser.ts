// A slow and plain parser of frames into flow keys: the oracle of the datapath's extraction. Written
// from the RFCs and from what Open vSwitch 3.1's flow extraction does with broken packets; it reads byte
// by byte through a cursor that cannot leave the frame, and knows nothing of the datapath's code.

import {
  KEY_ARP_SHA,
  KEY_ARP_THA,
  KEY_DL_DST,
  KEY_DL_SRC,
  KEY_ETH_TYPE,
  KEY_IN_PORT,
  KEY_IPV6_DST,
  KEY_IPV6_EXTHDR,
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
  KEY_RECIRC_ID,
  KEY_TCI0,
  KEY_TCI1,
  KEY_TCP_FLAGS,
  KEY_TP_DST,
  KEY_TP_SRC,
  KEY_TPID0,
  KEY_TPID1,
  KEY_WORD_COUNT,
} from "../../assembly/layout/flow-key.ts";
import { Cursor } from "./packet/cursor.ts";
import { walkExtensions } from "./plain-extensions.ts";

/** Where the packet came from. */
export interface PacketOrigin {
  inPort?: number;
  recircId?: number;
}

const TAG_TYPES = [0x8100, 0x88a8];
const ETH_TYPE_802_2 = 0x05ff;
const FRAG_ANY = 1;
const FRAG_LATER = 2;

/** Returns the flow key of a frame. */
export function parsePlainly(frame: Uint8Array, origin: PacketOrigin = {}): Uint32Array {
  const words = new Uint32Array(KEY_WORD_COUNT);
  const key = new Key(words);
  key.view.setUint32(KEY_IN_PORT, origin.inPort ?? 0, true);
  key.view.setUint32(KEY_RECIRC_ID, origin.recircId ?? 0, true);
  if (frame.length >= 14) parseEthernet(key, new Cursor(frame));
  return words;
}

/** The key as bytes; numbers are written in network order. */
class Key {
  readonly view: DataView;
  readonly #bytes: Uint8Array;

  constructor(words: Uint32Array) {
    this.view = new DataView(words.buffer);
    this.#bytes = new Uint8Array(words.buffer);
  }

  u8(offset: number, value: number): void {
    this.#bytes[offset] = value;
  }

  u16(offset: number, value: number): void {
    this.view.setUint16(offset, value);
  }

  u32(offset: number, value: number): void {
    this.view.setUint32(offset, value);
  }

  bytes(offset: number, value: Uint8Array): void {
    this.#bytes.set(value, offset);
  }
}

function parseEthernet(key: Key, frame: Cursor): void {
  key.bytes(KEY_DL_DST, frame.bytes(6));
  key.bytes(KEY_DL_SRC, frame.bytes(6));
  for (const [tpidOffset, tciOffset] of [
    [KEY_TPID0, KEY_TCI0],
    [KEY_TPID1, KEY_TCI1],
  ] as const) {
    // A tag must leave room for an EtherType: six bytes with its own TPID.
    if (!TAG_TYPES.includes(frame.peekU16()) || frame.left < 6) break;
    key.u16(tpidOffset, frame.u16());
    key.u16(tciOffset, frame.u16() | 0x1000);
  }
  const ethType = etherType(frame);
  key.u16(KEY_ETH_TYPE, ethType);
  if (ethType === 0x0800) parseIpv4(key, frame);
  else if (ethType === 0x86dd) parseIpv6(key, frame);
  else if (ethType === 0x0806 || ethType === 0x8035) parseArp(key, frame);
  else if (ethType === 0x8847 || ethType === 0x8848) parseMpls(key, frame);
}

/** RFC 1042: a value below 0x600 is a length, and SNAP may follow. */
function etherType(frame: Cursor): number {
  const typeOrLength = frame.u16();
  if (typeOrLength >= 0x0600) return typeOrLength;
  if (frame.left < 8) return ETH_TYPE_802_2;
  const llcAndOrganisation = frame.bytes(6);
  const snapType = frame.u16();
  const isSnap = Buffer.from(llcAndOrganisation).equals(Buffer.from([0xaa, 0xaa, 0x03, 0, 0, 0]));
  return isSnap && snapType >= 0x0600 ? snapType : ETH_TYPE_802_2;
}

function parseArp(key: Key, packet: Cursor): void {
  if (packet.left < 28) return;
  const types = [packet.u16(), packet.u16(), packet.u8(), packet.u8()];
  if (types.join() !== [1, 0x0800, 6, 4].join()) return;
  const operation = packet.u16();
  if (operation <= 255) key.u8(KEY_NW_PROTO, operation);
  key.bytes(KEY_ARP_SHA, packet.bytes(6));
  key.bytes(KEY_NW_SRC, packet.bytes(4));
  key.bytes(KEY_ARP_THA, packet.bytes(6));
  key.bytes(KEY_NW_DST, packet.bytes(4));
}

function parseMpls(key: Key, packet: Cursor): void {
  for (let i = 0; i < 3 && packet.left >= 4; i++) {
    const entry = packet.u32();
    key.u32(KEY_MPLS0 + i * 4, entry);
    if ((entry & 0x100) !== 0) return;
  }
}

function parseIpv4(key: Key, packet: Cursor): void {
  if (packet.left < 20) return;
  const available = packet.left;
  const headerLength = (packet.u8() & 15) * 4;
  const tos = packet.u8();
  const totalLength = packet.u16();
  if (headerLength < 20 || headerLength > available) return;
  if (totalLength > available || headerLength > totalLength) return;
  packet.skip(2);
  const fragment = packet.u16();
  const ttl = packet.u8();
  const protocol = packet.u8();
  packet.skip(2);
  key.bytes(KEY_NW_SRC, packet.bytes(4));
  key.bytes(KEY_NW_DST, packet.bytes(4));
  packet.skip(headerLength - 20);

  const offset = fragment & 0x1fff;
  const isFragment = offset !== 0 || (fragment & 0x2000) !== 0;
  key.u8(KEY_NW_PROTO, protocol);
  key.u8(KEY_NW_TOS, tos);
  key.u8(KEY_NW_TTL, ttl);
  key.u8(KEY_NW_FRAG, (isFragment ? FRAG_ANY : 0) | (offset === 0 ? 0 : FRAG_LATER));
  if (offset === 0) parseTransport(key, protocol, packet.upTo(totalLength - headerLength));
}

function parseIpv6(key: Key, packet: Cursor): void {
  if (packet.left < 40) return;
  const first = packet.u32();
  const payloadLength = packet.u16();
  if (payloadLength > packet.left - 34) return;
  const nextHeader = packet.u8();
  const hopLimit = packet.u8();
  key.bytes(KEY_IPV6_SRC, packet.bytes(16));
  key.bytes(KEY_IPV6_DST, packet.bytes(16));
  const body = packet.upTo(payloadLength);
  const chain = walkExtensions(nextHeader, body);
  if (chain === undefined) return;
  key.view.setUint16(KEY_IPV6_EXTHDR, chain.headers, true);
  key.u32(KEY_IPV6_LABEL, first & 0xfffff);
  key.u8(KEY_NW_TOS, (first >>> 20) & 0xff);
  key.u8(KEY_NW_TTL, hopLimit);
  key.u8(KEY_NW_PROTO, chain.protocol);
  const isLater = chain.fragment === "later";
  key.u8(KEY_NW_FRAG, (chain.fragment === "no" ? 0 : FRAG_ANY) | (isLater ? FRAG_LATER : 0));
  if (!isLater) parseTransport(key, chain.protocol, body);
}

function parseTransport(key: Key, protocol: number, segment: Cursor): void {
  const hasPorts = (protocol === 17 && segment.left >= 8) || (protocol === 132 && segment.left >= 12);
  if (hasPorts || (protocol === 6 && isWholeTcp(segment))) {
    key.u16(KEY_TP_SRC, segment.u16());
    key.u16(KEY_TP_DST, segment.u16());
    if (protocol !== 6) return;
    segment.skip(8);
    key.u16(KEY_TCP_FLAGS, segment.u16() & 0x0fff);
  } else if ([1, 2, 58].includes(protocol) && segment.left >= 8) {
    const type = segment.u8();
    const code = segment.u8();
    segment.skip(2);
    key.u16(KEY_TP_SRC, type);
    key.u16(KEY_TP_DST, code);
    const isNeighbour = protocol === 58 && (type === 135 || type === 136) && code === 0;
    // IGMP's group lies where neighbour discovery has its reserved word.
    if (protocol === 2 || isNeighbour) key.u32(KEY_ND_RESERVED, segment.u32());
    if (isNeighbour) parseNeighbour(key, segment);
  }
}

function isWholeTcp(segment: Cursor): boolean {
  if (segment.left < 20) return false;
  const headerLength = (segment.peekU8(12) >>> 4) * 4;
  return headerLength >= 20 && headerLength <= segment.left;
}

/** RFC 4861 sections 4.3 to 4.6, behind the reserved word. */
function parseNeighbour(key: Key, message: Cursor): void {
  if (message.left < 16) return;
  const target = message.bytes(16);
  const addresses = new Map<number, Uint8Array>();
  let firstType = 0;
  let isValid = true;
  while (isValid && message.left >= 8) {
    const type = message.peekU8(0);
    const size = message.peekU8(1) * 8;
    if (size === 0 || size > message.left) break;
    const option = message.bytes(size);
    if (size !== 8 || (type !== 1 && type !== 2)) continue;
    if (addresses.get(type)?.some((byte) => byte !== 0) === true) {
      isValid = false;
    } else {
      addresses.set(type, option.slice(2));
      if (firstType === 0) firstType = type;
    }
  }
  key.u8(KEY_ND_OPTIONS_TYPE, firstType);
  if (!isValid) return;
  key.bytes(KEY_ND_TARGET, target);
  key.bytes(KEY_ND_SLL, addresses.get(1) ?? new Uint8Array(6));
  key.bytes(KEY_ND_TLL, addresses.get(2) ?? new Uint8Array(6));
}
