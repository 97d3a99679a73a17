// What each kind of action makes of a packet, as the datapath will be told.

import assert from "node:assert/strict";
import { test } from "node:test";
import { DropReason } from "../../../../assembly/layout/stat.ts";
import type { OfPort } from "../../../../src/openflow/port.ts";
import { bridgePort } from "../../../../src/xlate/bridge-port.ts";
import { applyEffects } from "../../../../src/xlate/effects.ts";
import { translate } from "../../../../src/xlate/translate.ts";
import { testEnv } from "../../../megaflow/test-bridge.ts";
import { actionsOf, actionsOn, keyOf, translated } from "./translated.ts";

const ETH = "dl_src=02:00:00:00:00:01,dl_dst=02:00:00:00:00:02";
const TCP = `in_port=1,tcp,${ETH},nw_src=10.0.0.1,nw_dst=10.0.0.2,nw_ttl=64,tcp_src=1000,tcp_dst=80`;
const UDP = `in_port=1,udp,${ETH},nw_src=10.0.0.1,nw_dst=10.0.0.2,nw_ttl=64,udp_src=1000,udp_dst=53`;
const PLAIN = `in_port=1,${ETH},dl_type=0x88cc`;
const TAGGED = `in_port=1,${ETH},vlan_tci=0x5005,dl_type=0x88cc`;

interface Case {
  readonly what: string;
  readonly actions: string;
  readonly packet: string;
  readonly expect: string;
  /** Match of the rule, where its actions need one. */
  readonly match?: string;
}

const CASES: readonly Case[] = [
  { what: "outputs where it is told", actions: "output:2", packet: PLAIN, expect: "2" },
  { what: "never outputs to where it came from", actions: "output:1,output:2", packet: PLAIN, expect: "2" },
  { what: "outputs to where it came from if told so", actions: "in_port", packet: PLAIN, expect: "1" },
  { what: "floods to all ports but one", actions: "flood", packet: PLAIN, expect: "2,3,4,5" },
  { what: "drops what goes to a port that is not there", actions: "output:9", packet: PLAIN, expect: "drop" },
  {
    what: "outputs to the port in a register",
    actions: "load:3->NXM_NX_REG0[],output:NXM_NX_REG0[]",
    packet: PLAIN,
    expect: "3",
  },
  {
    what: "truncates the next output only",
    actions: "output(port=2,max_len=100),output:3",
    packet: PLAIN,
    expect: "trunc(100),2,3",
  },
  {
    what: "queues one output",
    actions: "enqueue:2:7,output:3",
    packet: PLAIN,
    expect: "set(skb_priority(0x7)),2,set(skb_priority(0)),3",
  },
  {
    what: "commits a change before each output",
    actions: "mod_dl_src:02:00:00:00:00:0a,output:2,mod_dl_dst:02:00:00:00:00:0b,output:3",
    packet: PLAIN,
    expect: "set(eth(src=02:00:00:00:00:0a)),2,set(eth(dst=02:00:00:00:00:0b)),3",
  },
  {
    what: "leaves out changes that nothing sees",
    actions: "output:2,mod_dl_src:02:00:00:00:00:0a",
    packet: PLAIN,
    expect: "2",
  },
  {
    what: "sets fields under a mask",
    match: "ip",
    actions: "set_field:0.0.7.0/0.0.255.0->ip_dst,output:2",
    packet: TCP,
    expect: "set(ipv4(dst=0.0.7.0/0.0.255.0)),2",
  },
  {
    what: "does not set a field that the packet lacks",
    actions: "mod_nw_dst:10.9.9.9,mod_tp_dst:99,output:2",
    packet: PLAIN,
    expect: "2",
  },
  {
    what: "does not set a field that was looked at and has the value",
    match: "tcp,tp_dst=80",
    actions: "mod_tp_dst:80,output:2",
    packet: TCP,
    expect: "2",
  },
  {
    what: "decrements a TTL without knowing it",
    match: "ip",
    actions: "dec_ttl,output:2,dec_ttl,output:3",
    packet: TCP,
    expect: "dec_ttl,2,set(ipv4(ttl=62)),3",
  },
  {
    what: "decrements a TTL that was looked at to its value",
    match: "ip,nw_ttl=64",
    actions: "dec_ttl,output:2",
    packet: TCP,
    expect: "set(ipv4(ttl=63)),2",
  },
  {
    what: "pushes a tag with VLAN 0",
    actions: "push_vlan:0x88a8,output:2",
    packet: PLAIN,
    expect: "push_vlan(tpid=0x88a8,vid=0,pcp=0),2",
  },
  {
    what: "changes a tag in place",
    match: "dl_vlan=5",
    actions: "mod_vlan_vid:9,output:2",
    packet: TAGGED,
    expect: "set(vlan(vid=9)),2",
  },
  {
    what: "pops a tag, and pops none where there is none",
    actions: "strip_vlan,output:2",
    packet: PLAIN,
    expect: "2",
  },
  {
    what: "moves bits between fields",
    match: "ip",
    actions: "move:NXM_OF_IP_SRC[]->NXM_OF_IP_DST[],output:2",
    packet: TCP,
    expect: "set(ipv4(dst=10.0.0.1)),2",
  },
  {
    what: "swaps addresses over the stack",
    actions: "push:NXM_OF_ETH_SRC[],push:NXM_OF_ETH_DST[],pop:NXM_OF_ETH_SRC[],pop:NXM_OF_ETH_DST[],in_port",
    packet: PLAIN,
    expect: "set(eth(src=02:00:00:00:00:02,dst=02:00:00:00:00:01)),1",
  },
  {
    what: "stops at exit",
    actions: "output:2,exit,output:3",
    packet: PLAIN,
    expect: "2",
  },
  {
    what: "undoes what a clone did",
    actions: "clone(mod_dl_src:02:00:00:00:00:0a,output:2),output:3",
    packet: PLAIN,
    expect: "set(eth(src=02:00:00:00:00:0a)),2,set(eth(src=02:00:00:00:00:01)),3",
  },
  {
    what: "clones in the datapath what cannot be undone",
    actions: "clone(output(port=2,max_len=100),output:4),output:3",
    packet: PLAIN,
    expect: "clone(trunc(100),2,4),3",
  },
  {
    what: "branches on the packet's length",
    actions: "check_pkt_larger(100)->NXM_NX_REG0[0],output:NXM_NX_REG0[0..15],output:2",
    packet: "in_port=3,dl_type=0x88cc",
    expect: "check_pkt_len(size=100,gt(1,2),le(2))",
  },
  {
    what: "bundles over live members",
    actions: "bundle(eth_src,0,active_backup,ofport,members:9,3)",
    packet: PLAIN,
    expect: "3",
  },
  {
    what: "writes ARP fields",
    match: "arp",
    actions: "set_field:2->arp_op,set_field:10.0.0.9->arp_spa,in_port",
    packet: "in_port=1,arp,arp_op=1,arp_spa=10.0.0.1,arp_tpa=10.0.0.2",
    expect: "set(arp(sip=10.0.0.9,op=2)),1",
  },
];

for (const { what, actions, packet, expect, match } of CASES) {
  test(`an action list ${what}`, () => {
    assert.equal(actionsOf(`${match === undefined ? "" : `${match} `}actions=${actions}`, packet), expect);
  });
}

test("a meter that exists is in the program, one that does not is not", () => {
  const env = testEnv("in_port=1 actions=meter:1,output:2\nin_port=2 actions=meter:2,output:1");
  env.bridge.meterSlots.set(1, 4);
  assert.equal(actionsOn(env, PLAIN), "meter(4),2");
  assert.equal(actionsOn(env, "in_port=2,dl_type=0x88cc"), "1");
});

test("drops say why", () => {
  const reason = (flows: string, packet = PLAIN) => translated(flows, packet).dropReason;
  assert.equal(reason("arp actions=output:2"), DropReason.NO_RULE);
  assert.equal(reason("actions=goto_table:1"), DropReason.NO_RULE);
  assert.equal(reason("actions=drop"), DropReason.POLICY);
  assert.equal(reason("actions=output:9"), DropReason.NO_PORT);
  assert.equal(reason("actions=group:1"), DropReason.GROUP);
  assert.equal(reason("actions=resubmit(,0)"), DropReason.RESUBMIT_DEPTH);
  assert.equal(reason("actions=output:2"), DropReason.NONE);
  assert.equal(reason("ip actions=dec_ttl(),output:2", TCP.replace("ttl=64", "ttl=1")), DropReason.NONE);
});

test("resubmits are limited in all as well as in depth", () => {
  const lines = Array.from(
    { length: 12 },
    (_, i) => `table=${i} actions=resubmit(,${i + 1}),resubmit(,${i + 1})`,
  );
  const { dropReason, actions } = translated(`${lines.join("\n")}\ntable=12 actions=output:2`, PLAIN);
  assert.equal(dropReason, DropReason.RESUBMIT_LIMIT);
  assert.deepEqual(actions, []);
});

test("ports that do not forward, flood or receive are left out", () => {
  const env = testEnv(
    "in_port=1 actions=flood\nin_port=2 actions=output:3,output:4\nin_port=5 actions=output:1",
  );
  const set = (port: number, changes: object) =>
    env.bridge.ports.set(port as OfPort, bridgePort(port as OfPort, changes));
  set(2, { noFlood: true });
  set(3, { noForward: true });
  set(5, { noReceive: true });
  assert.equal(actionsOn(env, PLAIN), "4,5");
  assert.equal(actionsOn(env, "in_port=2,dl_type=0x88cc"), "4");
  assert.equal(actionsOn(env, "in_port=5,dl_type=0x88cc"), "drop");
});

test("a fragment matches as if it had no ports, and they are not looked at", () => {
  const flows = "priority=2,tcp,tp_dst=80 actions=output:2\npriority=1 actions=output:3";
  const first = `in_port=1,ip,${ETH},nw_proto=6,nw_frag=first,tcp_dst=80`;
  assert.equal(actionsOf(flows, first), "3");
  assert.equal(actionsOf(flows, TCP), "2");
});

test("the specification's push_vlan copies the tag below", () => {
  const flows = "dl_vlan=5 actions=push_vlan:0x88a8,output:2";
  assert.equal(actionsOf(flows, TAGGED), "push_vlan(tpid=0x88a8,vid=0,pcp=0),2");
  assert.equal(
    actionsOf(flows, TAGGED, "", { conformance: "openflow" }),
    "push_vlan(tpid=0x88a8,vid=5,pcp=2),2",
  );
});

test("learn hands back the rule to add", () => {
  const flows =
    "in_port=1 actions=learn(table=2,idle_timeout=9,priority=7,NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[]," +
    "load:NXM_OF_IN_PORT[]->NXM_NX_REG0[0..15],output:NXM_OF_IN_PORT[]),output:2";
  const { effects, actions } = translated(flows, PLAIN);
  assert.equal(actions.length, 1);
  const [effect] = effects;
  assert.ok(effect?.kind === "learn");
  assert.equal(effect.rule.tableId, 2);
  assert.equal(effect.rule.priority, 7);
  assert.equal(effect.rule.idleTimeout, 9);
  assert.deepEqual(
    effect.rule.actions.map((action) => action.type),
    ["setField", "output"],
  );
});

test("exact masks stand in for megaflows when those are off", () => {
  const wide = translated("actions=output:2", UDP).mask;
  const exact = translated("actions=output:2", UDP, "", { megaflows: false }).mask;
  const bits = (mask: Uint32Array) =>
    mask.reduce((sum, word) => sum + word.toString(2).replaceAll("0", "").length, 0);
  assert.ok(bits(exact) > bits(wide) + 200);
  assert.ok(wide.every((word, i) => (word & ~(exact[i] as number)) === 0));
});

test("fin_timeout shortens a rule's time-outs when the connection ends, and learning again keeps a rule young", () => {
  const env = testEnv("idle_timeout=60,tcp actions=fin_timeout(idle_timeout=5),output:2");
  const apply = (flags: string) => {
    const { effects } = translate(env, keyOf(`${TCP},tcp_flags=${flags}`));
    applyEffects(env.bridge, effects, 0);
    return effects.map((effect) => effect.kind === "finTimeout" && effect.rule.idleTimeout);
  };
  assert.deepEqual(apply("0x010"), [60]);
  assert.deepEqual(apply("0x011"), [5]);
  const learner = testEnv("actions=learn(table=1,hard_timeout=9,NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[])");
  const { effects } = translate(learner, keyOf(PLAIN));
  assert.equal(applyEffects(learner.bridge, effects, 1000), true);
  assert.equal(applyEffects(learner.bridge, effects, 2000), false);
  const ages: number[] = [];
  learner.bridge.forEachRule((rule) => ages.push(rule.modifiedMs), undefined, 1);
  assert.deepEqual(ages, [2000]);
});
