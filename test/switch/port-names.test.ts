// Rules, groups and deletions may say ports by name, as ovs-ofctl's users do.

import assert from "node:assert/strict";
import { test } from "node:test";
import { defaultSettings } from "../../src/config/settings.ts";
import { InlineSwitch } from "../../src/inline-switch.ts";
import type { OfPort } from "../../src/openflow/port.ts";

const FRAME = Buffer.from(`525400123456020000000001${"0800".padEnd(96, "0")}`, "hex");

function switchWithPorts(): InlineSwitch {
  const sw = new InlineSwitch({ bridge: "br0", settings: defaultSettings });
  for (const [number, name] of [
    [1, "eth0"],
    [2, "veth-a"],
    [3, "out-3"],
  ] as const)
    sw.addPort({ number: number as OfPort, name, transmit: "ring" });
  return sw;
}

function portsSent(sw: InlineSwitch): number[] {
  const [fate] = sw.sendBurst([{ port: 1 as OfPort, bytes: FRAME, wireLength: FRAME.length }]);
  return fate!.sent.map(({ port }) => port as number);
}

test("names stand for ports in matches, actions, groups and deletions", async () => {
  const sw = switchWithPorts();
  sw.addGroups('group_id=1,type=all,bucket=veth-a,bucket=output:"out-3"\n');
  sw.addFlows('in_port=eth0,actions=group:1\nin_port=veth-a,actions=output:"out-3",in_port\n');
  assert.deepEqual(portsSent(sw), [2, 3]);
  sw.replaceFlows('in_port="eth0",actions=veth-a\n');
  await sw.settled();
  assert.deepEqual(portsSent(sw), [2]);
  assert.equal(sw.delFlows("out_port=veth-a\n").removed, 1);
  await sw.close();
});

test("a port that is gone, or not there yet, has a name only when it was announced", async () => {
  const sw = switchWithPorts();
  assert.throws(() => sw.addFlows("actions=eth7\n", "a.flows"), /a\.flows:1:.*eth7/);
  sw.bridge.announcePort(7 as OfPort, "eth7");
  sw.addFlows("actions=eth7\n");
  sw.addPort({ number: 7 as OfPort, name: "eth7", transmit: "ring" });
  assert.deepEqual(portsSent(sw), [7]);
  sw.bridge.removePort(7 as OfPort);
  assert.throws(() => sw.addFlows("actions=eth7\n"), /eth7/);
  await sw.close();
});
