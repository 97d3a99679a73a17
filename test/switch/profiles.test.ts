// Profiles, cache sizes and batch sizes change how fast a packet is found, never where it goes.

import assert from "node:assert/strict";
import { test } from "node:test";
import { LookupLevel } from "../../assembly/layout/stat.ts";
import { findProfile, type ProfileName, resolveSettings } from "../../src/config/profiles.ts";
import type { Settings } from "../../src/config/settings.ts";
import { FlowSyntaxError } from "../../src/errors.ts";
import type { InlineSwitch, PacketFate } from "../../src/inline-switch.ts";
import { assertAccounted } from "../support/accounting.ts";
import { labSwitch, sendAll, type Traffic } from "../support/lab-switch.ts";
import { ethernet, ipv4, packet, tcp, udp } from "../support/packet-builder.ts";
import { randomPackets } from "../support/random-packets.ts";
import { randomRules } from "../support/random-rules.ts";
import { SeededRandom } from "../support/seeded-random.ts";

interface Variant {
  readonly profile: ProfileName;
  readonly settings: Partial<Settings>;
  readonly burst: number;
}

const variants: readonly Variant[] = [
  { profile: "default", settings: {}, burst: 1 },
  { profile: "kernel", settings: {}, burst: 1 },
  { profile: "userspace", settings: {}, burst: 1 },
  { profile: "microflow", settings: {}, burst: 1 },
  {
    profile: "default",
    settings: { "microflow.entries": 0, "maskCache.entries": 0, pruning: "off" },
    burst: 1,
  },
  { profile: "default", settings: { "microflow.entries": 4, "maskCache.entries": 1 }, burst: 1 },
  { profile: "default", settings: { "microflow.mode": "exact", "microflow.entries": 16 }, burst: 1 },
  { profile: "default", settings: { batch: 3 }, burst: 16 },
  { profile: "default", settings: { batch: 256 }, burst: 64 },
  { profile: "kernel", settings: { batch: 16, "maskCache.entries": 4 }, burst: 32 },
];

function name({ profile, settings, burst }: Variant): string {
  return `${profile} ${JSON.stringify(settings)}, bursts of ${burst}`;
}

/** What went where, without how it was found. */
function outcome(fates: readonly PacketFate[]): string[] {
  return fates.map((fate) =>
    JSON.stringify({
      sent: fate.sent.map(({ port, bytes }) => [port, Buffer.from(bytes).toString("hex")]),
      up: fate.packetIns.map((up) => [
        up.record.reason,
        up.record.tableId,
        Buffer.from(up.packet).toString("hex"),
      ]),
      dropped: fate.dropped ?? null,
    }),
  );
}

for (const seed of [11, 12, 13, 14, 15, 16]) {
  test(`the same packets come out in every profile, cache size and batch size (seed ${seed})`, async () => {
    const random = new SeededRandom(seed);
    const rules = randomRules(random, "basic");
    const packets = randomPackets(random, { count: 80, ports: 6 });
    const traffic: Traffic[] = [...packets, ...packets].map(({ port, hex }) => ({
      port,
      bytes: Buffer.from(hex, "hex"),
    }));
    let reference: string[] | undefined;
    for (const variant of variants) {
      const sw = labSwitch(resolveSettings(findProfile(variant.profile), variant.settings), {
        exactMegaflows: findProfile(variant.profile).exactMegaflows,
      });
      addAccepted(sw, rules.flows);
      const fates = sendAll(sw, traffic, variant.burst);
      const got = outcome(fates);
      reference ??= got;
      for (const [i, line] of got.entries()) {
        assert.equal(line, reference[i], `${name(variant)}, packet ${i}, seed ${seed}`);
      }
      assertAccounted(sw, traffic.length);
      await sw.close();
    }
  });
}

/** Random rules may ask for what no switch takes (a third tag): those are left out. */
function addAccepted(sw: InlineSwitch, flows: readonly string[]): void {
  for (const flow of flows) {
    try {
      sw.addFlows(`${flow}\n`);
    } catch (error) {
      assert.ok(error instanceof FlowSyntaxError, String(error));
    }
  }
  assert.ok(sw.bridge.ruleCount > flows.length / 2, "most rules were taken");
}

/** Levels at which a connection's second, third ... packets are found. */
async function levels(profile: ProfileName, settings: Partial<Settings>): Promise<LookupLevel[]> {
  const sw = labSwitch(resolveSettings(findProfile(profile), settings));
  sw.addFlows("ip,actions=2\n");
  const bytes = packet(ethernet(), ipv4({ src: "10.0.0.1", dst: "10.0.0.2" }), udp({ src: 5, dst: 6 }), 18);
  const found = [1, 2, 3, 4].map(() => sw.send(1 as never, bytes).lookups[0]!.level);
  await sw.close();
  return found;
}

const { UPCALL, MASKED, MASK_CACHE, MICROFLOW } = LookupLevel;

test("the microflow cache answers from the third packet on, and not when it is off", async () => {
  assert.deepEqual(await levels("default", { "maskCache.entries": 0 }), [
    UPCALL,
    MASKED,
    MICROFLOW,
    MICROFLOW,
  ]);
  const exact = { "maskCache.entries": 0, "microflow.mode": "exact" } as const;
  assert.deepEqual(await levels("default", exact), [UPCALL, MASKED, MICROFLOW, MICROFLOW]);
  const off = { "maskCache.entries": 0, "microflow.entries": 0 };
  assert.deepEqual(await levels("default", off), [UPCALL, MASKED, MASKED, MASKED]);
});

test("the mask cache answers from the third packet on, and not when it is off", async () => {
  assert.deepEqual(await levels("kernel", {}), [UPCALL, MASKED, MASK_CACHE, MASK_CACHE]);
  assert.deepEqual(await levels("kernel", { "maskCache.entries": 0 }), [UPCALL, MASKED, MASKED, MASKED]);
});

test("an insertion probability of 1/n lets about one miss in n into the microflow cache", async () => {
  const sw = labSwitch(
    resolveSettings(findProfile("default"), { "microflow.insertInverse": 50, "microflow.bypass": "off" }),
  );
  sw.addFlows("ip,actions=2\n");
  for (let i = 0; i < 3000; i++) {
    sw.send(
      1 as never,
      packet(ethernet(), ipv4({ src: "10.0.0.1", dst: "10.0.0.2" }), tcp({ src: i + 1, dst: 6 }), 6),
    );
  }
  const inserts = sw.stats()[0]!.counters.MICROFLOW_INSERTS;
  assert.ok(inserts > 30 && inserts < 100, `${inserts} of 3000`);
  await sw.close();
});

test("pruning leaves few masks to try where a walk tries many", async () => {
  const visited = async (pruning: "on" | "off"): Promise<number> => {
    const sw = labSwitch(
      resolveSettings(findProfile("default"), { "microflow.entries": 0, "maskCache.entries": 0, pruning }),
    );
    const rules = Array.from(
      { length: 24 },
      (_, i) => `ip,nw_dst=${i + 1}.0.0.0/${8 + i},priority=${i + 1},actions=${2 + (i % 6)}`,
    );
    sw.addFlows(`${rules.join("\n")}\n`);
    const frames = rules.map((_, i) =>
      packet(ethernet(), ipv4({ src: "10.0.0.1", dst: `${i + 1}.0.0.0` }), udp({}), 18),
    );
    for (let round = 0; round < 4; round++) for (const frame of frames) sw.send(1 as never, frame);
    const tried = frames.map((frame) => sw.send(1 as never, frame).lookups[0]!.masksVisited);
    await sw.close();
    return tried.reduce((sum, n) => sum + n, 0) / tried.length;
  };
  const [pruned, walked] = [await visited("on"), await visited("off")];
  assert.ok(pruned * 2 < walked, `pruned ${pruned}, walked ${walked}`);
});

test("with megaflows turned off every connection gets one of its own, and wide ones come back with them", async () => {
  const sw = labSwitch(resolveSettings(findProfile("default")));
  sw.addFlows("ip,actions=2\n");
  const send = (): void => {
    for (let source = 1; source <= 20; source++) {
      sw.send(
        1 as never,
        packet(ethernet(), ipv4({ src: "10.0.0.1", dst: "10.0.0.2" }), udp({ src: source, dst: 6 }), 18),
      );
    }
  };
  const megaflows = (): number => {
    sw.settle();
    return sw.megaflows().length;
  };
  send();
  assert.equal(megaflows(), 1);
  sw.enableMegaflows(false);
  assert.equal(megaflows(), 0, "the wide one is gone");
  send();
  assert.equal(megaflows(), 20);
  sw.enableMegaflows(true);
  assert.equal(megaflows(), 20, "narrow ones are true as well");
  await sw.close();
});
