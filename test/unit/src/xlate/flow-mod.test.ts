// Flow mods change tables as OpenFlow says, all of a bundle or nothing of it.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { GroupMod } from "../../../../src/openflow/group-mod.ts";
import { parseFlow } from "../../../../src/openflow/parse-flow.ts";
import { parseGroups } from "../../../../src/openflow/parse-group.ts";
import { Bridge } from "../../../../src/xlate/bridge.ts";
import { applyEffects } from "../../../../src/xlate/effects.ts";
import { applyFlowMods, type FlowModResult, FlowOverlapError } from "../../../../src/xlate/flow-mod.ts";
import { applyGroupMods } from "../../../../src/xlate/group-mod.ts";
import { describeRule } from "../../../../src/xlate/report.ts";
import { translate } from "../../../../src/xlate/translate.ts";
import { testEnv } from "../../../megaflow/test-bridge.ts";
import { keyOf } from "./translated.ts";

function bridgeWith(...flows: string[]): Bridge {
  const bridge = new Bridge("br0");
  applyFlowMods(
    bridge,
    flows.map((flow) => parseFlow(flow)),
    0,
  );
  return bridge;
}

function rulesOf(bridge: Bridge): string[] {
  const found: string[] = [];
  bridge.forEachRule((rule) => found.push(`${rule.tableId}: ${describeRule(rule)} ${rule.actions.length}`));
  return found.sort();
}

test("adding a rule that is there replaces it and keeps its counters unless told to reset them", () => {
  const bridge = bridgeWith("tcp,tp_dst=80 actions=output:1");
  bridge.forEachRule((rule) => rule.credit(5, 500, 10));
  const kept = applyFlowMods(bridge, [parseFlow("tcp,tp_dst=80 actions=output:2")], 20);
  assert.equal(kept.replaced.length, 1);
  assert.equal(kept.added[0]?.packets, 5);
  const reset = applyFlowMods(bridge, [parseFlow("reset_counts,tcp,tp_dst=80 actions=output:2")], 30);
  assert.equal(reset.added[0]?.packets, 0);
  assert.equal(bridge.ruleCount, 1);
});

test("a modify changes rules in place, or adds one where there is none", () => {
  const bridge = bridgeWith("priority=5,tcp,tp_dst=80 actions=output:1", "priority=6,udp actions=output:1");
  const loose = applyFlowMods(bridge, [parseFlow("ip actions=output:2,output:3", {}, "modify")], 0);
  assert.equal(loose.modified.length, 2);
  const strict = applyFlowMods(bridge, [parseFlow("priority=6,udp actions=drop", {}, "modify_strict")], 0);
  assert.equal(strict.modified.length, 1);
  const added = applyFlowMods(bridge, [parseFlow("arp actions=drop", {}, "modify")], 0);
  assert.equal(added.added.length, 1);
  const none = applyFlowMods(bridge, [parseFlow("rarp actions=drop", {}, "modify")], 0, {
    modifyAdds: false,
  });
  assert.equal(none.added.length, 0);
});

test("a delete takes what it means: by match, priority, cookie, port and group", () => {
  const all = ["cookie=1,priority=5,ip actions=output:1", "cookie=2,priority=6,tcp actions=output:2"];
  const left = (mod: string, strict = false) => {
    const bridge = bridgeWith(...all, "table=3,udp actions=group:9");
    applyFlowMods(bridge, [parseFlow(mod, {}, strict ? "delete_strict" : "delete")], 0);
    return bridge.ruleCount;
  };
  assert.equal(left("ip"), 0);
  assert.equal(left("tcp"), 2);
  assert.equal(left("table=0"), 1);
  assert.equal(left("priority=6,ip", true), 3);
  assert.equal(left("priority=5,ip", true), 2);
  assert.equal(left("cookie=2/-1"), 2);
  assert.equal(left("out_port=1"), 2);
  assert.equal(left("out_group=9"), 2);
});

test("a bundle with a mistake changes nothing", () => {
  const bridge = bridgeWith("priority=5,ip actions=output:1", "priority=7,arp actions=drop");
  const before = rulesOf(bridge);
  const mods = [
    parseFlow("priority=9,udp actions=drop"),
    parseFlow("arp", {}, "delete"),
    parseFlow("check_overlap,priority=5,in_port=1 actions=drop"),
  ];
  assert.throws(() => applyFlowMods(bridge, mods, 0), FlowOverlapError);
  assert.deepEqual(rulesOf(bridge), before);
  applyFlowMods(bridge, [parseFlow("check_overlap,priority=6,in_port=1 actions=drop")], 0);
  assert.equal(bridge.ruleCount, 3);
});

test("a rule can tell its match in its table and after it has left it", () => {
  const bridge = bridgeWith("priority=5,tcp,nw_dst=10.0.0.0/8,tp_dst=80 actions=drop");
  const text = "tcp,nw_dst=10.0.0.0/8,tp_dst=80, priority 5";
  const { removed } = applyFlowMods(bridge, [parseFlow("", {}, "delete")], 0);
  assert.equal(describeRule(removed[0] as (typeof removed)[number]), text);
});

test("what was learned goes with the last rule that learned it, if it said so", () => {
  const learner = (table: number) =>
    `table=${table} actions=learn(table=5,cookie=7,delete_learned,NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[])`;
  const bridge = bridgeWith(
    learner(0),
    learner(1),
    "table=5,cookie=7,arp actions=drop",
    "table=5,cookie=8 actions=drop",
  );
  applyFlowMods(bridge, [parseFlow("table=0", {}, "delete")], 0);
  assert.equal(bridge.ruleCount, 3);
  const { removed } = applyFlowMods(bridge, [parseFlow("table=1", {}, "delete")], 0);
  assert.equal(removed.length, 2);
  assert.deepEqual(rulesOf(bridge), ["5: priority 32768, cookie 0x8 0"]);
});

test("what was learned goes when the rule that learned it gets other actions", () => {
  const bridge = bridgeWith(
    "actions=learn(table=5,cookie=7,delete_learned,NXM_OF_IN_PORT[])",
    "table=5,cookie=7,arp actions=drop",
  );
  const { removed } = applyFlowMods(bridge, [parseFlow("table=0 actions=1", {}, "modify")], 0);
  assert.equal(removed.length, 1);
  assert.deepEqual(rulesOf(bridge), ["0: priority 32768 1"]);
});

test("a bundle that adds a rule twice, or adds one and deletes it, ends as its last line says", () => {
  const bridge = bridgeWith("cookie=1,ip actions=1");
  const again = [parseFlow("cookie=2,ip actions=2"), parseFlow("cookie=3,ip actions=3")];
  const counts = ({ added, removed, replaced }: FlowModResult) =>
    [added, removed, replaced].map((rules) => rules.map(({ cookie }) => Number(cookie)));
  assert.deepEqual(counts(applyFlowMods(bridge, again, 0)), [[3], [1], [1]]);
  bridge.takeChanges();
  const gone = [parseFlow("cookie=4,ip actions=4"), parseFlow("ip", {}, "delete")];
  assert.deepEqual(counts(applyFlowMods(bridge, gone, 0)), [[], [3], []]);
  assert.deepEqual(
    bridge.takeChanges().removed.map(({ rule, reason }) => [rule.cookie, reason]),
    [[3n, "delete"]],
  );
});

test("deleting a group deletes the rules that use it", () => {
  const bridge = bridgeWith(
    "arp actions=group:1",
    "ip actions=write_actions(group:2)",
    "priority=1 actions=drop",
  );
  const groups = "group_id=1,type=all,bucket=output:1\ngroup_id=2,type=all,bucket=output:2";
  applyGroupMods(bridge, parseGroups(groups));
  applyGroupMods(bridge, [{ ...(parseGroups("group_id=2,type=all")[0] as GroupMod), command: "delete" }]);
  assert.deepEqual([...bridge.groups.keys()], [1]);
  assert.deepEqual(rulesOf(bridge), ["0: arp, priority 32768 1", "0: priority 1 0"]);
});

test("a learned rule is the same as one of the same match in text: it replaces it, and is found by it", () => {
  const env = testEnv(
    "table=0 actions=learn(table=5,NXM_OF_ETH_DST[],load:1->NXM_NX_REG0[])\n" +
      "table=5,dl_dst=02:00:00:00:00:01 actions=drop",
  );
  const { effects } = translate(env, keyOf("in_port=1,dl_dst=02:00:00:00:00:01,dl_type=0x1234"));
  applyEffects(env.bridge, effects, 0);
  assert.equal(env.bridge.ruleCount, 2);
  const deletion = parseFlow("table=5,dl_dst=02:00:00:00:00:01", {}, "delete_strict");
  assert.equal(applyFlowMods(env.bridge, [deletion], 0).removed.length, 1);
});
