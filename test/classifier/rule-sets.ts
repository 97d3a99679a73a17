// Seeded random rules and flows for classifier tests: few values a field, so that rules overlap and
// flows hit, over masks of every kind the optimisations care about.

import {
  KEY_DL_DST,
  KEY_DL_SRC,
  KEY_ETH_TYPE,
  KEY_IN_PORT,
  KEY_IPV6_DST,
  KEY_NW_DST,
  KEY_NW_PROTO,
  KEY_NW_SRC,
  KEY_TCP_FLAGS,
  KEY_TP_DST,
  KEY_TP_SRC,
} from "../../assembly/layout/flow-key.ts";
import { FLOW_CONJ_ID, FLOW_REGS, FLOW_WORD_COUNT } from "../../src/openflow/flow-layout.ts";
import type { Conjunction } from "../../src/xlate/classifier/conjunction.ts";
import type { OracleRule } from "./linear-oracle.ts";

/** A small generator with a printable seed (mulberry32). */
export function seededRandom(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 4294967296) * below);
  };
}

type Random = (below: number) => number;

function bytes(words: Uint32Array): Uint8Array {
  return new Uint8Array(words.buffer);
}

const ETH_TYPES = [0x0800, 0x86dd, 0x0806];

function put(at: Uint8Array, offset: number, ...values: number[]): void {
  at.set(values, offset);
}

function putPrefix(words: Uint8Array, mask: Uint8Array, at: number, size: number, length: number): void {
  for (let bit = 0; bit < size * 8; bit++) {
    const byte = at + (bit >>> 3);
    const flag = 0x80 >>> (bit & 7);
    if (bit < length) mask[byte] = (mask[byte] as number) | flag;
    else words[byte] = (words[byte] as number) & ~flag;
  }
}

/** A flow of a few frequent values. */
export function randomFlow(random: Random): Uint32Array {
  const words = new Uint32Array(FLOW_WORD_COUNT);
  const at = bytes(words);
  const ethType = ETH_TYPES[random(3)] as number;
  put(at, KEY_IN_PORT, 1 + random(3));
  put(at, KEY_ETH_TYPE, ethType >>> 8, ethType & 0xff);
  put(at, KEY_DL_DST, 2, 0, 0, 0, 0, random(4));
  put(at, KEY_DL_SRC, 2, 0, 0, 0, 0, random(4));
  put(at, FLOW_REGS, 0, 0, 0, random(3));
  if (ethType !== 0x86dd) {
    put(at, KEY_NW_SRC, 10, random(4), random(2) * 128, random(256));
    put(at, KEY_NW_DST, 10, random(4), random(2) * 128, random(256));
  } else {
    put(at, KEY_IPV6_DST, 0xfd, 0, 0, random(4), 0, 0, 0, random(4), 0, 0, 0, random(2));
  }
  if (ethType !== 0x0806) {
    put(at, KEY_NW_PROTO, random(2) === 0 ? 6 : 17);
    put(at, KEY_TP_SRC, random(2), random(4));
    put(at, KEY_TP_DST, random(2), random(4));
    if (at[KEY_NW_PROTO] === 6) put(at, KEY_TCP_FLAGS, 0, random(4));
  } else put(at, KEY_NW_PROTO, 1 + random(2));
  return words;
}

/** A match that some random flow meets. */
export function randomMatch(random: Random): { words: Uint32Array; mask: Uint32Array } {
  const words = randomFlow(random);
  const mask = new Uint32Array(FLOW_WORD_COUNT);
  const at = bytes(words);
  const bits = bytes(mask);
  const exact = (offset: number, size: number) => bits.fill(0xff, offset, offset + size);
  const ipv6 = at[KEY_ETH_TYPE] === 0x86;
  if (random(3) === 0) exact(KEY_IN_PORT, 4);
  if (random(4) === 0) exact(FLOW_REGS, 4);
  if (random(4) === 0) exact(KEY_DL_DST, 6);
  if (random(6) === 0) exact(KEY_DL_SRC, 6);
  if (random(5) !== 0) {
    exact(KEY_ETH_TYPE, 2);
    if (ipv6 && random(2) === 0) putPrefix(at, bits, KEY_IPV6_DST, 16, random(129));
    if (!ipv6 && random(2) === 0) putPrefix(at, bits, KEY_NW_DST, 4, random(33));
    if (!ipv6 && random(3) === 0) putPrefix(at, bits, KEY_NW_SRC, 4, random(33));
    if (random(3) !== 0) {
      exact(KEY_NW_PROTO, 1);
      if (random(2) === 0) putPrefix(at, bits, KEY_TP_DST, 2, random(17));
      if (random(3) === 0) exact(KEY_TP_SRC, 2);
      if (random(5) === 0) exact(KEY_TCP_FLAGS, 2);
    }
  }
  for (let i = 0; i < FLOW_WORD_COUNT; i++) words[i] = (words[i] as number) & (mask[i] as number);
  return { words, mask };
}

/** A rule; some are clauses of conjunctions, some match a conj_id. */
export function randomRule(random: Random, name: string, conjunctive: boolean): OracleRule {
  const match = randomMatch(random);
  let conjunctions: Conjunction[] | null = null;
  if (conjunctive && random(2) === 0) {
    conjunctions = [{ id: 1 + random(2), clause: random(2), clauses: 2 }];
  } else if (conjunctive && random(4) === 0) {
    match.mask[FLOW_CONJ_ID / 4] = 0xffffffff;
    match.words[FLOW_CONJ_ID / 4] = 1 + random(2);
  }
  return { name, match, priority: random(6), conjunctions, subtable: null, slot: -1 };
}
