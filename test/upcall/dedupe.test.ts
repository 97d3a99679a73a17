// An aggregate is translated once, however many of its connections missed before its megaflow was there; and
// what was translated before a change of rules answers nobody after it.

import assert from "node:assert/strict";
import { test } from "node:test";
import { assertAccounted } from "../support/accounting.ts";
import { ethernet, ipv4, packet, tcp, udp } from "../support/packet-builder.ts";
import { SteppedSwitch } from "../support/stepped-switch.ts";

function connection(number: number): Buffer {
  const src = `10.0.${number >> 8}.${number & 255}`;
  return packet(ethernet(), ipv4({ src, dst: "10.9.9.9" }), udp({ src: 7, dst: 9 }), 18);
}

function packetsOfRules(sw: SteppedSwitch): number[] {
  const packets: number[] = [];
  sw.creditRules();
  sw.bridge.forEachRule((rule) => packets.push(rule.packets));
  return packets.sort((a, b) => a - b);
}

test("connections of one aggregate that miss together are translated once, and their rule counts all", () => {
  const sw = new SteppedSwitch();
  sw.addFlows("ip,nw_src=10.0.0.0/24,actions=2\nip,nw_src=10.0.1.0/24,actions=3");
  sw.settle();
  for (let i = 0; i < 400; i++) sw.put(1, connection(i));
  while (sw.poll() > 0);
  sw.settle();
  const { misses, translations, deduplicated, installed } = sw.upcallStats();
  assert.deepEqual(
    { misses, translations, deduplicated, installed },
    {
      misses: 400,
      translations: 2,
      deduplicated: 398,
      installed: 2,
    },
  );
  assert.deepEqual(packetsOfRules(sw), [144, 256]);
  assert.equal(sw.takeSent().length, 400);
  assertAccounted(sw, 400);
});

test("after a change of rules the packets that wait are translated anew", () => {
  const sw = new SteppedSwitch();
  sw.addFlows("ip,actions=2");
  for (let i = 0; i < 20; i++) sw.put(1, connection(i));
  while (sw.poll() > 0);
  assert.equal(sw.answer(1) > 0, true);
  sw.addFlows("ip,actions=3");
  sw.settle();
  const ports = sw.takeSent().map(({ port }) => port);
  assert.equal(ports.filter((port) => port === 3).length, 19);
  assert.deepEqual(
    sw.megaflows().map(({ actions }) => actions),
    [[{ type: "output", port: 3 }]],
  );
});

test("packets with effects of their own are each translated", () => {
  const sw = new SteppedSwitch();
  sw.addFlows("tcp,actions=fin_timeout(idle_timeout=5),2");
  for (let i = 0; i < 10; i++) {
    sw.put(1, packet(ethernet(), ipv4({ src: `10.0.0.${i}` }), tcp({ dst: 9 }), 18));
  }
  while (sw.poll() > 0);
  sw.settle();
  assert.equal(sw.upcallStats().translations >= 10, true);
  assert.equal(sw.upcallStats().deduplicated, 0);
});

test("what a megaflow counts after another translation took its place is the other's rule's", () => {
  const sw = new SteppedSwitch();
  sw.addFlows("cookie=1,ip,actions=2");
  sw.put(1, connection(1));
  sw.put(1, connection(2));
  while (sw.poll() > 0);
  sw.answer(1);
  sw.addFlows("cookie=2,priority=40000,ip,actions=3");
  sw.answer(1);
  sw.poll(4);
  for (let i = 3; i < 8; i++) sw.put(1, connection(i));
  sw.poll(4);
  sw.settle();
  const ports = sw.takeSent().map(({ port }) => port);
  assert.deepEqual(ports, [2, 3, 3, 3, 3, 3, 3]);
  sw.creditRules();
  const counted: [bigint, number][] = [];
  sw.bridge.forEachRule(({ cookie, packets }) => counted.push([cookie, packets]));
  assert.deepEqual(counted.sort(), [
    [1n, 1],
    [2n, 6],
  ]);
});
