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
import { getBe16, getU8, setBe, setBe16, setBe32, setLe32, setU8 } from "../../src/odp/flow-key.ts";

export type Random = (below: number) => number;

function pick<T>(random: Random, values: readonly T[]): T {
  return values[random(values.length)] as T;
}

const MACS = [0x020000000001n, 0x020000000002n, 0x020000000003n, 0xffffffffffffn, 0x0180c2000001n, 0x01005e000001n];
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
    const entry = (pick(random, [16, 17, 100]) << 12) | (random(2) << 9) | bottom | pick(random, [64, 64, 1, 2]);
    setBe32(key, KEY_MPLS0 + i * 4, entry >>> 0);
  }
}

/** `key` in the bits of `mask`, `other` in the others. */
export function blendKeys(key: Uint32Array, other: Uint32Array, mask: Uint32Array): Uint32Array {
  return key.map((word, i) => ((word & (mask[i] as number)) | ((other[i] as number) & ~(mask[i] as number))) >>> 0);
}

/** Whether extraction could have produced the key. */
export function isPossibleKey(key: Uint32Array): boolean {
  const type = getBe16(key, KEY_ETH_TYPE);
  const proto = getU8(key, KEY_NW_PROTO);
  const fragment = getU8(key, KEY_NW_FRAG);
  const ip = type === 0x0800 || type === 0x86dd;
  if (ip && (fragment === 3 || ![1, 6, 17, 58, 132].includes(proto))) {
    if (getBe16(key, KEY_TP_SRC) !== 0 || getBe16(key, KEY_TP_DST) !== 0) return false;
  }
  if (proto === 1 && type === 0x0800 && (getBe16(key, KEY_TP_SRC) > 255 || getBe16(key, KEY_TP_DST) > 255)) return false;
  if (proto === 58 && type === 0x86dd && (getBe16(key, KEY_TP_SRC) > 255 || getBe16(key, KEY_TP_DST) > 255)) return false;
  if ((proto !== 6 || fragment === 3) && getBe16(key, KEY_TCP_FLAGS) !== 0) return false;
  return true;
}
