// Every way to find a megaflow beside a plain linear search, while flows come and go.

import assert from "node:assert/strict";
import { test } from "node:test";
import { CommandStatus } from "../../../../assembly/layout/command.ts";
import { KEY_IN_PORT, KEY_WORD_COUNT } from "../../../../assembly/layout/flow-key.ts";
import { LookupLevel } from "../../../../assembly/layout/stat.ts";
import type { Settings } from "../../../../src/config/settings.ts";
import { allCornerFrames } from "../../../support/corner-frames.ts";
import { parsePlainly } from "../../../support/plain-parser.ts";
import { matchesPlainly, RawDatapath } from "../../../support/raw-datapath.ts";
import { SeededRandom } from "../../../support/seeded-random.ts";

interface Installed {
  readonly flow: number;
  readonly cookie: number;
  readonly key: Uint32Array;
  readonly mask: Uint32Array;
}

interface Variant {
  readonly settings: Partial<Settings>;
  /** Masks drawn, and how often of 100 steps one adds a flow. */
  readonly masks?: number;
  readonly adding?: number;
}

const settingsOf: Record<string, Partial<Settings>> = {
  "all caches and pruning": {},
  "tiny caches": { "microflow.entries": 4, "maskCache.entries": 4 },
  "pruning alone": { "microflow.entries": 0, "maskCache.entries": 0 },
  "mask walk alone": { "microflow.entries": 0, "maskCache.entries": 0, pruning: "off" },
  "exact microflows": { "microflow.mode": "exact", "microflow.entries": 64, "microflow.bypass": "off" },
  "mask cache and walk": { "microflow.entries": 0, pruning: "off", "rank.intervalMs": 1 },
};

const variants: Record<string, Variant> = {
  ...Object.fromEntries(Object.entries(settingsOf).map(([name, settings]) => [name, { settings }])),
  "one mask": { settings: { "microflow.entries": 0 }, masks: 1 },
  // More than the bitmaps combine at a time.
  "pruning among hundreds of masks": {
    settings: { "microflow.entries": 0, "maskCache.entries": 0 },
    masks: 1200,
    adding: 80,
  },
};

/** A mask over some bytes of the lanes that frames have, partial bytes included. */
function drawMask(random: SeededRandom): Uint32Array {
  const mask = new Uint32Array(KEY_WORD_COUNT);
  mask[KEY_IN_PORT / 4] = 0xffffffff;
  mask[2] = 0xffff;
  const bytes = new Uint8Array(mask.buffer);
  for (let n = random.int(0, 6); n > 0; n--) {
    const lane = random.weighted([
      [6, random.int(0, 2)],
      [3, random.int(4, 7)],
      [1, 8],
    ]);
    bytes[lane * 16 + random.int(0, 15)] = random.chance(70) ? 0xff : random.int(1, 255);
  }
  return mask;
}

for (const [name, { settings, masks: drawnMasks = 90, adding = 25 }] of Object.entries(variants)) {
  test(`${name}: a packet finds a flow that matches it, if and only if there is one`, () => {
    const seed = 4242;
    const random = new SeededRandom(seed);
    const datapath = new RawDatapath(settings, 99n);
    const frames = allCornerFrames()
      .map(([, frame]) => frame)
      .filter((frame) => frame.length >= 14);
    const drawn = Array.from({ length: drawnMasks }, () => drawMask(random));
    const masks = [...new Map(drawn.map((mask) => [mask.join(), mask])).values()];
    const flows: Installed[] = [];
    const levels = new Set<LookupLevel>();
    for (let step = 0; step < 1500; step++) {
      datapath.clock++;
      if (random.chance(adding)) addOne(datapath, random, frames, masks, flows);
      else if (random.chance(12) && flows.length > 0) removeOne(datapath, random, flows);
      const burst = Array.from({ length: random.int(1, 5) }, () => random.pick(frames));
      const found = datapath.lookup(burst);
      burst.forEach((bytes, i) => {
        const key = parsePlainly(bytes, { inPort: 1 });
        const matching = flows
          .filter((flow) => matchesPlainly(key, flow.key, flow.mask))
          .map((flow) => flow.flow);
        const context = `seed ${seed}, step ${step}, packet ${bytes.toString("hex")}`;
        if (matching.length === 0) assert.equal(found[i]!.flow, 0, context);
        else assert.ok(matching.includes(found[i]!.flow), context);
        levels.add(found[i]!.level);
      });
    }
    assert.ok(levels.has(LookupLevel.UPCALL) && levels.size > 1, [...levels].join());
    assert.equal(datapath.stats.flows, flows.length);
    const distinct = new Set(flows.map((flow) => flow.mask.join()));
    assert.equal(datapath.stats.masks, distinct.size);
    if (drawnMasks > 1000) assert.ok(distinct.size > 512, `${distinct.size} masks`);
    // There is nothing to choose: the mask cache is not asked.
    if (drawnMasks === 1) assert.ok(levels.has(LookupLevel.MASKED) && !levels.has(LookupLevel.MASK_CACHE));
  });
}

function addOne(
  datapath: RawDatapath,
  random: SeededRandom,
  frames: readonly Buffer[],
  masks: readonly Uint32Array[],
  flows: Installed[],
): void {
  const mask = random.pick(masks);
  const key = parsePlainly(random.pick(frames), { inPort: 1 });
  for (let i = 0; i < KEY_WORD_COUNT; i++) key[i]! &= mask[i]!;
  const known = flows.some((flow) => flow.mask === mask && flow.key.join() === key.join());
  const { flow, cookie, status } = datapath.put(key, mask, random.int(2, 8));
  assert.equal(status, known ? CommandStatus.REPLACED : CommandStatus.OK);
  if (!known) flows.push({ flow, cookie, key, mask });
}

function removeOne(datapath: RawDatapath, random: SeededRandom, flows: Installed[]): void {
  const [gone] = flows.splice(random.int(0, flows.length - 1), 1) as [Installed];
  assert.equal(datapath.remove(gone.flow, gone.cookie), CommandStatus.OK);
  assert.equal(datapath.remove(gone.flow, gone.cookie), CommandStatus.NO_FLOW, "a second time there is none");
}

test("tables grow under way: 60,000 flows are all found, and gone after they were removed", () => {
  const datapath = new RawDatapath({ "microflow.entries": 0, flowLimit: 300_000 });
  const frame = (n: number): Buffer => {
    const bytes = Buffer.from("0200000000010200000000020800450000200000000040110000", "hex");
    const rest = Buffer.alloc(20);
    rest.writeUInt32BE(0x0a000000 + n, 0);
    rest.writeUInt32BE(0x14000000, 4);
    rest.writeUInt16BE(12, 12);
    return Buffer.concat([bytes, rest]);
  };
  const mask = new Uint32Array(KEY_WORD_COUNT);
  mask.fill(0xffffffff, 0, 8);
  mask[2] = 0xffff;
  mask[3] = 0;
  const count = 60_000;
  const flows: { flow: number; cookie: number }[] = [];
  for (let n = 0; n < count; n++) {
    const key = parsePlainly(frame(n), { inPort: 1 });
    for (let i = 0; i < KEY_WORD_COUNT; i++) key[i]! &= mask[i]!;
    const put = datapath.put(key, mask);
    assert.equal(put.status, CommandStatus.OK);
    flows.push(put);
  }
  assert.equal(datapath.stats.flows, count);
  for (let n = 0; n < count; n += 37) assert.equal(datapath.lookup([frame(n)])[0]!.flow, flows[n]!.flow);
  assert.equal(datapath.lookup([frame(count)])[0]!.flow, 0);
  for (const { flow, cookie } of flows) datapath.channel.deleteFlow(flow, cookie);
  while (!datapath.channel.idle) datapath.poll();
  assert.equal(datapath.stats.flows, 0);
  assert.equal(datapath.stats.masks, 0);
  assert.equal(datapath.lookup([frame(5)])[0]!.flow, 0);
});
