// Which megaflows a change has translated again: just those that a plain comparison of every megaflow with every
// rule finds, and none is left out whose translation is another one now.

import assert from "node:assert/strict";
import { test } from "node:test";
import { KEY_RECIRC_ID } from "../../assembly/layout/flow-key.ts";
import type { OdpAction } from "../../src/odp/action.ts";
import { ChangeFilter } from "../../src/upcall/change-filter.ts";
import type { Ukey } from "../../src/upcall/ukey.ts";
import { withoutIdleSets } from "../support/idle-sets.ts";
import { ethernet, ipv4, packet, udp } from "../support/packet-builder.ts";
import { plainlyTouches } from "../support/plain-change-filter.ts";
import { randomPackets } from "../support/random-packets.ts";
import { RuleChurn } from "../support/rule-churn.ts";
import { testSeed } from "../support/seed.ts";
import { SeededRandom } from "../support/seeded-random.ts";
import { SteppedSwitch } from "../support/stepped-switch.ts";

const base = testSeed;
/** From so many new rules on only what keys say is compared. */
const MANY = 32;

function frame(source: number, port = 9): Buffer {
  return packet(
    ethernet(),
    ipv4({ src: `10.0.${source >> 8}.${source & 255}`, dst: "10.9.9.9" }),
    udp({ src: 7, dst: port }),
    18,
  );
}

/** The filter for all that has changed and not been seen to. */
function filterOf(sw: SteppedSwitch): ChangeFilter {
  const filter = new ChangeFilter(sw.bridge, sw.bridge.changes, sw.pmd.handler.dependences.inUse);
  while (!filter.prepare());
  return filter;
}

/** Numbers of the megaflows that a look through all of them comes to. */
function found(sw: SteppedSwitch, filter: ChangeFilter): Set<number> {
  const { ukeys, dependences } = sw.pmd.handler;
  const places = new Set<number>();
  if (!filter.mayTouchAny(dependences)) return places;
  for (let place = 0; place < ukeys.length; place++) {
    place = filter.next(dependences, place, ukeys.length);
    if (place < ukeys.length && filter.touches(dependences, place)) places.add(place);
  }
  return places;
}

/**
 * Asserts that translating it again gives the same for the packet that made it. The mask may look at more or less:
 * what tells a new rule apart from a megaflow is in the megaflow's mask already, but a lookup may find other bits
 * first, or later, and need not look at a rule that is gone. Then other fields are known when they are set, and setting
 * one to what it has is left out, or not.
 */
function assertTrue(sw: SteppedSwitch, ukey: Ukey, bytes: Buffer, name: string): void {
  const { actions, dropReason, mask } = sw.pmd.handler.retranslate(ukey);
  const looksElsewhere = mask.some((bits, word) => bits !== ukey.mask[word]);
  const isFirst = ukey.key[KEY_RECIRC_ID >>> 2] === 0;
  const essence = (list: readonly OdpAction[]) => {
    if (looksElsewhere || !isFirst) return withoutSets(list);
    return withoutIdleSets(list, { bytes, mark: 0, priority: 0 });
  };
  const is = { actions: essence(actions), dropReason };
  assert.deepEqual(is, { actions: essence(ukey.actions), dropReason: ukey.dropReason }, name);
}

/** Actions without those that set fields, in lists within actions too. */
function withoutSets(actions: readonly OdpAction[]): unknown[] {
  const inside = (value: unknown): unknown =>
    Array.isArray(value) ? withoutSets(value as OdpAction[]) : value;
  return actions
    .filter(({ type }) => !type.startsWith("set") && type !== "decTtl")
    .map((action) =>
      Object.fromEntries(Object.entries(action).map(([name, value]) => [name, inside(value)])),
    );
}

function runCase(seed: number): void {
  const random = new SeededRandom(seed);
  const sw = new SteppedSwitch();
  const churn = new RuleChurn(random);
  churn.start(sw);
  const packets = randomPackets(random, { count: 60, ports: 4 });
  /** The packets that megaflows came from. */
  const makers = new Map<Ukey, Buffer>();
  for (let change = 0; change < 10; change++) {
    for (const { port, hex } of packets) {
      const bytes = Buffer.from(hex, "hex");
      sw.put(port, bytes);
      sw.settle();
      for (const ukey of sw.megaflows()) if (!makers.has(ukey)) makers.set(ukey, bytes);
    }
    const live = sw.megaflows();
    const what = churn.change(sw);
    const { changes } = sw.bridge;
    const filter = filterOf(sw);
    const touched = found(sw, filter);
    const isMany = changes.added.size + changes.removed.length + changes.modified.size > MANY;
    for (const ukey of live) {
      const name = `seed ${seed}, change ${change} (${what}), megaflow ${ukey.place}`;
      const plainly = plainlyTouches(sw.bridge, changes, ukey);
      if (!isMany) assert.equal(touched.has(ukey.place), plainly, name);
      else if (plainly) assert.ok(touched.has(ukey.place), name);
      if (!touched.has(ukey.place)) assertTrue(sw, ukey, makers.get(ukey)!, `${name} is left out`);
    }
    sw.settle();
    sw.takeSent();
  }
}

test(`a look through columns finds the megaflows that comparing each with each rule finds (seed ${base})`, () => {
  for (let i = 0; i < 12; i++) runCase(base + i);
});

test("a field that is set to what the packet has is no other answer", () => {
  const sw = new SteppedSwitch();
  const source = "02:00:00:00:00:01";
  sw.addFlows(
    `priority=9,udp,dl_src=06:00:00:00:00:07,actions=3\npriority=5,actions=clone(set_field:${source}->eth_src,output:2),output:3`,
  );
  const bytes = packet(ethernet({ src: source }), ipv4({}), udp({ src: 7, dst: 9 }), 18);
  sw.put(1, bytes);
  sw.settle();
  const ukey = sw.megaflows()[0]!;
  sw.delFlows("udp,dl_src=06:00:00:00:00:07");
  assert.notDeepEqual(sw.pmd.handler.retranslate(ukey).actions, ukey.actions);
  assertTrue(sw, ukey, bytes, "only the set is new");
});

test("of many new rules only those whose packets a megaflow has touch it", () => {
  const sw = new SteppedSwitch();
  sw.addFlows(
    Array.from({ length: 100 }, (_, i) => `priority=5,udp,nw_src=10.0.0.${i},actions=2`).join("\n"),
  );
  for (let i = 0; i < 100; i++) {
    sw.put(1, frame(i));
    sw.settle();
  }
  const before = sw.revalidatorStats().retranslated;
  sw.addFlows(Array.from({ length: 50 }, (_, i) => `priority=6,udp,nw_src=10.0.0.${i},actions=4`).join("\n"));
  const plain = sw.megaflows().filter((ukey) => plainlyTouches(sw.bridge, sw.bridge.changes, ukey)).length;
  assert.ok(plain >= 50 && plain < sw.megaflows().length, `${plain} of ${sw.megaflows().length}`);
  sw.settle();
  assert.equal(sw.revalidatorStats().retranslated - before, plain);
});

test("a change that concerns no megaflow looks at none", () => {
  const sw = new SteppedSwitch();
  sw.addFlows("table=0,priority=5,udp,actions=2\ntable=3,priority=7,arp,actions=3");
  for (let i = 0; i < 20; i++) {
    sw.put(1, frame(i));
    sw.settle();
  }
  const { dependences } = sw.pmd.handler;
  for (const change of [
    () => sw.addFlows("table=3,priority=8,udp,actions=4"),
    () => sw.delFlows("table=3,arp"),
    () => sw.addFlows("table=4,udp,actions=4"),
  ]) {
    change();
    assert.equal(filterOf(sw).mayTouchAny(dependences), false);
    sw.settle();
  }
  sw.delFlows("table=0,udp");
  assert.equal(filterOf(sw).mayTouchAny(dependences), true);
  sw.settle();
});

test("the books of rules in use are empty when the megaflows are gone", () => {
  const sw = new SteppedSwitch();
  sw.addFlows("table=0,priority=5,udp,actions=resubmit(,1)\ntable=1,udp,tp_dst=9,actions=2");
  for (let i = 0; i < 20; i++) {
    sw.put(1, frame(i, 9 + (i & 1)));
    sw.settle();
  }
  const { dependences } = sw.pmd.handler;
  assert.ok(dependences.inUse.ofTable(0) === 1 && dependences.missCount > 0);
  sw.flushMegaflows();
  sw.settle();
  assert.deepEqual([dependences.inUse.ofTable(0), dependences.inUse.ofTable(1)], [0, 0]);
  assert.deepEqual([dependences.missCount, dependences.anyTagCount], [0, 0]);
  sw.bridge.forEachRule((rule) => assert.equal(rule.useNumber, 0));
});
