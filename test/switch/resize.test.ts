// Settings that change while packets flow: the same packets come out, none is lost, memory comes back.

import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { Command } from "../../assembly/layout/command.ts";
import { defaultSettings, parseSetting, type Settings } from "../../src/config/settings.ts";
import { FlowSyntaxError } from "../../src/errors.ts";
import type { InlineSwitch, PacketFate } from "../../src/inline-switch.ts";
import { placeTrace } from "../../src/netdev/trace.ts";
import { takeSnapshot } from "../../src/observe/snapshot.ts";
import type { OfPort } from "../../src/openflow/port.ts";
import { ThreadedSwitch } from "../../src/threaded-switch.ts";
import { assertAccounted } from "../support/accounting.ts";
import { eventually } from "../support/eventually.ts";
import { labSwitch, sendAll, type Traffic } from "../support/lab-switch.ts";
import { ethernet, ipv4, packet, udp } from "../support/packet-builder.ts";
import { quietRound } from "../support/quiet-round.ts";
import { randomPackets } from "../support/random-packets.ts";
import { randomRules } from "../support/random-rules.ts";
import { SeededRandom } from "../support/seeded-random.ts";

const small = { ...defaultSettings, "microflow.entries": 1024, "maskCache.entries": 256, frames: 2048 };

/** Values that the random changes draw from: off, tiny, odd mixes of modes. */
const choices: { readonly [K in keyof Settings]?: readonly Settings[K][] } = {
  "microflow.entries": [0, 4, 64, 1024, 1 << 16],
  "microflow.mode": ["signature", "exact"],
  "microflow.insertInverse": [1, 3, 100],
  "microflow.bypass": ["auto", "off"],
  "maskCache.entries": [0, 1, 16, 256, 1 << 14],
  "maskCache.victim": ["lru", "kernel"],
  pruning: ["on", "off"],
  "rank.intervalMs": [0, 1, 1000],
  batch: [1, 7, 64],
};

function randomChanges(random: SeededRandom): Partial<Settings> {
  const changes: Record<string, unknown> = {};
  for (const [key, values] of Object.entries(choices)) {
    if (random.chance(40)) changes[key] = random.pick(values as readonly unknown[]);
  }
  return changes as Partial<Settings>;
}

function addAccepted(sw: InlineSwitch, flows: readonly string[]): void {
  for (const flow of flows) {
    try {
      sw.addFlows(`${flow}\n`);
    } catch (error) {
      assert.ok(error instanceof FlowSyntaxError, String(error));
    }
  }
}

function outcome({ sent, packetIns, dropped }: PacketFate): string {
  const out = sent.map(({ port, bytes }) => `${port}:${Buffer.from(bytes).toString("hex")}`);
  return JSON.stringify([
    out,
    packetIns.map(({ packet }) => Buffer.from(packet).toString("hex")),
    dropped ?? null,
  ]);
}

for (const seed of [1, 2, 3, 4]) {
  test(`the same packets come out while settings change between any two batches (seed ${seed})`, async () => {
    const random = new SeededRandom(seed);
    const rules = randomRules(random, "basic");
    const traffic: Traffic[] = randomPackets(random, { count: 60, ports: 6 }).map(({ port, hex }) => ({
      port,
      bytes: Buffer.from(hex, "hex"),
    }));
    const reference = labSwitch(small);
    const changing = labSwitch(small);
    for (const sw of [reference, changing]) addAccepted(sw, rules.flows);
    let sent = 0;
    const burst = (): void => {
      const some = Array.from({ length: 6 }, () => random.pick(traffic));
      const expected = sendAll(reference, some, 3).map(outcome);
      assert.deepEqual(sendAll(changing, some, 3).map(outcome), expected, `seed ${seed}, packet ${sent}`);
      sent += some.length;
    };
    // A burst behind every single command: what a PMD on its own thread may meet.
    const { channel } = changing.pmds[0]!;
    const plain = channel.plain.bind(channel);
    let commands = 0;
    channel.plain = (...command) => {
      const token = plain(...command);
      if (command[0] !== Command.REGION && command[0] !== Command.SET) return token;
      commands++;
      burst();
      return token;
    };
    for (let round = 0; round < 40; round++) {
      const changes = randomChanges(random);
      const settings = await changing.changeSettings(changes);
      for (const [key, value] of Object.entries(changes)) {
        assert.equal(settings[key as keyof Settings], value, `seed ${seed}: ${key}`);
      }
      const caches = takeSnapshot(changing).pmds[0]?.caches;
      assert.equal(caches?.microflow.entries, settings["microflow.entries"]);
      assert.equal(caches?.maskCache.entries, settings["maskCache.entries"]);
      burst();
    }
    assert.ok(commands > 100, `${commands} commands`);
    assertAccounted(changing, sent);
    await Promise.all([reference.close(), changing.close()]);
  });
}

function threaded(t: TestContext, cores = [0]): ThreadedSwitch {
  const sw = new ThreadedSwitch({ settings: small, seed: 1n, cores });
  t.after(() => sw.close());
  for (const number of [1, 2, 3, 4, 5])
    sw.addPort({ number: number as OfPort, name: `p${number}`, transmit: "null" });
  sw.addFlows(
    Array.from(
      { length: 12 },
      (_, i) => `priority=${i},ip,nw_dst=10.9.0.0/${16 + i},actions=dec_ttl,${2 + (i % 4)}`,
    ).join("\n"),
  );
  return sw;
}

function trace(flows: number): Buffer[] {
  return Array.from({ length: flows }, (_, i) =>
    packet(
      ethernet(),
      ipv4({ src: `10.1.${i >> 8}.${i & 255}`, dst: `10.9.${i & 7}.${i % 251}` }),
      udp(),
      18,
    ),
  );
}

test("a busy PMD changes its caches at random: every byte comes out as before, every packet is accounted for", async (t) => {
  const seed = 7;
  const random = new SeededRandom(seed);
  const sw = threaded(t);
  const packets = trace(3000);
  sw.addTrace(1 as OfPort, { ...placeTrace(sw.memory, packets), leftOut: 0 });
  await quietRound(sw);
  const expected = await sw.digestRound();
  const before = takeSnapshot(sw).totals;
  for (let round = 0; round < 12; round++) {
    const changes = [randomChanges(random), randomChanges(random), randomChanges(random)];
    const [digest] = await Promise.all([sw.digestRound(), ...changes.map((one) => sw.changeSettings(one))]);
    assert.equal(digest, expected, `seed ${seed}, round ${round}`);
  }
  await sw.drain();
  const { totals } = takeSnapshot(sw);
  assertAccounted(sw, totals.rxPackets);
  assert.deepEqual(totals.drops, before.drops, "no packet was lost");
  assert.equal(totals.hits.upcall, before.hits.upcall, "no change made an upcall");
  assert.ok(totals.rxPackets > before.rxPackets + 30_000);
});

test("old memory comes back, and sizes can go up and down for ever", async (t) => {
  const sw = threaded(t);
  await sw.changeSettings({ "microflow.entries": 4096 });
  const before = sw.memory.allocated;
  for (const entries of [1 << 20, 0, 4, 1 << 18, 4096]) {
    await sw.changeSettings({ "microflow.entries": entries, "microflow.mode": "signature" });
    assert.equal(takeSnapshot(sw).pmds[0]?.caches.microflow.entries, entries);
  }
  assert.equal(sw.memory.allocated, before);
});

test("a worker that dies comes back with the sizes of the moment, also when it dies amid a change", async (t) => {
  const sw = threaded(t);
  sw.addTrace(1 as OfPort, { ...placeTrace(sw.memory, trace(200)), leftOut: 0 });
  await eventually("traffic", () => sw.traceRounds() >= 3);
  await sw.changeSettings({ "microflow.entries": 256, "maskCache.victim": "kernel" });
  const changed = sw.changeSettings({ "microflow.entries": 1 << 19, "maskCache.entries": 0 });
  const died = sw.threads[0]!.terminate();
  await Promise.all([changed, died]);
  await eventually("the restart", () => sw.restarts === 1);
  const rounds = sw.traceRounds();
  await eventually("traffic after the restart", () => sw.traceRounds() > rounds + 3);
  const caches = takeSnapshot(sw).pmds[0]?.caches;
  assert.equal(caches?.microflow.entries, 1 << 19);
  assert.equal(caches?.maskCache.entries, 0);
  assert.equal(caches?.maskCache.victim, "kernel");
  await sw.drain();
  assertAccounted(sw, takeSnapshot(sw).totals.rxPackets);
});

test("what cannot be is refused, and changes nothing", async (t) => {
  const sw = threaded(t);
  const before = { settings: sw.settings, allocated: sw.memory.allocated };
  await assert.rejects(sw.changeSettings({ frames: 4096 }), {
    code: "SETTING_FIXED",
    message: /setting frames is fixed while the switch runs: it is 2048; .*frames=4096/,
  });
  await assert.rejects(sw.changeSettings({ "microflow.entries": 1000 }), {
    code: "CONFIG",
    message: /setting microflow.entries; expected 0 \(off\) or a power of two, 4 to 4M, got "1000"/,
  });
  await assert.rejects(sw.changeSettings({ "microflow.size": 4 } as never), { code: "CONFIG" });
  // Twice 2.3 GiB do not fit into 4 GiB.
  await sw.changeSettings({ "microflow.mode": "exact", "microflow.entries": 4 });
  const filler = sw.memory.allocate(2 ** 31, "filler");
  await assert.rejects(sw.changeSettings({ "microflow.entries": 1 << 22 }), { code: "MEMORY_EXHAUSTED" });
  sw.memory.release(filler);
  await sw.changeSettings({
    "microflow.mode": "signature",
    "microflow.entries": parseSetting("microflow.entries", "1k"),
  });
  assert.deepEqual({ settings: sw.settings, allocated: sw.memory.allocated }, before);
  // A change that equals what is there is none, fixed or not.
  await sw.changeSettings({ frames: sw.settings.frames });
});
