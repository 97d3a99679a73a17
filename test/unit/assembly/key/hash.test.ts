// The skb hash: what it covers and what not, when it is 0, and that its bits are as good as random.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  KEY_ETH_TYPE,
  KEY_IPV6_DST,
  KEY_IPV6_SRC,
  KEY_NW_DST,
  KEY_NW_FRAG,
  KEY_NW_PROTO,
  KEY_NW_SRC,
  KEY_SIZE,
  KEY_TP_DST,
  KEY_TP_SRC,
  KEY_WORD_COUNT,
} from "../../../../assembly/layout/flow-key.ts";
import { allCornerFrames } from "../../../support/corner-frames.ts";
import {
  ethernet,
  fragmentHeader,
  icmp,
  ipv4,
  ipv6,
  packet,
  sctp,
  tcp,
  udp,
  vlan,
} from "../../../support/packet-builder.ts";
import { testSeed } from "../../../support/seed.ts";
import { SeededRandom } from "../../../support/seeded-random.ts";
import { testingInstance } from "../../../support/wasm.ts";
import { extract, hashOf, hashSeed } from "./harness.ts";

const seed = testSeed;
const random = new SeededRandom(seed);

function reseed(): void {
  hashSeed(random.bits(64), random.bits(64));
}

reseed();

test(`every IP packet has a hash and nothing else has (seed ${seed})`, () => {
  for (const [name, frame] of allCornerFrames()) {
    const ethType = new DataView(extract(frame).buffer).getUint16(KEY_ETH_TYPE);
    assert.equal(hashOf(frame) !== 0, ethType === 0x0800 || ethType === 0x86dd, name);
  }
});

test("a hash that comes out as 0 is replaced", async () => {
  // Without a seed every multiplier is 0, and so is every sum.
  const { exports, view, base } = await testingInstance();
  view.setUint16(base + KEY_ETH_TYPE, 0x0800);
  const skbHash = exports["skbHash"] as (key: number) => number;
  assert.equal(skbHash(base), 1);
  view.setUint16(base + KEY_ETH_TYPE, 0x86dd);
  assert.equal(skbHash(base), 1);
});

/** Bytes of the key that the hash of such a packet covers. */
const covered: Record<
  string,
  { frame: Buffer; fields: readonly (readonly [offset: number, size: number])[] }
> = {
  "TCP over IPv4": {
    frame: packet(ethernet(), vlan({ vid: 5 }), ipv4({ tos: 4 }), tcp()),
    fields: [
      [KEY_ETH_TYPE, 2],
      [KEY_NW_SRC, 4],
      [KEY_NW_DST, 4],
      [KEY_NW_PROTO, 1],
      [KEY_NW_FRAG, 1],
      [KEY_TP_SRC, 2],
      [KEY_TP_DST, 2],
    ],
  },
  "UDP over IPv6": {
    frame: packet(ethernet(), ipv6({ flowLabel: 77 }), udp()),
    fields: [
      [KEY_ETH_TYPE, 2],
      [KEY_IPV6_SRC, 16],
      [KEY_IPV6_DST, 16],
      [KEY_NW_PROTO, 1],
      [KEY_NW_FRAG, 1],
      [KEY_TP_SRC, 2],
      [KEY_TP_DST, 2],
    ],
  },
  "SCTP over IPv4": {
    frame: packet(ethernet(), ipv4(), sctp()),
    fields: [
      [KEY_ETH_TYPE, 2],
      [KEY_NW_SRC, 4],
      [KEY_NW_DST, 4],
      [KEY_NW_PROTO, 1],
      [KEY_NW_FRAG, 1],
      [KEY_TP_SRC, 2],
      [KEY_TP_DST, 2],
    ],
  },
  ICMP: {
    frame: packet(ethernet(), ipv4(), icmp()),
    fields: [
      [KEY_ETH_TYPE, 2],
      [KEY_NW_SRC, 4],
      [KEY_NW_DST, 4],
      [KEY_NW_PROTO, 1],
    ],
  },
  "a fragment": {
    frame: packet(ethernet(), ipv4({ moreFragments: true }), sctp()),
    fields: [
      [KEY_ETH_TYPE, 2],
      [KEY_NW_SRC, 4],
      [KEY_NW_DST, 4],
      [KEY_NW_PROTO, 1],
    ],
  },
};

for (const [name, { frame, fields }] of Object.entries(covered)) {
  test(`the hash of ${name} covers addresses, protocol and ports as far as they count (seed ${seed})`, () => {
    const key = extract(frame);
    const hash = hashOf(key);
    for (let bit = 0; bit < KEY_SIZE * 8; bit++) {
      const changed = key.slice();
      changed[bit >>> 5]! ^= 1 << (bit & 31);
      const byte = bit >>> 3;
      const counts = fields.some(([offset, size]) => byte >= offset && byte < offset + size);
      // Clearing a fragment's own bits makes it whole; any other value of nw_frag is a fragment still.
      if (name === "a fragment" && byte === KEY_NW_FRAG) continue;
      assert.equal(hashOf(changed) !== hash, counts, `bit ${bit & 7} of byte ${byte}`);
    }
  });
}

test("all fragments of a datagram have one hash, which is not that of a whole one", () => {
  const first = hashOf(packet(ethernet(), ipv4({ moreFragments: true }), udp({ src: 7, dst: 9 }), 16));
  const later = hashOf(packet(ethernet(), ipv4({ fragmentOffset: 3, protocol: 17 }), 16));
  const whole = hashOf(packet(ethernet(), ipv4(), udp({ src: 7, dst: 9 }), 16));
  assert.equal(first, later);
  assert.notEqual(first, whole);
  const firstOfIpv6 = hashOf(packet(ethernet(), ipv6(), fragmentHeader({ more: true }), udp(), 16));
  const otherPorts = hashOf(packet(ethernet(), ipv6(), fragmentHeader({ more: true }), udp({ src: 1 }), 16));
  assert.equal(firstOfIpv6, otherPorts);
});

test("the two directions of a connection have different hashes", () => {
  const there = packet(ethernet(), ipv4({ src: "10.0.0.1", dst: "10.0.0.2" }), tcp({ src: 5, dst: 80 }));
  const back = packet(ethernet(), ipv4({ src: "10.0.0.2", dst: "10.0.0.1" }), tcp({ src: 80, dst: 5 }));
  assert.notEqual(hashOf(there), hashOf(back));
});

test(`the same seed gives the same hash and another one another (seed ${seed})`, () => {
  const frames = allCornerFrames()
    .map(([, frame]) => frame)
    .filter((frame) => hashOf(frame) !== 0);
  const hashesFor = (a: bigint, b: bigint): number[] => {
    hashSeed(a, b);
    return frames.map(hashOf);
  };
  const before = hashesFor(1n, 2n);
  for (const [a, b] of [
    [2n, 1n],
    [1n, 3n],
    [0n, 2n],
    [1n, 2n + (1n << 63n)],
  ] as const) {
    const after = hashesFor(a, b);
    assert.ok(after.filter((hash, i) => hash === before[i]).length <= 1);
  }
  assert.deepEqual(hashesFor(1n, 2n), before);
  reseed();
});

/** 65,536 connections that count up in some way, as port scans and test traffic do. */
const families: Record<string, (key: DataView, i: number) => void> = {
  "destination ports": (key, i) => key.setUint16(KEY_TP_DST, i),
  "source ports": (key, i) => key.setUint16(KEY_TP_SRC, i),
  "destination addresses": (key, i) => key.setUint32(KEY_NW_DST, 0x0a000000 + i),
  "a grid of addresses": (key, i) => {
    key.setUint32(KEY_NW_SRC, 0x0a000000 + (i >>> 8));
    key.setUint32(KEY_NW_DST, 0x0b000000 + (i & 255));
  },
  "addresses and ports in step": (key, i) => {
    key.setUint32(KEY_NW_SRC, 0x0a000000 + i);
    key.setUint32(KEY_NW_DST, 0x0b000000 + i);
    key.setUint16(KEY_TP_SRC, i);
  },
  "IPv6 addresses": (key, i) => {
    key.setUint16(KEY_ETH_TYPE, 0x86dd);
    key.setUint32(KEY_IPV6_DST + 12, i);
  },
};

for (const [name, vary] of Object.entries(families)) {
  test(`65,536 hashes of counted ${name} fill buckets as random numbers do (seed ${seed})`, () => {
    const key = new Uint32Array(KEY_WORD_COUNT);
    const view = new DataView(key.buffer);
    view.setUint16(KEY_ETH_TYPE, 0x0800);
    view.setUint8(KEY_NW_PROTO, 17);
    const low = new Uint16Array(65536);
    const high = new Uint16Array(65536);
    const all = new Set<number>();
    for (let i = 0; i < 65536; i++) {
      vary(view, i);
      const hash = hashOf(key);
      low[hash & 0xffff]!++;
      high[hash >>> 16]!++;
      all.add(hash);
    }
    // Two equal hashes are expected in every second run, twelve in none.
    assert.ok(all.size > 65536 - 12, `${65536 - all.size} of 65,536 hashes are not the first of their value`);
    for (const counts of [low, high]) {
      const squares = counts.reduce((sum, count) => sum + (count - 1) ** 2, 0);
      // One a bucket, with a standard deviation of sqrt(2 / 65,536).
      assert.ok(Math.abs(squares / 65536 - 1) < 0.1, `variance ${squares / 65536}`);
      assert.ok(Math.max(...counts) <= 16, `${Math.max(...counts)} in one bucket`);
    }
  });
}
