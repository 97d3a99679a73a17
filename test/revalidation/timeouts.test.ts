// Time-outs of rules under random traffic, changes and FINs, by a simulated clock, against a plain model that knows
// no megaflows: each packet goes by the list of rules alone.

import assert from "node:assert/strict";
import { test } from "node:test";
import { defaultSettings } from "../../src/config/settings.ts";
import type { OfPort } from "../../src/openflow/port.ts";
import { labSwitch } from "../support/lab-switch.ts";
import { ethernet, ipv4, packet, tcp } from "../support/packet-builder.ts";
import { testSeed } from "../support/seed.ts";
import { SeededRandom } from "../support/seeded-random.ts";

const CASES = 6;
const STEPS = 60;
const SOURCES = 12;
const ACK = 0x10;
const FIN = 0x11;
const base = testSeed;

interface ModelRule {
  source: number;
  idle: number;
  hard: number;
  finIdle: number;
  modifiedMs: number;
  usedMs: number;
  packets: number;
}

/** A list of rules, one a source, whose time may be over. */
class Model {
  readonly rules = new Map<number, ModelRule>();
  readonly removed: string[] = [];

  add(rule: ModelRule): void {
    const old = this.rules.get(rule.source);
    this.rules.set(rule.source, { ...rule, packets: old?.packets ?? 0 });
  }

  send(source: number, flags: number, nowMs: number): boolean {
    const rule = this.rules.get(source);
    if (rule === undefined) return false;
    rule.packets++;
    rule.usedMs = nowMs;
    if (flags === FIN && rule.finIdle > 0) {
      rule.idle = rule.idle === 0 ? rule.finIdle : Math.min(rule.idle, rule.finIdle);
    }
    return true;
  }

  expire(nowMs: number): void {
    for (const [source, rule] of this.rules) {
      const isHard = rule.hard > 0 && nowMs - rule.modifiedMs >= rule.hard * 1000;
      const isIdle = rule.idle > 0 && nowMs - rule.usedMs >= rule.idle * 1000;
      if (!isHard && !isIdle) continue;
      this.rules.delete(source);
      this.removed.push(`${source} ${isHard ? "hard timeout" : "idle timeout"} ${rule.packets}`);
    }
  }
}

function segment(source: number, flags: number): Buffer {
  return packet(ethernet(), ipv4({ src: `10.0.0.${source}` }), tcp({ src: 5, dst: 6, flags }), 0);
}

async function runCase(seed: number): Promise<void> {
  const random = new SeededRandom(seed);
  const removed: string[] = [];
  const sw = labSwitch(
    { ...defaultSettings, maxIdleMs: random.pick([1000, 10_000]) },
    {
      ruleRemoved: ({ rule, reason }) => {
        if (reason !== "replaced") removed.push(`${rule.cookie} ${reason} ${rule.packets}`);
      },
    },
  );
  const model = new Model();
  let nowMs = 0;
  for (let step = 0; step < STEPS; step++) {
    nowMs += random.int(500, 2500);
    sw.setClock(nowMs);
    model.expire(nowMs);
    assert.deepEqual(removed.sort(), model.removed.sort(), `seed ${seed}, step ${step}, at ${nowMs} ms`);
    for (let i = random.int(0, 3); i > 0; i--) {
      const source = random.int(1, SOURCES);
      const [idle, hard, finIdle] = [random.int(0, 9), random.int(0, 15), random.int(0, 3)];
      const fin = finIdle > 0 ? `fin_timeout(idle_timeout=${finIdle}),` : "";
      const times = `cookie=${source},idle_timeout=${idle},hard_timeout=${hard}`;
      sw.addFlows(`${times},tcp,nw_src=10.0.0.${source} actions=${fin}${random.int(2, 5)}`);
      const rule = { source, idle, hard, finIdle, modifiedMs: nowMs, usedMs: nowMs, packets: 0 };
      model.add(rule);
    }
    for (let i = random.int(0, 12); i > 0; i--) {
      const source = random.int(1, SOURCES);
      const flags = random.chance(15) ? FIN : ACK;
      const got = sw.send(1 as OfPort, segment(source, flags)).sent.length > 0;
      assert.equal(got, model.send(source, flags, nowMs), `seed ${seed}, step ${step}, source ${source}`);
    }
  }
  sw.creditRules();
  sw.bridge.forEachRule((rule) => {
    assert.equal(rule.packets, model.rules.get(Number(rule.cookie))!.packets, `seed ${seed}, ${rule.cookie}`);
  });
  await sw.close();
}

test(`rules go when a plain model says so, and not before (seed ${base})`, async () => {
  for (let i = 0; i < CASES; i++) await runCase(base + i);
});
