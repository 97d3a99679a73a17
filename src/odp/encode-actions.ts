// Action lists as programs for the datapath: assembly/layout/action.ts has the words of each.

import {
  ACTION_WORDS_SHIFT,
  Action,
  HASH_ALGORITHM_L4,
  HASH_ALGORITHM_SYM_L4,
  PUSH_MPLS_POPPED_SHIFT,
} from "../../assembly/layout/action.ts";
import { ACTION_DEPTH_MAX, ACTION_PROGRAM_MAX } from "../../assembly/layout/limits.ts";
import { ActionEncodingError } from "../errors.ts";
import type { OdpAction } from "./action.ts";
import { swap16, swap32 } from "./flow-key.ts";

/** CFI bit of a tci as loaded from the wire. */
const TCI_PRESENT = 0x0010;

/** Encodes a list: [words][action ...]. Throws ActionEncodingError when it is too long or too deep. */
export function encodeActions(actions: readonly OdpAction[]): Uint32Array {
  const words: number[] = [];
  encodeActionsInto(actions, words);
  return Uint32Array.from(words);
}

/** The same into a list of the caller's, whose former content goes. */
export function encodeActionsInto(actions: readonly OdpAction[], words: number[]): void {
  words.length = 0;
  words.push(0);
  encodeList(actions, words, 0, 0);
  words[0] = words.length - 1;
  if (words.length * 4 > ACTION_PROGRAM_MAX) {
    throw new ActionEncodingError(
      `an action list of ${words.length * 4} bytes is longer than the datapath's ${ACTION_PROGRAM_MAX}`,
    );
  }
}

/** `popped`: tags popped so far, less those pushed. */
function encodeList(actions: readonly OdpAction[], words: number[], depth: number, popped: number): void {
  if (depth > ACTION_DEPTH_MAX) {
    throw new ActionEncodingError(`actions are nested deeper than the datapath's ${ACTION_DEPTH_MAX} levels`);
  }
  for (const action of actions) {
    const start = words.length;
    words.push(0);
    const opcode = encodeAction(action, words, depth, popped);
    words[start] = opcode | ((words.length - start) << ACTION_WORDS_SHIFT);
    if (action.type === "popVlan") popped++;
    if (action.type === "pushVlan") popped--;
  }
}

/** Pushes the operands; returns the opcode. */
function encodeAction(action: OdpAction, words: number[], depth: number, popped: number): Action {
  switch (action.type) {
    case "output":
      words.push(action.port);
      return Action.OUTPUT;
    case "drop":
      words.push(action.reason);
      return Action.DROP;
    case "userspace":
      words.push(action.cookie, action.maxLen);
      return Action.USERSPACE;
    case "recirc":
      words.push(action.recircId);
      return Action.RECIRC;
    case "trunc":
      words.push(action.maxLen);
      return Action.TRUNC;
    case "hash":
      words.push(action.algorithm === "symL4" ? HASH_ALGORITHM_SYM_L4 : HASH_ALGORITHM_L4, action.basis);
      return Action.HASH;
    case "meter":
      words.push(action.meterId);
      return Action.METER;
    case "sample":
      words.push(action.probability);
      encodeList(action.actions, words, depth + 1, popped);
      return Action.SAMPLE;
    case "clone":
      encodeList(action.actions, words, depth + 1, popped);
      return Action.CLONE;
    case "checkPktLen":
      return encodeCheck(action, words, depth, popped);
    default:
      return encodeChange(action, words, popped);
  }
}

function encodeCheck(
  action: Extract<OdpAction, { type: "checkPktLen" }>,
  words: number[],
  depth: number,
  popped: number,
): Action {
  words.push(action.pktLen);
  const size = words.length;
  words.push(0);
  encodeList(action.greater, words, depth + 1, popped);
  words[size] = words.length - size - 1;
  encodeList(action.lessEqual, words, depth + 1, popped);
  return Action.CHECK_PKT_LEN;
}

/** Actions that change the packet or its metadata. */
function encodeChange(action: OdpAction, words: number[], popped: number): Action {
  switch (action.type) {
    case "pushVlan":
      words.push(swap16(action.tpid), swap16(action.tci) | TCI_PRESENT);
      return Action.PUSH_VLAN;
    case "popVlan":
      return Action.POP_VLAN;
    case "pushMpls":
      words.push(
        swap16(action.ethertype) | (Math.max(popped, 0) << PUSH_MPLS_POPPED_SHIFT),
        swap32(action.lse),
      );
      return Action.PUSH_MPLS;
    case "popMpls":
      words.push(swap16(action.ethertype));
      return Action.POP_MPLS;
    case "decTtl":
      return Action.DEC_TTL;
    case "pushEth": {
      const [low, high] = macWords(action.dst);
      words.push(low, (high | (swap16(action.ethertype) << 16)) >>> 0, ...macWords(action.src));
      return Action.PUSH_ETH;
    }
    case "popEth":
      return Action.POP_ETH;
    default:
      return encodeSet(action, words);
  }
}

function encodeSet(action: OdpAction, words: number[]): Action {
  switch (action.type) {
    case "setEth":
      for (const { dst, src } of [action.value, action.mask]) words.push(...macWords(dst), ...macWords(src));
      return Action.SET_ETH;
    case "setVlan":
      words.push(swap16(action.value), swap16(action.mask));
      return Action.SET_VLAN;
    case "setIpv4":
      for (const { src, dst, tos, ttl } of [action.value, action.mask]) {
        words.push(swap32(src), swap32(dst), tos | (ttl << 8));
      }
      return Action.SET_IPV4;
    case "setIpv6":
      for (const { src, dst, label, tclass, hopLimit } of [action.value, action.mask]) {
        words.push(...ipv6Words(src), ...ipv6Words(dst), swap32(label), tclass | (hopLimit << 8));
      }
      return Action.SET_IPV6;
    case "setPorts":
      for (const { src, dst } of [action.value, action.mask]) {
        words.push((swap16(src) | (swap16(dst) << 16)) >>> 0);
      }
      return Action.SET_PORTS;
    case "setIcmp":
      for (const { type, code } of [action.value, action.mask]) words.push(type | (code << 8));
      return Action.SET_ICMP;
    case "setArp":
      for (const { op, spa, tpa, sha, tha } of [action.value, action.mask]) {
        words.push(swap16(op), swap32(spa), swap32(tpa), ...macWords(sha), ...macWords(tha));
      }
      return Action.SET_ARP;
    case "setNd":
      for (const { target, sll, tll } of [action.value, action.mask]) {
        words.push(...ipv6Words(target), ...macWords(sll), ...macWords(tll));
      }
      return Action.SET_ND;
    case "setNdExtensions":
      for (const { reserved, optionsType } of [action.value, action.mask]) {
        words.push(swap32(reserved), optionsType);
      }
      return Action.SET_ND_EXTENSIONS;
    case "setMpls":
      words.push(swap32(action.value), swap32(action.mask));
      return Action.SET_MPLS;
    case "setMark":
      words.push(action.value, action.mask);
      return Action.SET_MARK;
    case "setPriority":
      words.push(action.value);
      return Action.SET_PRIORITY;
    default:
      throw new ActionEncodingError(`the datapath has no action ${action.type}`);
  }
}

/** The six bytes of a MAC address as loaded from the wire: four, then two. */
function macWords(mac: bigint): [number, number] {
  return [swap32(Number((mac >> 16n) & 0xffffffffn)), swap16(Number(mac & 0xffffn))];
}

function ipv6Words(address: bigint): number[] {
  return [96n, 64n, 32n, 0n].map((shift) => swap32(Number((address >> shift) & 0xffffffffn)));
}
