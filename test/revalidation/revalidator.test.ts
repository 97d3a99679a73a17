// Megaflows and rules over time: who goes when and why, which of them a change touches, and that counters reach
// the rules that they belong to.

import assert from "node:assert/strict";
import { test } from "node:test";
import { defaultSettings } from "../../src/config/settings.ts";
import type { InlineSwitch } from "../../src/inline-switch.ts";
import type { OfPort } from "../../src/openflow/port.ts";
import type { SwitchOptions } from "../../src/switch.ts";
import { bridgePort } from "../../src/xlate/bridge-port.ts";
import type { RuleRemoval } from "../../src/xlate/changes.ts";
import { assertAccounted } from "../support/accounting.ts";
import { labSwitch } from "../support/lab-switch.ts";
import { ethernet, ipv4, packet, tcp, udp } from "../support/packet-builder.ts";

const one = 1 as OfPort;
const FIN = 0x11;

function frame(source: number, dst = "10.9.9.9"): Buffer {
  return packet(
    ethernet(),
    ipv4({ src: `10.0.${source >> 8}.${source & 255}`, dst }),
    udp({ src: 7, dst: 9 }),
    18,
  );
}

function create(settings = {}, options: Partial<SwitchOptions> = {}) {
  const removals: RuleRemoval[] = [];
  const sw = labSwitch(
    { ...defaultSettings, ...settings },
    { ruleRemoved: (removal) => removals.push(removal), ...options },
  );
  return { sw, removals };
}

/** Packets by rule cookie, of all rules that are there. */
function counts(sw: InlineSwitch): Record<string, number> {
  sw.creditRules();
  const found: Record<string, number> = {};
  sw.bridge.forEachRule((rule) => {
    found[String(rule.cookie)] = rule.packets;
  });
  return found;
}

test("a megaflow without packets goes after maxIdleMs, one with packets stays", async () => {
  const { sw } = create();
  sw.addFlows("ip,nw_dst=10.9.9.9,actions=2\nip,nw_dst=10.9.9.8,actions=3\n");
  sw.setClock(1000);
  sw.send(one, frame(1));
  sw.send(one, frame(1, "10.9.9.8"));
  for (let ms = 2000; ms <= 10_500; ms += 500) {
    sw.setClock(ms);
    sw.send(one, frame(1));
  }
  assert.equal(sw.megaflows().length, 2);
  sw.setClock(11_000);
  assert.equal(sw.megaflows().length, 1);
  assert.equal(sw.revalidatorStats().removed.idle, 1);
  assert.equal(sw.send(one, frame(1, "10.9.9.8")).lookups[0]!.level, 3, "the next packet is an upcall");
  await sw.close();
});

test("rules go at their idle and hard time-outs, with complete counters", async () => {
  const { sw, removals } = create();
  sw.addFlows("cookie=1,idle_timeout=5,ip,actions=2\ncookie=2,hard_timeout=7,arp,actions=3\n");
  for (let ms = 0; ms <= 6000; ms += 1000) {
    sw.setClock(ms);
    sw.send(one, frame(1));
  }
  sw.setClock(7000);
  assert.deepEqual(
    removals.map(({ rule, reason }) => [rule.cookie, reason]),
    [[2n, "hard timeout"]],
  );
  sw.setClock(10_500);
  assert.equal(removals.length, 1, "the last packet came at 6 s");
  sw.setClock(11_000);
  assert.equal(removals.length, 2);
  const { rule, reason } = removals[1]!;
  assert.deepEqual([rule.cookie, reason, rule.packets], [1n, "idle timeout", 7]);
  assert.equal(rule.bytes, 7 * frame(1).length);
  assert.deepEqual(sw.send(one, frame(1)).sent, [], "no megaflow outlives its rule");
  await sw.close();
});

test("a FIN that a cached megaflow forwards shortens the rule's time-outs", async () => {
  const { sw, removals } = create();
  const segment = (flags: number) => packet(ethernet(), ipv4(), tcp({ src: 5, dst: 6, flags }), 0);
  sw.addFlows("idle_timeout=60,tcp,actions=fin_timeout(idle_timeout=2),2\n");
  sw.send(one, segment(0x10));
  sw.setClock(1000);
  assert.notEqual(sw.send(one, segment(FIN)).lookups[0]!.level, 3, "the FIN is no upcall");
  sw.setClock(1500);
  sw.setClock(3000);
  assert.deepEqual(
    removals.map(({ reason }) => reason),
    ["idle timeout"],
  );
  await sw.close();
});

test("at the flow limit the least recently used megaflows make room", async () => {
  const { sw } = create({ flowLimit: 64 });
  sw.addFlows("ip,actions=2\n");
  sw.addFlows("table=0,priority=60000,ip,nw_src=10.1.0.0/32,actions=3\n");
  sw.enableMegaflows(false);
  const burst = (from: number, to: number) => {
    for (let i = from; i < to; i++) sw.send(one, frame(i));
  };
  sw.setClock(1000);
  burst(0, 32);
  sw.setClock(1001);
  burst(32, 64);
  sw.setClock(1002);
  burst(0, 32);
  assert.equal(sw.megaflows().length, 64);
  sw.setClock(1003);
  burst(100, 104);
  const stats = sw.revalidatorStats();
  assert.equal(stats.evictions, 1);
  assert.equal(stats.removed.flowLimit, 4, "a sixteenth");
  assert.equal(stats.refused, 1);
  assert.ok(sw.megaflows().length <= 64);
  const hit = (source: number) => sw.send(one, frame(source)).lookups[0]!.level !== 3;
  for (let i = 0; i < 32; i++) assert.ok(hit(i), `flow ${i}, used at 1002, is still there`);
  await sw.close();
});

test("a change has only those megaflows translated again that it can touch", async () => {
  const { sw } = create();
  sw.addGroups("group_id=1,type=all,bucket=output:4\ngroup_id=2,type=all,bucket=output:5\n");
  sw.addFlows(
    [
      "table=0,priority=10,ip,actions=resubmit(,1)",
      "table=0,priority=20,ip,nw_dst=10.8.0.0/16,actions=group:1",
      "table=0,priority=20,ip,nw_dst=10.7.0.0/16,actions=group:2",
      "table=1,priority=10,ip,nw_dst=10.9.0.0/16,actions=2",
      "table=1,priority=5,ip,actions=3",
      "table=0,priority=10,arp,actions=NORMAL",
    ].join("\n"),
  );
  for (const dst of ["10.9.0.1", "10.6.0.1", "10.8.0.1", "10.7.0.1"]) sw.send(one, frame(1, dst));
  assert.equal(sw.megaflows().length, 4);
  const touched = (change: () => void): number => {
    const before = sw.revalidatorStats().retranslated;
    change();
    return sw.revalidatorStats().retranslated - before;
  };
  assert.equal(
    touched(() => sw.addFlows("table=1,priority=20,ip,nw_dst=10.9.0.0/24,actions=6")),
    1,
  );
  assert.equal(sw.send(one, frame(1, "10.9.0.1")).sent[0]!.port, 6);
  assert.equal(
    touched(() => sw.addFlows("table=1,priority=1,ip,actions=6")),
    0,
    "a lower priority",
  );
  assert.equal(
    touched(() => sw.addFlows("table=9,ip,actions=6")),
    0,
    "a table that nobody looked up",
  );
  assert.equal(
    touched(() => sw.modFlows("table=1,priority=5,ip,actions=7", undefined, true)),
    1,
  );
  assert.equal(
    touched(() => sw.addGroups("modify group_id=1,type=all,bucket=output:6")),
    1,
  );
  assert.equal(sw.send(one, frame(1, "10.8.0.1")).sent[0]!.port, 6);
  assert.equal(
    touched(() => sw.delFlows("table=0,priority=20,ip,nw_dst=10.7.0.0/16", undefined, true)),
    1,
  );
  assert.equal(sw.revalidatorStats().revalidating, false);
  await sw.close();
});

test("a group that leads to one that changed, or watches it, is one that changed", async () => {
  const { sw } = create();
  sw.addGroups(
    [
      "group_id=1,type=all,bucket=group:2",
      "group_id=2,type=all,bucket=group:3",
      "group_id=3,type=all,bucket=output:3",
      "group_id=4,type=ff,bucket=watch_group:5,output:4,bucket=watch_port:5,output:5",
      "group_id=5,type=ff,bucket=watch_port:6,output:6",
    ].join("\n"),
  );
  sw.addFlows("in_port=1 actions=group:1\nin_port=2 actions=group:4\n");
  const to = (port: number) => sw.send(port as OfPort, frame(1)).sent.map((one) => Number(one.port));
  assert.deepEqual([to(1), to(2)], [[3], [4]]);
  sw.addGroups("modify group_id=3,type=all,bucket=output:7");
  assert.deepEqual([to(1), to(2)], [[7], [4]]);
  sw.addGroups("modify group_id=5,type=ff");
  assert.deepEqual([to(1), to(2)], [[7], [5]]);
  await sw.close();
});

test("a learned address has only megaflows to that address translated again", async () => {
  const { sw } = create();
  sw.addFlows("actions=NORMAL\n");
  const between = (src: string, dst: string) =>
    packet(ethernet({ src, dst }), ipv4(), udp({ src: 1, dst: 2 }), 18);
  const a = "00:00:00:00:00:0a";
  const others = ["00:00:00:00:00:0b", "00:00:00:00:00:0c", "00:00:00:00:00:0d"];
  for (const dst of others) sw.send(one, between(a, dst));
  const before = sw.revalidatorStats().retranslated;
  assert.equal(sw.send(2 as OfPort, between(others[0]!, a)).sent.length, 1);
  assert.equal(sw.revalidatorStats().retranslated - before, 1);
  assert.deepEqual(
    sw.send(one, between(a, others[0]!)).sent.map(({ port }) => port),
    [2],
  );
  assert.equal(sw.send(one, between(a, others[1]!)).sent.length, 7, "this one floods still");
  sw.setClock(299_000);
  sw.send(one, between(a, others[1]!));
  sw.setClock(301_000);
  assert.equal(sw.send(one, between(a, others[0]!)).sent.length, 7, "the address is forgotten after 300 s");
  await sw.close();
});

test("a rule that a change gives a learn learns from the packets after the change, not from those before", async () => {
  const { sw } = create();
  sw.addFlows("ip,actions=2\n");
  for (let i = 0; i < 3; i++) sw.send(one, frame(1));
  sw.modFlows("ip actions=learn(table=1,NXM_OF_IN_PORT[]),2");
  assert.equal(sw.bridge.ruleCount, 1);
  sw.send(one, frame(1));
  assert.equal(sw.bridge.ruleCount, 2);
  await sw.close();
});

test("a port that rules reach as IN_PORT, having written its number there, is one that they depend on", async () => {
  const { sw } = create();
  sw.addFlows("actions=load:5->NXM_OF_IN_PORT[],in_port\n");
  const to = () => sw.send(one, frame(1)).sent.map(({ port }) => port);
  assert.deepEqual([to(), to()], [[5], [5]]);
  sw.bridge.setPort(bridgePort(5 as OfPort, { name: "p5", noForward: true }));
  sw.settle();
  assert.deepEqual(to(), []);
  await sw.close();
});

test("replaceFlows keeps the counters of rules that stay, and changes nothing when a line is wrong", async () => {
  const { sw, removals } = create();
  sw.addFlows("cookie=1,ip,nw_dst=10.9.9.9,actions=2\ncookie=2,ip,nw_dst=10.9.9.8,actions=2\n");
  for (let i = 0; i < 3; i++) sw.send(one, frame(1));
  const change = sw.replaceFlows("cookie=1,ip,nw_dst=10.9.9.9,actions=2\ncookie=3,arp,actions=5\n");
  assert.deepEqual(change, { added: 1, modified: 0, removed: 1, unchanged: 1 });
  assert.deepEqual(counts(sw), { 1: 3, 3: 0 });
  assert.deepEqual(
    removals.map(({ rule }) => rule.cookie),
    [2n],
  );
  assert.throws(
    () => sw.replaceFlows("ip,actions=4\nip,nonsense=1,actions=4\n", "new.flows"),
    /new\.flows:2/,
  );
  const overlapping = "priority=7,ip,nw_src=10.0.0.0/8,actions=4\n\npriority=7,check_overlap,ip,actions=4\n";
  assert.throws(() => sw.addFlows(overlapping, "more.flows"), /more\.flows:3: .*overlaps/);
  assert.deepEqual(counts(sw), { 1: 3, 3: 0 });
  assert.equal(sw.send(one, frame(1)).sent[0]!.port, 2);
  assert.equal(sw.delFlows().removed, 2);
  assert.equal(sw.bridge.ruleCount, 0);
  await sw.close();
});

test("counters follow a rule that takes another one's place, and those of a deleted rule are complete", async () => {
  const { sw, removals } = create();
  sw.addFlows("cookie=1,ip,actions=2\n");
  for (let i = 0; i < 5; i++) sw.send(one, frame(1));
  sw.addFlows("cookie=2,ip,actions=3\n");
  for (let i = 0; i < 4; i++) sw.send(one, frame(1));
  assert.deepEqual(counts(sw), { 2: 9 });
  assert.equal(removals[0]!.reason, "replaced");
  sw.delFlows("ip");
  assert.equal(removals[1]!.rule.packets, 9);
  assert.equal(removals[1]!.rule.bytes, 9 * frame(1).length);
  await sw.close();
});

test("a change that resets counters forgets what megaflows have not handed on yet, too", async () => {
  const { sw } = create();
  sw.addFlows("cookie=1,ip actions=2\ncookie=2,arp actions=2\n");
  for (let i = 0; i < 5; i++) sw.send(one, frame(1));
  sw.modFlows("cookie=1,reset_counts,ip actions=3");
  assert.deepEqual(counts(sw), { 1: 0, 2: 0 });
  sw.send(one, frame(1));
  assert.deepEqual(counts(sw), { 1: 1, 2: 0 });
  await sw.close();
});

test("what no megaflow leads to any more is forgotten", async () => {
  const { sw } = create();
  sw.addFlows("mpls,actions=pop_mpls:0x0800,resubmit(,1)\ntable=1,actions=2\n");
  const labelled = Buffer.concat([
    frame(1).subarray(0, 12),
    Buffer.from("884700001140", "hex"),
    frame(1).subarray(14),
  ]);
  assert.equal(sw.send(one, labelled).sent.length, 1);
  const { recirc } = sw.translation as unknown as { recirc: { size: number } };
  assert.equal(recirc.size, 1);
  for (let ms = 11_000; ms <= 31_000; ms += 5000) sw.setClock(ms);
  assert.equal(sw.megaflows().length, 0);
  assert.equal(recirc.size, 0);
  assert.equal(sw.send(one, labelled).sent.length, 1);
  await sw.close();
});

test("a flood of connections over the limit keeps memory within its bound and loses no packet", async () => {
  const limit = 2000;
  const { sw } = create({ flowLimit: limit });
  sw.addFlows("ip,actions=2\n");
  sw.enableMegaflows(false);
  let most = 0;
  let allocated = 0;
  const packets = 20_000;
  for (let i = 0; i < packets; i += 50) {
    sw.setClock(1000 + i / 50);
    const burst = Array.from({ length: 50 }, (_, k) => ({ port: one, bytes: frame(i + k) }));
    for (const fate of sw.sendBurst(burst)) assert.equal(fate.sent.length, 1);
    most = Math.max(most, sw.revalidatorStats().megaflows);
    if (i === packets / 2) allocated = sw.memory.allocated;
  }
  assert.ok(most <= limit, `${most} megaflows`);
  assert.equal(sw.memory.allocated, allocated, "linear memory does not grow any more");
  const { removed, refused } = sw.revalidatorStats();
  assert.ok(removed.flowLimit > packets / 2 && refused > 0, `${removed.flowLimit} made room`);
  assert.deepEqual(Object.values(counts(sw)), [packets]);
  assertAccounted(sw, packets);
  await sw.close();
});

test("groups and their buckets count as Open vSwitch's do, and begin anew when they change", async () => {
  const { sw } = create();
  sw.addGroups(
    [
      "group_id=1,type=all,bucket=bucket_id:1,output:2,bucket=bucket_id:2,group:2",
      "group_id=2,type=indirect,bucket=output:3",
      "group_id=3,type=ff,bucket=bucket_id:1,watch_port:2,output:2,bucket=bucket_id:2,watch_port:3,output:3",
    ].join("\n"),
  );
  sw.addFlows(
    "in_port=1 actions=group:1\nin_port=2 actions=group:3,group:3\nin_port=3 actions=write_actions(group:1)",
  );
  const send = (port: number, count: number) => {
    for (let i = 0; i < count; i++) sw.send(port as OfPort, frame(1));
  };
  /** Of each group: its packets, and those of its buckets. */
  const told = () =>
    sw.groups().map(({ packets, buckets }) => [packets, ...buckets.map((one) => one.packets)]);
  send(1, 5);
  send(2, 3);
  send(3, 2);
  assert.deepEqual(told(), [
    [7, 7, 7],
    [7, 7],
    [6, 6, 0],
  ]);
  assert.equal(sw.groups()[0]!.bytes, 7 * frame(1).length);
  sw.addGroups("modify group_id=1,type=all,bucket=bucket_id:1,output:4");
  send(1, 1);
  assert.deepEqual(told(), [
    [1, 1],
    [7, 7],
    [6, 6, 0],
  ]);
  sw.addGroups("insert_bucket group_id=1,command_bucket_id=last,bucket=bucket_id:7,output:2");
  assert.deepEqual(told()[0], [0, 1, 0]);
  send(1, 2);
  assert.deepEqual(told()[0], [2, 3, 2]);
  await sw.close();
});
