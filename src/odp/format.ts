// A megaflow's key and mask in Open vSwitch's datapath-flow syntax, as `dpctl/dump-flows` of its
// userspace datapath prints them: `recirc_id(0),in_port(1),packet_type(ns=0,id=0),eth(...),...`. What is
// wholly wildcarded is left out.

import {
  KEY_CT_LABEL,
  KEY_CT_MARK,
  KEY_CT_STATE,
  KEY_CT_ZONE,
  KEY_DL_DST,
  KEY_DL_SRC,
  KEY_DP_HASH,
  KEY_ETH_TYPE,
  KEY_IN_PORT,
  KEY_PACKET_TYPE,
  KEY_PKT_MARK,
  KEY_RECIRC_ID,
  KEY_SKB_PRIORITY,
  KEY_TCI0,
  KEY_TCI1,
  KEY_TPID0,
  KEY_TPID1,
  KEY_TUN_DST,
  KEY_TUN_ID,
  KEY_TUN_SRC,
} from "../../assembly/layout/flow-key.ts";
import type { OdpPort } from "./action.ts";
import { CT_STATE_NAMES, formatFlags, formatFlagsMasked } from "./flags.ts";
import { type FlowKey, getBe, getBe16, getBe32, getBe128, getLe16, getLe32, getMac } from "./flow-key.ts";
import { formatNetwork } from "./format-network.ts";
import { bigHex, hex, hex4, masked, Parts } from "./format-parts.ts";

/** How to print keys and actions. */
export interface OdpFormatOptions {
  /** Print what is wholly wildcarded too. */
  readonly verbose?: boolean;
  /** Returns the name to print for a port; numbers without it. */
  readonly portName?: ((port: OdpPort) => string | undefined) | undefined;
}

/** CFI bit of a tci as a value. */
const VLAN_CFI = 0x1000;
/** Lowest EtherType; what is below is a length. */
const ETH_TYPE_MIN = 0x600;

/** Returns the key with its mask, in datapath-flow syntax. */
export function formatOdpMatch(key: FlowKey, mask: FlowKey, options: OdpFormatOptions = {}): string {
  const parts: string[] = [];
  const verbose = options.verbose ?? false;
  formatMetadata(parts, key, mask, options);
  const packetType = getBe32(mask, KEY_PACKET_TYPE);
  if (packetType !== 0 || verbose) {
    const value = getBe32(key, KEY_PACKET_TYPE);
    const fields = new Parts(verbose);
    fields.decimal("ns", value >>> 16, packetType >>> 16, 0xffff);
    fields.hex("id", value & 0xffff, packetType & 0xffff, 0xffff);
    parts.push(`packet_type(${fields.text})`);
  }
  const isEthernet = getBe32(key, KEY_PACKET_TYPE) === 0;
  if (isEthernet) formatEthernet(parts, key, mask, verbose, packetType !== 0);
  formatTagsAndBeyond(parts, key, mask, verbose, isEthernet ? 0 : 2);
  return parts.join(",");
}

/** Returns a port's name or number. */
export function formatOdpPort(port: OdpPort, options: OdpFormatOptions): string {
  return options.portName?.(port) ?? String(port);
}

/** Returns the inside of `vlan(...)` or `push_vlan(...)`. */
export function formatTci(tci: number, mask: number, verbose = false): string {
  const parts: string[] = [];
  const vid = tci & 0xfff;
  const vidMask = mask & 0xfff;
  if (verbose || vid !== 0 || vidMask !== 0) {
    parts.push(`vid=${vid}${vidMask === 0xfff ? "" : `/0x${vidMask.toString(16)}`}`);
  }
  const pcp = tci >>> 13;
  const pcpMask = mask >>> 13;
  if (verbose || pcp !== 0 || pcpMask !== 0) {
    parts.push(`pcp=${pcp}${pcpMask === 7 ? "" : `/0x${pcpMask.toString(16)}`}`);
  }
  if ((tci & VLAN_CFI) === 0) parts.push("cfi=0");
  return parts.join(",");
}

function formatMetadata(parts: string[], key: FlowKey, mask: FlowKey, options: OdpFormatOptions): void {
  const verbose = options.verbose ?? false;
  const word = (name: string, offset: number): void => {
    const bits = getLe32(mask, offset);
    if (bits !== 0 || verbose) parts.push(`${name}(${masked(hex(getLe32(key, offset)), bits, 0xffffffff)})`);
  };
  word("skb_priority", KEY_SKB_PRIORITY);
  formatTunnel(parts, key, mask);
  word("skb_mark", KEY_PKT_MARK);
  const state = getLe32(mask, KEY_CT_STATE);
  if (state !== 0) {
    const value = getLe32(key, KEY_CT_STATE);
    const exact = state === 0xffffffff;
    parts.push(
      `ct_state(${exact ? formatFlags(value, CT_STATE_NAMES) : formatFlagsMasked(value, state, CT_STATE_NAMES, -1)})`,
    );
  }
  const zone = getLe16(mask, KEY_CT_ZONE);
  if (zone !== 0) parts.push(`ct_zone(${masked(hex(getLe16(key, KEY_CT_ZONE)), zone, 0xffff)})`);
  if (getLe32(mask, KEY_CT_MARK) !== 0) word("ct_mark", KEY_CT_MARK);
  const label = getBe128(mask, KEY_CT_LABEL);
  if (label !== 0n) {
    const suffix = label === (1n << 128n) - 1n ? "" : `/${bigHex(label)}`;
    parts.push(`ct_label(${bigHex(getBe128(key, KEY_CT_LABEL))}${suffix})`);
  }
  word("recirc_id", KEY_RECIRC_ID);
  word("dp_hash", KEY_DP_HASH);
  const port = getLe32(mask, KEY_IN_PORT);
  const inPort = getLe32(key, KEY_IN_PORT);
  if (port === 0xffffffff) parts.push(`in_port(${formatOdpPort(inPort as OdpPort, options)})`);
  else if (port !== 0 || verbose) parts.push(`in_port(${masked(String(inPort), port, 0xffffffff)})`);
}

function formatTunnel(parts: string[], key: FlowKey, mask: FlowKey): void {
  if (getBe32(key, KEY_TUN_SRC) === 0 && getBe32(key, KEY_TUN_DST) === 0) return;
  const fields = new Parts(false);
  const id = getBe(mask, KEY_TUN_ID, 8);
  if (id !== 0n) {
    const suffix = id === (1n << 64n) - 1n ? "" : `/${bigHex(id)}`;
    fields.add(`tun_id=${bigHex(getBe(key, KEY_TUN_ID, 8))}${suffix}`);
  }
  fields.ipv4("src", getBe32(key, KEY_TUN_SRC), getBe32(mask, KEY_TUN_SRC));
  fields.ipv4("dst", getBe32(key, KEY_TUN_DST), getBe32(mask, KEY_TUN_DST));
  if (fields.text !== "") parts.push(`tunnel(${fields.text})`);
}

/** `eth()` says that the packet is Ethernet where nothing else does. */
function formatEthernet(
  parts: string[],
  key: FlowKey,
  mask: FlowKey,
  verbose: boolean,
  known: boolean,
): void {
  const fields = new Parts(verbose);
  fields.mac("src", getMac(key, KEY_DL_SRC), getMac(mask, KEY_DL_SRC));
  fields.mac("dst", getMac(key, KEY_DL_DST), getMac(mask, KEY_DL_DST));
  if (fields.text !== "" || !known) parts.push(`eth(${fields.text})`);
}

/** The tags from `depth` on, each with what it encapsulates inside `encap(...)`. */
function formatTagsAndBeyond(
  parts: string[],
  key: FlowKey,
  mask: FlowKey,
  verbose: boolean,
  depth: number,
): void {
  const tciAt = depth === 0 ? KEY_TCI0 : KEY_TCI1;
  const tci = depth < 2 ? getBe16(key, tciAt) : 0;
  if (tci !== 0) {
    parts.push(`eth_type(${hex4(getBe16(key, depth === 0 ? KEY_TPID0 : KEY_TPID1))})`);
    const bits = getBe16(mask, tciAt);
    if (bits !== 0 || verbose) parts.push(`vlan(${formatTci(tci, bits, verbose)})`);
    const inner: string[] = [];
    formatTagsAndBeyond(inner, key, mask, verbose, depth + 1);
    parts.push(`encap(${inner.join(",")})`);
    return;
  }
  const type = getBe16(key, KEY_ETH_TYPE);
  const bits = getBe16(mask, KEY_ETH_TYPE);
  if (type < ETH_TYPE_MIN) {
    if (bits !== 0) parts.push(`eth_type(0/${hex4(bits)})`);
    return;
  }
  if (bits !== 0 || verbose) parts.push(`eth_type(${hex4(type)}${bits === 0xffff ? "" : `/${hex4(bits)}`})`);
  formatNetwork(parts, key, mask, verbose);
}
