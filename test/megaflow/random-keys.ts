// Seeded random packets as keys, of the shapes that extraction produces, with few values a field so that
// rules are hit; and keys that differ from another in fields the packet really has.

import {
  KEY_ARP_SHA,
  KEY_ARP_THA,
  KEY_DL_DST,
  KEY_DL_SRC,
  KEY_ETH_TYPE,
  KEY_IN_PORT,
  KEY_IPV6_DST,
  KEY_IPV6_LABEL,
  KEY_IPV6_SRC,
  KEY_MPLS0,
  KEY_ND_TARGET,
  KEY_NW_DST,
  KEY_NW_FRAG,
  KEY_NW_PROTO,
  KEY_NW_SRC,
  KEY_NW_TOS,
  KEY_NW_TTL,
  KEY_PKT_MARK,
  KEY_TCI0,
  KEY_TCI1,
  KEY_TCP_FLAGS,
  KEY_TP_DST,
  KEY_TP_SRC,
  KEY_TPID0,
  KEY_TPID1,
  KEY_WORD_COUNT,
} from "../../assembly/layout/flow-key.ts";
import { getBe16, getBe32, getU8, setBe, setBe16, setBe32, setLe32, setU8 } from "../../src/odp/flow-key.ts";
import { isMplsType } from "../../src/openflow/prereq.ts";
import { exactMask } from "../../src/xlate/finish-mask.ts";

export type Random = (below: number) => number;

function pick<T>(random: Random, values: readonly T[]): T {
  return values[random(values.length)] as T;
}

const MACS = [
  0x020000000001n,
  0x020000000002n,
  0x020000000003n,
  0xffffffffffffn,
  0x0180c2000001n,
  0x01005e000001n,
];
const TTLS = [64, 64, 64, 63, 128, 255, 2, 1, 0];

/** A packet that came in on one of ports 1 to 4. */
export function randomKey(random: Random): Uint32Array {
  const key = new Uint32Array(KEY_WORD_COUNT);
  setLe32(key, KEY_IN_PORT, 1 + random(4));
  setLe32(key, KEY_PKT_MARK, random(8) === 0 ? random(4) : 0);
  setBe(key, KEY_DL_SRC, 6, pick(random, MACS.slice(0, 3)));
  setBe(key, KEY_DL_DST, 6, pick(random, MACS));
  const tags = pick(random, [0, 0, 0, 1, 1, 2]);
  if (tags > 0) tag(random, key, KEY_TPID0, KEY_TCI0);
  if (tags > 1) tag(random, key, KEY_TPID1, KEY_TCI1);
  const kind = random(10);
  if (kind < 5) ipv4(random, key);
  else if (kind < 7) ipv6(random, key);
  else if (kind < 8) arp(random, key);
  else if (kind < 9) mpls(random, key);
  else setBe16(key, KEY_ETH_TYPE, pick(random, [0x88cc, 0x05ff, 0x8902]));
  return key;
}

function tag(random: Random, key: Uint32Array, tpid: number, tci: number): void {
  setBe16(key, tpid, random(3) === 0 ? 0x88a8 : 0x8100);
  setBe16(key, tci, 0x1000 | (random(3) << 13) | pick(random, [0, 5, 6, 100]));
}

function ipv4(random: Random, key: Uint32Array): void {
  setBe16(key, KEY_ETH_TYPE, 0x0800);
  for (const at of [KEY_NW_SRC, KEY_NW_DST]) {
    setBe32(key, at, ((10 << 24) | (random(3) << 16) | (random(2) << 15) | random(4)) >>> 0);
  }
  ipCommon(random, key, 1);
}

function ipv6(random: Random, key: Uint32Array): void {
  setBe16(key, KEY_ETH_TYPE, 0x86dd);
  for (const at of [KEY_IPV6_SRC, KEY_IPV6_DST]) {
    setBe(key, at, 16, (0xfd00n << 112n) | (BigInt(random(3)) << 64n) | BigInt(random(4)));
  }
  setBe32(key, KEY_IPV6_LABEL, random(3));
  ipCommon(random, key, 58);
  if (getU8(key, KEY_NW_PROTO) === 58 && getBe16(key, KEY_TP_SRC) >= 135) {
    setBe(key, KEY_ND_TARGET, 16, (0xfd00n << 112n) | BigInt(random(3)));
    const option = getBe16(key, KEY_TP_SRC) === 135 ? KEY_ARP_SHA : KEY_ARP_THA;
    if (random(2) === 0) setBe(key, option, 6, pick(random, MACS.slice(0, 3)));
  }
}

function ipCommon(random: Random, key: Uint32Array, icmp: number): void {
  setU8(key, KEY_NW_TOS, pick(random, [0, 0, 0x20, 0xb8, 1]));
  setU8(key, KEY_NW_TTL, pick(random, TTLS));
  const proto = pick(random, [6, 6, 6, 17, 17, icmp, 132, 47]);
  setU8(key, KEY_NW_PROTO, proto);
  const fragment = pick(random, [0, 0, 0, 0, 0, 1, 3]);
  setU8(key, KEY_NW_FRAG, fragment);
  if (fragment === 3 || proto === 47) return;
  if (proto === icmp) {
    setBe16(key, KEY_TP_SRC, icmp === 58 ? pick(random, [128, 135, 136]) : pick(random, [0, 8, 3]));
    setBe16(key, KEY_TP_DST, icmp === 58 ? 0 : random(2));
    return;
  }
  setBe16(key, KEY_TP_SRC, pick(random, [80, 443, 1000, 1001, 53]));
  setBe16(key, KEY_TP_DST, pick(random, [80, 443, 1000, 1001, 53]));
  if (proto === 6) setBe16(key, KEY_TCP_FLAGS, pick(random, [0x002, 0x010, 0x012, 0x011]));
}

function arp(random: Random, key: Uint32Array): void {
  setBe16(key, KEY_ETH_TYPE, random(6) === 0 ? 0x8035 : 0x0806);
  setU8(key, KEY_NW_PROTO, pick(random, [1, 1, 2, 0]));
  setBe32(key, KEY_NW_SRC, ((10 << 24) | random(4)) >>> 0);
  setBe32(key, KEY_NW_DST, ((10 << 24) | random(4)) >>> 0);
  setBe(key, KEY_ARP_SHA, 6, pick(random, MACS.slice(0, 3)));
  setBe(key, KEY_ARP_THA, 6, pick(random, MACS.slice(0, 3)));
}

function mpls(random: Random, key: Uint32Array): void {
  setBe16(key, KEY_ETH_TYPE, random(4) === 0 ? 0x8848 : 0x8847);
  const labels = 1 + random(3);
  const deeper = labels === 3 && random(3) === 0;
  for (let i = 0; i < labels; i++) {
    const bottom = i === labels - 1 && !deeper ? 0x100 : 0;
    const entry =
      (pick(random, [16, 17, 100]) << 12) | (random(2) << 9) | bottom | pick(random, [64, 64, 1, 2]);
    setBe32(key, KEY_MPLS0 + i * 4, entry >>> 0);
  }
}

/**
 * A packet that has `key`'s bits where `mask` has bits and otherwise `other`'s, as far as there can be
 * such a packet; null when there cannot.
 */
export function blendKeys(key: Uint32Array, other: Uint32Array, mask: Uint32Array): Uint32Array | null {
  const twin = key.map(
    (word, i) => ((word & (mask[i] as number)) | ((other[i] as number) & ~(mask[i] as number))) >>> 0,
  );
  clearAbsent(twin);
  return twin.every((word, i) => ((word ^ (key[i] as number)) & (mask[i] as number)) === 0) ? twin : null;
}

/** Clears what extraction would not have put into a key of this shape. */
function clearAbsent(key: Uint32Array): void {
  for (const [tpid, tci] of [[KEY_TPID0, KEY_TCI0] as const, [KEY_TPID1, KEY_TCI1] as const]) {
    if ((getBe16(key, tci) & 0x1000) === 0) {
      setBe16(key, tci, 0);
      setBe16(key, tpid, 0);
    } else if (getBe16(key, tpid) !== 0x88a8) setBe16(key, tpid, 0x8100);
  }
  if (getBe16(key, KEY_TPID0) === 0) {
    setBe16(key, KEY_TPID1, 0);
    setBe16(key, KEY_TCI1, 0);
  }
  const shape = exactMask(key);
  for (let i = 0; i < key.length; i++) {
    if (i !== KEY_PKT_MARK >>> 2) key[i] = (key[i] as number) & (shape[i] as number);
  }
  const icmp = getBe16(key, KEY_ETH_TYPE) === 0x0800 ? 1 : 58;
  if (getU8(key, KEY_NW_PROTO) === icmp) {
    setBe16(key, KEY_TP_SRC, getBe16(key, KEY_TP_SRC) & 0xff);
    setBe16(key, KEY_TP_DST, getBe16(key, KEY_TP_DST) & 0xff);
  }
  clearLabels(key);
}

/** Behind the bottom of an MPLS stack there are no labels. */
function clearLabels(key: Uint32Array): void {
  let ended = !isMplsType(getBe16(key, KEY_ETH_TYPE));
  for (let i = 0; i < 3; i++) {
    const offset = KEY_MPLS0 + i * 4;
    if (ended) setBe32(key, offset, 0);
    ended ||= (getBe32(key, offset) & 0x100) !== 0;
  }
}
