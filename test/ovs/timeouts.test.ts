// Time-outs of rules beside Open vSwitch's own, both by a simulated clock (`ovs-appctl time/stop` and `time/warp`):
// the same rules go, with the same counters, at most two seconds apart, as Open vSwitch looks once a second.

import assert from "node:assert/strict";
import { test } from "node:test";
import { defaultSettings } from "../../src/config/settings.ts";
import type { OfPort } from "../../src/openflow/port.ts";
import { labSwitch } from "../support/lab-switch.ts";
import { NEED_OVS, needs } from "../support/needs.ts";
import { OvsOracle } from "../support/ovs.ts";
import { ethernet, ipv4, packet, tcp } from "../support/packet-builder.ts";
import { SeededRandom } from "../support/seeded-random.ts";

const STEPS = 24;
/** A step is a warp and the two of `settle`, 101 ms each. */
const WARP_MS = 798;
const STEP_MS = 1000;
const LATE_STEPS = 2;
const FIN_STEP = 9;

const rules = [
  "idle_timeout=3,tcp,nw_src=10.0.0.1 actions=2",
  "idle_timeout=6,tcp,nw_src=10.0.0.2 actions=2",
  "hard_timeout=4,tcp,nw_src=10.0.0.3 actions=2",
  "idle_timeout=2,hard_timeout=12,tcp,nw_src=10.0.0.4 actions=2",
  "idle_timeout=20,tcp,nw_src=10.0.0.5 actions=fin_timeout(idle_timeout=2),2",
  "tcp,nw_src=10.0.0.6 actions=2",
].map((rule, i) => `cookie=${i + 1},${rule}`);

function segment(source: number, flags: number): Buffer {
  return packet(ethernet(), ipv4({ src: `10.0.0.${source}` }), tcp({ src: 5, dst: 6, flags }), 0);
}

/** Packets of every rule that is there, by cookie. */
function countsOf(dump: string): Map<number, number> {
  const found = [...dump.matchAll(/cookie=0x([0-9a-f]+),.*n_packets=(\d+)/g)];
  return new Map(found.map(([, cookie, packets]) => [Number.parseInt(cookie!, 16), Number(packets)]));
}

test("rules time out as Open vSwitch's do", { skip: needs(NEED_OVS), timeout: 580_000 }, async () => {
  const random = new SeededRandom(7);
  await using oracle = await OvsOracle.start({ ports: 2 });
  const sw = labSwitch(defaultSettings);
  await oracle.load({ flows: rules });
  sw.addFlows(rules.join("\n"));
  const gone = { ours: new Map<number, number>(), theirs: new Map<number, number>() };
  let theirs = countsOf(await oracle.ofctl("dump-flows", "br0"));
  assert.equal(theirs.size, rules.length);
  for (let step = 1; step <= STEPS; step++) {
    for (let source = 1; source <= rules.length; source++) {
      const fin = source === 5 && step === FIN_STEP;
      // Only what both still have, so that late looks do not add up.
      const both = !gone.ours.has(source) && !gone.theirs.has(source);
      if (!fin && (!both || step > 15 || (source === 5 && step > FIN_STEP) || random.chance(50))) continue;
      const bytes = segment(source, fin ? 0x11 : 0x10);
      sw.send(1 as OfPort, bytes);
      await oracle.send(1, bytes.toString("hex"));
    }
    await oracle.warp(WARP_MS);
    await oracle.settle();
    sw.setClock(step * STEP_MS);
    sw.creditRules();
    const ours = new Map<number, number>();
    sw.bridge.forEachRule((rule) => ours.set(Number(rule.cookie), rule.packets));
    theirs = countsOf(await oracle.ofctl("dump-flows", "br0"));
    for (let cookie = 1; cookie <= rules.length; cookie++) {
      if (!ours.has(cookie) && !gone.ours.has(cookie)) gone.ours.set(cookie, step);
      if (!theirs.has(cookie) && !gone.theirs.has(cookie)) gone.theirs.set(cookie, step);
      if (ours.has(cookie) && theirs.has(cookie)) assert.equal(ours.get(cookie), theirs.get(cookie));
    }
  }
  assert.deepEqual([...gone.ours.keys()].sort(), [1, 2, 3, 4, 5]);
  for (const [cookie, step] of gone.ours) {
    const late = (gone.theirs.get(cookie) ?? STEPS * 2) - step;
    assert.ok(
      late >= 0 && late <= LATE_STEPS,
      `rule ${cookie}: ours at ${step} s, Open vSwitch's ${late} s later`,
    );
  }
  await sw.close();
});
