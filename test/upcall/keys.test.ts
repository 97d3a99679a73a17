// Keys on their way to the controller and in its books: without their empty lanes, and yet the same.

import assert from "node:assert/strict";
import { test } from "node:test";
import { KEY_LANE_COUNT, KEY_WORD_COUNT } from "../../assembly/layout/flow-key.ts";
import { KeyStore } from "../../src/upcall/key-store.ts";
import {
  ethernet,
  hopByHop,
  icmpv6,
  ipv4,
  ipv6,
  mpls,
  packet,
  tcp,
  udp,
  vlan,
} from "../support/packet-builder.ts";
import { SeededRandom } from "../support/seeded-random.ts";
import { SteppedSwitch } from "../support/stepped-switch.ts";

test("a key comes out of the store as it went in, packed or whole, whatever came and went before", () => {
  const random = new SeededRandom(7);
  const store = new KeyStore();
  const kept = new Map<number, Uint32Array>();
  const out = new Uint32Array(KEY_WORD_COUNT);
  for (let i = 0; i < 20_000; i++) {
    const key = new Uint32Array(KEY_WORD_COUNT);
    const packed: number[] = [];
    let written = 0;
    for (let lane = 0; lane < KEY_LANE_COUNT; lane++) {
      const there = lane < 4 || random.chance(15);
      if (!there) continue;
      if (lane >= 4) written = (written | (1 << (lane - 4))) >>> 0;
      for (let word = lane * 4; word < lane * 4 + 4; word++) {
        if (random.chance(40)) key[word] = random.u32();
        packed.push(key[word] as number);
      }
    }
    const number = random.chance(50) ? store.add(key, 0) : store.add(Uint32Array.from(packed), 0, written);
    assert.ok(!kept.has(number), "no two keys have one place");
    kept.set(number, key);
    for (const [old] of kept) {
      if (!random.chance(60)) break;
      store.remove(old);
      kept.delete(old);
    }
  }
  for (const [number, key] of kept) {
    store.read(number, out);
    assert.deepEqual(out, key);
  }
});

test("packets of every kind make a megaflow that their like finds", () => {
  const sw = new SteppedSwitch({ "microflow.entries": 0 }, { exactMegaflows: true });
  sw.addFlows("actions=2");
  sw.settle();
  const kinds = [
    packet(ethernet(), ipv4(), udp({ src: 1, dst: 2 }), 18),
    packet(ethernet(), vlan({ vid: 7 }), ipv4(), tcp({ src: 1, dst: 2 }), 18),
    packet(ethernet(), ipv6(), udp({ src: 1, dst: 2 }), 18),
    packet(ethernet(), ipv6(), hopByHop(), tcp({ src: 1, dst: 2 }), 18),
    packet(ethernet(), vlan({ vid: 7 }), ipv6(), icmpv6({ type: 128 }), 18),
    packet(ethernet(), mpls({ label: 5 }), ipv4(), udp({ src: 1, dst: 2 }), 18),
  ];
  for (let round = 1; round <= 3; round++) {
    for (const bytes of kinds) {
      sw.put(1, bytes);
      sw.settle();
    }
    assert.equal(sw.upcallStats().misses, kinds.length, `round ${round}`);
  }
  assert.equal(sw.takeSent().length, kinds.length * 3);
});
