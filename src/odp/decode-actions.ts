// Action programs back to data: what a PMD runs, for people and tests to read. The inverse of
// encode-actions.ts, but for what a program does not hold: a set of ports names no protocol there, a set
// of ICMP no version, and a userspace action no note.

import {
  ACTION_OPCODE_MASK,
  ACTION_WORDS_SHIFT,
  Action,
  HASH_ALGORITHM_SYM_L4,
} from "../../assembly/layout/action.ts";
import type { DropReason } from "../../assembly/layout/stat.ts";
import { ActionEncodingError } from "../errors.ts";
import type { OdpAction, OdpPort } from "./action.ts";
import { swap16, swap32 } from "./flow-key.ts";

/** Decodes a program, `[words][action ...]`. Throws ActionEncodingError where it is not one. */
export function decodeActions(program: Uint32Array): OdpAction[] {
  const words = program[0] ?? 0;
  if (words + 1 > program.length) {
    throw new ActionEncodingError(`a program of ${words} words lies in ${program.length}`);
  }
  return decodeList(program, 1, words + 1);
}

function decodeList(program: Uint32Array, start: number, end: number): OdpAction[] {
  const actions: OdpAction[] = [];
  let at = start;
  while (at < end) {
    const head = program[at]!;
    const next = at + (head >>> ACTION_WORDS_SHIFT);
    if (next <= at || next > end)
      throw new ActionEncodingError(`an action at word ${at} ends at word ${next}`);
    actions.push(decodeAction(new Operands(program, at + 1, next), head & ACTION_OPCODE_MASK));
    at = next;
  }
  return actions;
}

/** Takes the operands of one action, in order. */
class Operands {
  private readonly program: Uint32Array;
  private at: number;
  private readonly end: number;

  constructor(program: Uint32Array, at: number, end: number) {
    this.program = program;
    this.at = at;
    this.end = end;
  }

  word(): number {
    if (this.at >= this.end)
      throw new ActionEncodingError(`an action ends at word ${this.end}, before its operands`);
    return this.program[this.at++]!;
  }

  /** 16 bits in network order. */
  be16(): number {
    return swap16(this.word() & 0xffff);
  }

  /** 32 bits in network order. */
  be32(): number {
    return swap32(this.word());
  }

  mac(): bigint {
    return (BigInt(this.be32()) << 16n) | BigInt(this.be16());
  }

  ipv6(): bigint {
    let address = 0n;
    for (let i = 0; i < 4; i++) address = (address << 32n) | BigInt(this.be32());
    return address;
  }

  /** The actions of the next `words` words, or of all that are left. */
  list(words = this.end - this.at): OdpAction[] {
    const start = this.at;
    this.at += words;
    if (this.at > this.end) throw new ActionEncodingError(`a nested list passes word ${this.end}`);
    return decodeList(this.program, start, this.at);
  }

  /** Reads the same fields as value and as mask. */
  twice<T>(read: () => T): { value: T; mask: T } {
    const value = read();
    return { value, mask: read() };
  }
}

function decodeAction(o: Operands, opcode: Action): OdpAction {
  switch (opcode) {
    case Action.OUTPUT:
      return { type: "output", port: o.word() as OdpPort };
    case Action.DROP:
      return { type: "drop", reason: o.word() as DropReason };
    case Action.USERSPACE:
      return { type: "userspace", cookie: o.word(), maxLen: o.word() };
    case Action.RECIRC:
      return { type: "recirc", recircId: o.word() };
    case Action.TRUNC:
      return { type: "trunc", maxLen: o.word() };
    case Action.SAMPLE:
      return { type: "sample", probability: o.word(), actions: o.list() };
    case Action.CLONE:
      return { type: "clone", actions: o.list() };
    case Action.HASH:
      return {
        type: "hash",
        algorithm: o.word() === HASH_ALGORITHM_SYM_L4 ? "symL4" : "l4",
        basis: o.word(),
      };
    case Action.METER:
      return { type: "meter", meterId: o.word() };
    case Action.CHECK_PKT_LEN:
      return { type: "checkPktLen", pktLen: o.word(), greater: o.list(o.word()), lessEqual: o.list() };
    default:
      return decodeChange(o, opcode);
  }
}

/** CFI bit of a tci as a value: a program always has it set, data never. */
const VLAN_CFI = 0x1000;

function decodeChange(o: Operands, opcode: Action): OdpAction {
  switch (opcode) {
    case Action.PUSH_VLAN:
      return { type: "pushVlan", tpid: o.be16(), tci: o.be16() & ~VLAN_CFI };
    case Action.POP_VLAN:
      return { type: "popVlan" };
    case Action.PUSH_MPLS:
      return { type: "pushMpls", ethertype: o.be16(), lse: o.be32() };
    case Action.POP_MPLS:
      return { type: "popMpls", ethertype: o.be16() };
    case Action.DEC_TTL:
      return { type: "decTtl" };
    case Action.PUSH_ETH: {
      const dstHigh = o.be32();
      const rest = o.word();
      const dst = (BigInt(dstHigh) << 16n) | BigInt(swap16(rest & 0xffff));
      return { type: "pushEth", dst, src: o.mac(), ethertype: swap16(rest >>> 16) };
    }
    case Action.POP_ETH:
      return { type: "popEth" };
    default:
      return decodeSet(o, opcode);
  }
}

function decodeSet(o: Operands, opcode: Action): OdpAction {
  switch (opcode) {
    case Action.SET_ETH:
      return { type: "setEth", ...o.twice(() => ({ dst: o.mac(), src: o.mac() })) };
    case Action.SET_VLAN:
      return { type: "setVlan", ...o.twice(() => o.be16()) };
    case Action.SET_IPV4:
      return {
        type: "setIpv4",
        ...o.twice(() => ({ src: o.be32(), dst: o.be32(), ...low(o.word(), "tos", "ttl") })),
      };
    case Action.SET_IPV6:
      return {
        type: "setIpv6",
        ...o.twice(() => ({
          src: o.ipv6(),
          dst: o.ipv6(),
          label: o.be32(),
          ...low(o.word(), "tclass", "hopLimit"),
        })),
      };
    case Action.SET_PORTS:
      return { type: "setPorts", transport: "tcp", ...o.twice(() => decodePorts(o.word())) };
    case Action.SET_ICMP:
      return { type: "setIcmp", version: 4, ...o.twice(() => low(o.word(), "type", "code")) };
    case Action.SET_ARP:
      return {
        type: "setArp",
        ...o.twice(() => ({ op: o.be16(), spa: o.be32(), tpa: o.be32(), sha: o.mac(), tha: o.mac() })),
      };
    case Action.SET_ND:
      return { type: "setNd", ...o.twice(() => ({ target: o.ipv6(), sll: o.mac(), tll: o.mac() })) };
    case Action.SET_ND_EXTENSIONS:
      return { type: "setNdExtensions", ...o.twice(() => ({ reserved: o.be32(), optionsType: o.word() })) };
    case Action.SET_MPLS:
      return { type: "setMpls", ...o.twice(() => o.be32()) };
    case Action.SET_MARK:
      return { type: "setMark", ...o.twice(() => o.word()) };
    case Action.SET_PRIORITY:
      return { type: "setPriority", value: o.word() };
    default:
      throw new ActionEncodingError(`no action has opcode ${opcode}`);
  }
}

function decodePorts(word: number): { src: number; dst: number } {
  return { src: swap16(word & 0xffff), dst: swap16(word >>> 16) };
}

/** Two bytes of a word, the low one first. */
function low<A extends string, B extends string>(word: number, first: A, second: B): Record<A | B, number> {
  return { [first]: word & 0xff, [second]: (word >>> 8) & 0xff } as Record<A | B, number>;
}
