// The mask cache beside a plain model of the kernel's algorithm, lookup by lookup.

import assert from "node:assert/strict";
import { test } from "node:test";
import { LookupLevel } from "../../../../assembly/layout/stat.ts";
import { ethernet, ipv4, packet, udp } from "../../../support/packet-builder.ts";
import { parsePlainly } from "../../../support/plain-parser.ts";
import { matchesPlainly, RawDatapath } from "../../../support/raw-datapath.ts";
import { SeededRandom } from "../../../support/seeded-random.ts";

interface Flow {
  readonly key: Uint32Array;
  readonly mask: Uint32Array;
  readonly maskIndex: number;
}

interface ModelResult {
  readonly flow: number;
  readonly level: LookupLevel;
  readonly visited: number;
}

/** net/openvswitch/flow_table.c: ovs_flow_tbl_lookup_stats and flow_lookup, in plain words. */
class KernelMaskCache {
  readonly #entries: { hash: number; index: number }[];
  readonly #masks: number;
  readonly #flows: readonly Flow[];
  visited = 0;

  constructor(size: number, masks: number, flows: readonly Flow[]) {
    this.#entries = Array.from({ length: size }, () => ({ hash: 0, index: 0 }));
    this.#masks = masks;
    this.#flows = flows;
  }

  lookup(hash: number, key: Uint32Array): ModelResult {
    this.visited = 0;
    if (hash === 0 || this.#entries.length === 0) return this.#result(this.#walk({ index: 0 }, key), false);
    let victim: { hash: number; index: number } | undefined;
    let shifted = hash;
    for (let segment = 0; segment < 4; segment++) {
      const entry = this.#entries[shifted & (this.#entries.length - 1)]!;
      if (entry.hash === hash) {
        const walk = this.#walk(entry, key);
        if (walk.flow === 0) entry.hash = 0;
        return this.#result(walk, true);
      }
      if (victim === undefined || entry.hash < victim.hash) victim = entry;
      shifted >>>= 8;
    }
    const walk = this.#walk(victim!, key);
    if (walk.flow !== 0) victim!.hash = hash;
    return this.#result(walk, false);
  }

  #walk(entry: { index: number }, key: Uint32Array): { flow: number; first: boolean } {
    if (entry.index < this.#masks) {
      const flow = this.#try(entry.index, key);
      if (flow !== 0) return { flow, first: true };
    }
    for (let index = 0; index < this.#masks; index++) {
      if (index === entry.index) continue;
      const flow = this.#try(index, key);
      if (flow === 0) continue;
      entry.index = index;
      return { flow, first: false };
    }
    return { flow: 0, first: false };
  }

  /** 1 + the number of the flow; 0 = none under this mask. */
  #try(index: number, key: Uint32Array): number {
    this.visited++;
    return (
      this.#flows.findIndex((flow) => flow.maskIndex === index && matchesPlainly(key, flow.key, flow.mask)) +
      1
    );
  }

  #result({ flow, first }: { flow: number; first: boolean }, known: boolean): ModelResult {
    const hit = known && first ? LookupLevel.MASK_CACHE : LookupLevel.MASKED;
    return { flow, visited: this.visited, level: flow === 0 ? LookupLevel.UPCALL : hit };
  }
}

/** Masks of different prefix lengths of nw_dst; each flow lies under one of them. */
function drawFlows(random: SeededRandom, masks: number, flows: number): Flow[] {
  return Array.from({ length: flows }, (_, i) => {
    const maskIndex = i < masks ? i : random.int(0, masks - 1);
    const key = parsePlainly(frame(random.u32(), random.int(0, 3)), { inPort: 1 });
    const mask = new Uint32Array(key.length);
    mask[0] = 0xffffffff;
    mask[1] = 0xffffffff;
    mask[2] = 0x1000ffff;
    mask[5] = Buffer.from(Uint32Array.of((0xffffffff << (24 - maskIndex)) >>> 0).buffer)
      .swap32()
      .readUInt32LE();
    for (let word = 0; word < key.length; word++) key[word]! &= mask[word]!;
    return { key, mask, maskIndex };
  });
}

function frame(address: number, port: number): Buffer {
  const dst = [24, 16, 8, 0].map((shift) => (address >>> shift) & 255).join(".");
  return packet(ethernet(), ipv4({ src: "10.1.2.3", dst }), udp({ src: 1000 + port, dst: 53 }), 18);
}

for (const { size, masks, flows } of [
  { size: 256, masks: 8, flows: 200 },
  { size: 4, masks: 16, flows: 400 },
  { size: 16, masks: 3, flows: 60 },
  { size: 0, masks: 8, flows: 50 },
]) {
  test(`a mask cache of ${size} entries does what the kernel's does, lookup by lookup (${masks} masks)`, () => {
    const seed = 20_000 + size;
    const random = new SeededRandom(seed);
    const drawn = drawFlows(random, masks, flows);
    const datapath = new RawDatapath(
      {
        "microflow.entries": 0,
        "maskCache.entries": size,
        "maskCache.victim": "kernel",
        pruning: "off",
        "rank.intervalMs": 0,
      },
      BigInt(seed),
    );
    const addresses = drawn.map(({ key, mask }) => datapath.put(key, mask).flow);
    const model = new KernelMaskCache(size, masks, drawn);
    const targets = Array.from({ length: 120 }, () => frame(random.u32(), random.int(0, 3)));
    for (const { key } of drawn)
      targets.push(frame(Buffer.from(key.buffer).readUInt32BE(20), random.int(0, 3)));
    const seen = { hit: 0, masked: 0, missed: 0 };
    for (let step = 0; step < 3000; step++) {
      const bytes = random.pick(targets);
      const found = datapath.lookup([bytes])[0]!;
      const wanted = model.lookup(found.hash, parsePlainly(bytes, { inPort: 1 }));
      const got = { flow: addresses.indexOf(found.flow) + 1, level: found.level, visited: found.visited };
      // Overlapping prefixes may hold equal keys: any flow under the mask that was found is the same to the cache.
      assert.deepEqual(got, wanted, `seed ${seed}, step ${step}, ${bytes.toString("hex")}`);
      if (wanted.level === LookupLevel.MASK_CACHE) seen.hit++;
      else if (wanted.flow === 0) seen.missed++;
      else seen.masked++;
    }
    assert.ok(seen.masked > 0 && seen.missed > 0, JSON.stringify(seen));
    assert.equal(seen.hit > 0, size > 0, JSON.stringify(seen));
  });
}

test("a packet that cannot be hashed goes around the mask cache", () => {
  const datapath = new RawDatapath({ "microflow.entries": 0, "maskCache.entries": 256, pruning: "off" });
  const arp = Buffer.concat([Buffer.from("ffffffffffff0200000000010806", "hex"), Buffer.alloc(46)]);
  const mask = new Uint32Array(136);
  mask[2] = 0xffff;
  datapath.put(parsePlainly(arp, { inPort: 1 }), mask);
  for (let i = 0; i < 3; i++) {
    const found = datapath.lookup([arp])[0]!;
    assert.equal(found.hash, 0);
    assert.equal(found.level, LookupLevel.MASKED);
  }
});

test("under the lru rule a busy connection keeps its place where the kernel's rule evicts it", () => {
  const hits = (victim: "lru" | "kernel"): number => {
    const random = new SeededRandom(7);
    const datapath = new RawDatapath({
      "microflow.entries": 0,
      "maskCache.entries": 64,
      "maskCache.victim": victim,
      pruning: "off",
    });
    for (const { key, mask } of drawFlows(random, 4, 4)) datapath.put(key, mask);
    const mask = new Uint32Array(136);
    mask[2] = 0xffff;
    datapath.put(parsePlainly(frame(1, 1)), mask);
    const busy = Array.from({ length: 24 }, () => frame(random.u32(), 1));
    let found = 0;
    for (let step = 0; step < 6000; step++) {
      const bytes = random.chance(80) ? random.pick(busy) : frame(random.u32(), 2);
      if (datapath.lookup([bytes])[0]!.level === LookupLevel.MASK_CACHE) found++;
    }
    return found;
  };
  const [lru, kernel] = [hits("lru"), hits("kernel")];
  assert.ok(lru > kernel * 1.05, `lru ${lru}, kernel ${kernel}`);
});
