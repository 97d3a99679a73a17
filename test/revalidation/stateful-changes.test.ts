// Rules that learn and time out, NORMAL, groups and ports that change, under random traffic: a switch with megaflows
// does to every packet, every rule and every learned address what one without any does, which translates each
// packet by the rules as they are.

import assert from "node:assert/strict";
import { test } from "node:test";
import { isDeepStrictEqual } from "node:util";
import { defaultSettings } from "../../src/config/settings.ts";
import type { InlineSwitch, PacketFate } from "../../src/inline-switch.ts";
import { formatFlow } from "../../src/openflow/format-flow.ts";
import type { OfPort } from "../../src/openflow/port.ts";
import { assertAccounted } from "../support/accounting.ts";
import { labSwitch } from "../support/lab-switch.ts";
import { randomPackets } from "../support/random-packets.ts";
import { testSeed } from "../support/seed.ts";
import { SeededRandom } from "../support/seeded-random.ts";
import { StatefulChurn } from "../support/stateful-churn.ts";

const CASES = Number(process.env["MEGAFLOW_CASES"] ?? 9);
const CHANGES = 25;
const PACKETS = 30;
const base = testSeed;

/** A switch and the rules that it told were gone. */
interface Watched {
  readonly sw: InlineSwitch;
  readonly removed: string[];
}

function create(flowLimit: number): Watched {
  const removed: string[] = [];
  const sw = labSwitch(
    { ...defaultSettings, flowLimit },
    {
      ruleRemoved: ({ rule, reason }) => {
        if (reason !== "replaced") removed.push(`${reason}: ${formatFlow(rule, { nowMs: sw.nowMs })}`);
      },
    },
  );
  return { sw, removed };
}

function outcome({ sent, packetIns, dropped }: PacketFate): unknown {
  return {
    sent: sent.map(({ port, bytes }) => [port, Buffer.from(bytes).toString("hex")]),
    controller: packetIns.map(({ record, packet }) => [
      record.reason,
      record.tableId,
      record.ruleCookie,
      Buffer.from(packet).toString("hex"),
    ]),
    dropped,
  };
}

/** Rules with their counters and ages, learned addresses, and what is gone since the last time. */
function stateOf({ sw, removed }: Watched): unknown {
  sw.creditRules();
  const rules: string[] = [];
  sw.bridge.forEachRule((rule) => rules.push(formatFlow(rule, { nowMs: sw.nowMs })));
  const addresses = [...sw.bridge.macs.entries()].map(
    ({ mac, vlan, port, usedMs }) => `${mac.toString(16)} ${vlan} ${port} ${usedMs}`,
  );
  const groups = sw.groups();
  return { rules: rules.sort(), groups, addresses: addresses.sort(), removed: removed.splice(0).sort() };
}

/** One random run. */
async function runCase(seed: number): Promise<void> {
  const random = new SeededRandom(seed);
  const cached = create(200_000);
  const plain = create(0);
  const churn = new StatefulChurn(random);
  const packets = randomPackets(random, { count: PACKETS, ports: 6 });
  let sent = 0;
  let change = churn.start();
  for (let step = 0; step <= CHANGES; step++) {
    const where = `seed ${seed}, change ${step}: ${change.text}`;
    for (const { sw } of [cached, plain]) change.make(sw);
    assert.deepEqual(stateOf(cached), stateOf(plain), `after ${where}`);
    for (let i = 0; i < PACKETS; i++) {
      const { port, hex } = random.pick(packets);
      const bytes = Buffer.from(hex, "hex");
      const ours = cached.sw.send(port as OfPort, bytes);
      const expected = outcome(plain.sw.send(port as OfPort, bytes));
      sent++;
      if (meetsItself(ours) && !isDeepStrictEqual(outcome(ours), expected)) return;
      assert.deepEqual(outcome(ours), expected, `${where}, port ${port} ${hex}`);
    }
    // Looking brings the counters up to date: a change must do without, too.
    if (random.chance(50)) assert.deepEqual(stateOf(cached), stateOf(plain), `packets after ${where}`);
    change = churn.next();
  }
  for (const { sw } of [cached, plain]) {
    assertAccounted(sw, sent);
    await sw.close();
  }
}

/**
 * Whether what a packet teaches may decide about itself: behind a recirculation it meets what it taught before,
 * if it was translated there, but not if a megaflow took it there.
 */
function meetsItself({ lookups }: PacketFate): boolean {
  return lookups.length > 1;
}

test(`a switch with megaflows learns, forgets, forwards and counts as one without any (seed ${base})`, async () => {
  for (let i = 0; i < CASES; i++) await runCase(base + i);
});
