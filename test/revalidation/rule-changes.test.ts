// Random rule changes under random traffic: after each, every packet does what it does in a fresh switch with the
// same rules, and every rule has counted just the packets that went through it.

import assert from "node:assert/strict";
import { test } from "node:test";
import { defaultSettings } from "../../src/config/settings.ts";
import type { InlineSwitch, PacketFate } from "../../src/inline-switch.ts";
import { formatFlow } from "../../src/openflow/format-flow.ts";
import type { OfPort } from "../../src/openflow/port.ts";
import type { RuleRemoval } from "../../src/xlate/changes.ts";
import { assertAccounted } from "../support/accounting.ts";
import { labSwitch } from "../support/lab-switch.ts";
import { type RandomPacket, randomPackets } from "../support/random-packets.ts";
import { RuleChurn } from "../support/rule-churn.ts";
import { testSeed } from "../support/seed.ts";
import { SeededRandom } from "../support/seeded-random.ts";

const CASES = 6;
const CHANGES = 12;
const PACKETS = 40;
const base = testSeed;

/** Name of a rule that stays when the rule does: table, priority and match. */
function nameOf(rule: Parameters<typeof formatFlow>[0]): string {
  const text = formatFlow(rule).replace(/ actions=.*/, "");
  return text.replace(/(cookie|duration|n_packets|n_bytes|idle_age)=[^,]*, ?/g, "");
}

function rulesOf(sw: InlineSwitch): string {
  const lines: string[] = [];
  sw.bridge.forEachRule((rule) => lines.push(formatFlow(rule)));
  return lines.join("\n");
}

function outcome(fate: PacketFate): unknown {
  return {
    sent: fate.sent.map(({ port, bytes }) => [port, Buffer.from(bytes).toString("hex")]),
    controller: fate.packetIns.map(({ record, packet }) => [
      record.reason,
      record.tableId,
      record.ruleCookie,
      Buffer.from(packet).toString("hex"),
    ]),
    dropped: fate.dropped,
  };
}

function addCounts(sw: InlineSwitch, into: Map<string, number>): void {
  sw.creditRules();
  sw.bridge.forEachRule((rule) => {
    into.set(nameOf(rule), (into.get(nameOf(rule)) ?? 0) + rule.packets);
  });
}

function send(sw: InlineSwitch, { port, hex }: RandomPacket): unknown {
  return outcome(sw.send(port as OfPort, Buffer.from(hex, "hex")));
}

async function runCase(seed: number): Promise<void> {
  const random = new SeededRandom(seed);
  const actual = new Map<string, number>();
  const expected = new Map<string, number>();
  const count = ({ rule, reason }: RuleRemoval) => {
    if (reason !== "replaced") actual.set(nameOf(rule), (actual.get(nameOf(rule)) ?? 0) + rule.packets);
  };
  const sw = labSwitch(defaultSettings, { ruleRemoved: count });
  const churn = new RuleChurn(random);
  churn.start(sw);
  const packets = randomPackets(random, { count: PACKETS, ports: 6 });
  let sent = 0;
  let last = "start";
  for (let change = 0; change <= CHANGES; change++) {
    const fresh = labSwitch(defaultSettings);
    if (churn.meters.length > 0) fresh.addMeters(churn.meters.join("\n"));
    fresh.addGroups(churn.groups.join("\n"));
    fresh.addFlows(rulesOf(sw));
    for (let i = 0; i < PACKETS * 2; i++) {
      const one = i < PACKETS ? packets[i]! : random.pick(packets);
      assert.deepEqual(
        send(sw, one),
        send(fresh, one),
        `seed ${seed}, change ${change} (${last}), ${one.hex}`,
      );
      sent++;
    }
    addCounts(fresh, expected);
    await fresh.close();
    last = churn.change(sw);
  }
  addCounts(sw, actual);
  for (const [name, packetsOf] of expected) {
    assert.equal(actual.get(name) ?? 0, packetsOf, `seed ${seed}: packets of ${name}`);
  }
  assertAccounted(sw, sent);
  await sw.close();
}

test(`random rule changes leave every packet and every counter as a fresh switch has them (seed ${base})`, async () => {
  for (let i = 0; i < CASES; i++) await runCase(base + i);
});
