// A datapath that works on keys alone: carries datapath actions out on a key as the real one would on
// the packet, so that two action lists can be compared by what they do.

import {
  KEY_ARP_SHA,
  KEY_ARP_THA,
  KEY_DL_DST,
  KEY_DL_SRC,
  KEY_DP_HASH,
  KEY_ETH_TYPE,
  KEY_IPV6_DST,
  KEY_IPV6_LABEL,
  KEY_IPV6_SRC,
  KEY_MPLS0,
  KEY_ND_OPTIONS_TYPE,
  KEY_ND_RESERVED,
  KEY_ND_TARGET,
  KEY_NW_DST,
  KEY_NW_PROTO,
  KEY_NW_SRC,
  KEY_NW_TOS,
  KEY_NW_TTL,
  KEY_PKT_MARK,
  KEY_RECIRC_ID,
  KEY_SKB_PRIORITY,
  KEY_TCI0,
  KEY_TCI1,
  KEY_TP_DST,
  KEY_TP_SRC,
  KEY_TPID0,
  KEY_TPID1,
  KEY_WORD_COUNT,
} from "../../assembly/layout/flow-key.ts";
import type { OdpAction } from "../../src/odp/action.ts";
import {
  getBe,
  getBe16,
  getBe32,
  getU8,
  setBe,
  setBe16,
  setBe32,
  setLe32,
  setU8,
} from "../../src/odp/flow-key.ts";
import { isMplsType } from "../../src/openflow/prereq.ts";
import { SEGMENT_MASKS } from "../../src/xlate/classifier/flow-segments.ts";
import { translate } from "../../src/xlate/translate.ts";
import type { ControllerRecord, TranslateContext } from "../../src/xlate/translation.ts";

/** Something that left the switch, as text that is equal for equal packets. */
export type Departure = string;

const RECIRC_MAX = 8;

/** A packet on its way: its key, with layer 3 and up as it is below any labels. */
interface Packet {
  readonly key: Uint32Array;
  length: number;
  truncated: number;
}

/** Translates `key` and carries the answer out, through every recirculation. */
export function forward(env: TranslateContext, key: Uint32Array, length = 100): Departure[] {
  const out: Departure[] = [];
  execute(env, { key: key.slice(), length, truncated: 0 }, translate(env, key).actions, out, 0);
  return out;
}

/** Carries `actions` out on a packet with this key. */
export function perform(
  env: TranslateContext,
  key: Uint32Array,
  actions: readonly OdpAction[],
  length = 100,
): Departure[] {
  const out: Departure[] = [];
  execute(env, { key: key.slice(), length, truncated: 0 }, actions, out, 0);
  return out;
}

/** What can be seen of a packet: nothing of layer 3 and up behind labels. */
export function visibleKey(key: Uint32Array): Uint32Array {
  const seen = key.slice();
  if (!isMplsType(getBe16(key, KEY_ETH_TYPE))) return seen;
  for (let i = 0; i < KEY_WORD_COUNT; i++) {
    const hidden =
      ((SEGMENT_MASKS[2] as Uint32Array)[i] as number) | ((SEGMENT_MASKS[3] as Uint32Array)[i] as number);
    seen[i] = (seen[i] as number) & ~hidden;
  }
  return seen;
}

function show(packet: Packet): string {
  const seen = packet.key.slice();
  seen[KEY_RECIRC_ID >>> 2] = 0;
  seen[KEY_DP_HASH >>> 2] = 0;
  seen[KEY_SKB_PRIORITY >>> 2] = 0;
  const words = [...seen].flatMap((word, i) => (word === 0 ? [] : `${i}:${word.toString(16)}`));
  return `${packet.truncated || packet.length}B ${words.join(" ")}`;
}

function execute(
  env: TranslateContext,
  packet: Packet,
  actions: readonly OdpAction[],
  out: Departure[],
  depth: number,
): void {
  for (const action of actions) {
    switch (action.type) {
      case "output":
        out.push(`port ${action.port}: ${show(packet)}`);
        packet.truncated = 0;
        break;
      case "userspace":
        out.push(`controller ${describe(env.controllerRecords.get(action.cookie))}: ${show(packet)}`);
        packet.truncated = 0;
        break;
      case "trunc":
        packet.truncated = Math.min(packet.length, action.maxLen);
        break;
      case "drop":
        return;
      case "recirc": {
        if (depth >= RECIRC_MAX) break;
        const again = { ...packet, key: packet.key.slice() };
        again.key[KEY_RECIRC_ID >>> 2] = action.recircId;
        const key = visibleKey(again.key);
        execute(env, again, translate(env, key).actions, out, depth + 1);
        break;
      }
      case "clone":
      case "sample":
        execute(env, { ...packet, key: packet.key.slice() }, action.actions, out, depth);
        break;
      case "checkPktLen": {
        const branch = packet.length > action.pktLen ? action.greater : action.lessEqual;
        execute(env, { ...packet, key: packet.key.slice() }, branch, out, depth);
        break;
      }
      case "meter":
        out.push(`meter ${action.meterId}`);
        break;
      default:
        change(packet.key, action);
    }
  }
}

function describe(record: ControllerRecord | undefined): string {
  if (record === undefined) return "?";
  const { reason, tableId, maxLen, controllerId, ruleCookie } = record;
  return `${reason} table=${tableId} max=${maxLen} id=${controllerId} cookie=${ruleCookie}`;
}

type Change = Exclude<
  OdpAction,
  {
    type: "output" | "userspace" | "trunc" | "drop" | "recirc" | "clone" | "sample" | "checkPktLen" | "meter";
  }
>;

function merge(key: Uint32Array, offset: number, size: number, value: bigint, mask: bigint): void {
  setBe(key, offset, size, (getBe(key, offset, size) & ~mask) | value);
}

function mergeNumber(key: Uint32Array, offset: number, size: number, value: number, mask: number): void {
  merge(key, offset, size, BigInt(value), BigInt(mask));
}

/** dp_hash is any number that only the connection decides. */
function hashOf(key: Uint32Array): number {
  let hash = 7;
  for (const offset of [KEY_NW_SRC, KEY_NW_DST, KEY_TP_SRC, KEY_DL_SRC]) {
    hash = Math.imul(hash ^ (key[offset >>> 2] as number), 0x9e3779b1) >>> 0;
  }
  return (hash ^ (hash >>> 15)) >>> 0 || 1;
}

function change(key: Uint32Array, action: Change): void {
  switch (action.type) {
    case "hash":
      key[KEY_DP_HASH >>> 2] = hashOf(key);
      break;
    case "pushVlan":
      key[KEY_TPID1 >>> 2] = 0;
      setBe16(key, KEY_TCI1, getBe16(key, KEY_TCI0));
      setBe16(key, KEY_TPID1, getBe16(key, KEY_TPID0));
      setBe16(key, KEY_TPID0, action.tpid);
      setBe16(key, KEY_TCI0, action.tci | 0x1000);
      break;
    case "popVlan":
      setBe16(key, KEY_TPID0, getBe16(key, KEY_TPID1));
      setBe16(key, KEY_TCI0, getBe16(key, KEY_TCI1));
      setBe16(key, KEY_TPID1, 0);
      setBe16(key, KEY_TCI1, 0);
      break;
    case "setVlan":
      mergeNumber(key, KEY_TCI0, 2, action.value, action.mask);
      break;
    case "pushMpls":
      for (let i = 2; i >= 1; i--) setBe32(key, KEY_MPLS0 + i * 4, getBe32(key, KEY_MPLS0 + i * 4 - 4));
      setBe32(key, KEY_MPLS0, action.lse);
      setBe16(key, KEY_ETH_TYPE, action.ethertype);
      break;
    case "popMpls":
      for (let i = 0; i < 2; i++) setBe32(key, KEY_MPLS0 + i * 4, getBe32(key, KEY_MPLS0 + i * 4 + 4));
      setBe32(key, KEY_MPLS0 + 8, 0);
      setBe16(key, KEY_ETH_TYPE, action.ethertype);
      break;
    case "setMpls":
      mergeNumber(key, KEY_MPLS0, 4, action.value, action.mask);
      break;
    case "decTtl":
      setU8(key, KEY_NW_TTL, getU8(key, KEY_NW_TTL) - 1);
      break;
    case "setMark":
      setLe32(key, KEY_PKT_MARK, ((key[KEY_PKT_MARK >>> 2] as number) & ~action.mask) | action.value);
      break;
    case "setPriority":
      setLe32(key, KEY_SKB_PRIORITY, action.value);
      break;
    case "pushEth":
    case "popEth":
      throw new Error("not used by these tests");
    default:
      setFields(key, action);
  }
}

function setFields(key: Uint32Array, action: Extract<Change, { value: object }>): void {
  const value = action.value as unknown as Record<string, number | bigint>;
  const mask = action.mask as unknown as Record<string, number | bigint>;
  for (const [name, offset, size] of FIELDS[action.type]) {
    merge(
      key,
      offset,
      size,
      BigInt(value[name] as number),
      BigInt(mask[name] as number) & ((1n << BigInt(size * 8)) - 1n),
    );
  }
}

const FIELDS: Record<Extract<Change, { value: object }>["type"], [string, number, number][]> = {
  setEth: [
    ["src", KEY_DL_SRC, 6],
    ["dst", KEY_DL_DST, 6],
  ],
  setIpv4: [
    ["src", KEY_NW_SRC, 4],
    ["dst", KEY_NW_DST, 4],
    ["tos", KEY_NW_TOS, 1],
    ["ttl", KEY_NW_TTL, 1],
  ],
  setIpv6: [
    ["src", KEY_IPV6_SRC, 16],
    ["dst", KEY_IPV6_DST, 16],
    ["label", KEY_IPV6_LABEL, 4],
    ["tclass", KEY_NW_TOS, 1],
    ["hopLimit", KEY_NW_TTL, 1],
  ],
  setPorts: [
    ["src", KEY_TP_SRC, 2],
    ["dst", KEY_TP_DST, 2],
  ],
  setIcmp: [
    ["type", KEY_TP_SRC, 2],
    ["code", KEY_TP_DST, 2],
  ],
  setArp: [
    ["op", KEY_NW_PROTO, 1],
    ["spa", KEY_NW_SRC, 4],
    ["tpa", KEY_NW_DST, 4],
    ["sha", KEY_ARP_SHA, 6],
    ["tha", KEY_ARP_THA, 6],
  ],
  setNd: [
    ["target", KEY_ND_TARGET, 16],
    ["sll", KEY_ARP_SHA, 6],
    ["tll", KEY_ARP_THA, 6],
  ],
  setNdExtensions: [
    ["reserved", KEY_ND_RESERVED, 4],
    ["optionsType", KEY_ND_OPTIONS_TYPE, 1],
  ],
};
