// NORMAL forwards as a learning switch with VLANs does.

import assert from "node:assert/strict";
import { test } from "node:test";
import { DropReason } from "../../../../assembly/layout/stat.ts";
import type { OfPort } from "../../../../src/openflow/port.ts";
import { type BridgePort, bridgePort } from "../../../../src/xlate/bridge-port.ts";
import { applyEffects } from "../../../../src/xlate/effects.ts";
import { translate } from "../../../../src/xlate/translate.ts";
import { type TestEnv, testEnv } from "../../../megaflow/test-bridge.ts";
import { actionsOn, keyOf } from "./translated.ts";

const A = "02:00:00:00:00:0a";
const B = "02:00:00:00:00:0b";

function frame(port: number, src: string, dst: string, tci = 0): string {
  const tag = tci === 0 ? "" : `vlan_tci=0x${tci.toString(16)},`;
  return `in_port=${port},${tag}dl_src=${src},dl_dst=${dst},dl_type=0x88cc`;
}

function normalEnv(ports: Record<number, Partial<BridgePort>> = {}): TestEnv {
  const env = testEnv("actions=normal");
  for (const [port, changes] of Object.entries(ports)) {
    const number = Number(port) as OfPort;
    env.bridge.ports.set(number, bridgePort(number, changes));
  }
  return env;
}

/** Sends a packet and lets the bridge learn from it. */
function send(env: TestEnv, packet: string): string {
  const text = actionsOn(env, packet);
  applyEffects(env.bridge, translate(env, keyOf(packet)).effects, 0);
  return text;
}

test("floods until it has learned where an address is", () => {
  const env = normalEnv();
  assert.equal(send(env, frame(1, A, B)), "2,3,4,5");
  assert.equal(send(env, frame(2, B, A)), "1");
  assert.equal(send(env, frame(1, A, B)), "2");
  assert.equal(send(env, frame(3, B, A)), "1");
  assert.equal(send(env, frame(1, A, B)), "3");
});

test("keeps a packet off the port it came from", () => {
  const env = normalEnv();
  send(env, frame(1, A, B));
  const { dropReason, actions } = translate(env, keyOf(frame(1, B, A)));
  assert.deepEqual(actions, []);
  assert.equal(dropReason, DropReason.NORMAL);
  assert.equal(actionsOn(env, frame(2, B, B)), "drop");
});

test("drops what is for the bridge itself by the standard, and floods other multicast", () => {
  const env = normalEnv();
  assert.equal(actionsOn(env, frame(1, A, "01:80:c2:00:00:0e")), "drop");
  assert.equal(actionsOn(env, frame(1, A, "01:80:c2:00:00:10")), "2,3,4,5");
  assert.equal(actionsOn(env, frame(1, A, "ff:ff:ff:ff:ff:ff")), "2,3,4,5");
});

test("learns nothing from a multicast source", () => {
  const env = normalEnv();
  send(env, frame(1, "01:00:5e:00:00:01", B));
  assert.equal(env.bridge.macs.size, 0);
});

test("tags, untags and keeps VLANs apart", () => {
  const env = normalEnv({
    1: { vlanMode: "access", tag: 10 },
    2: { vlanMode: "access", tag: 10 },
    3: { vlanMode: "access", tag: 20 },
    4: { vlanMode: "trunk", trunks: new Set([10]) },
    5: { vlanMode: "trunk", trunks: new Set([20]) },
  });
  assert.equal(send(env, frame(1, A, B)), "2,push_vlan(vid=10,pcp=0),4");
  assert.equal(send(env, frame(4, B, A, 0x100a)), "pop_vlan,1");
  assert.equal(send(env, frame(3, A, B)), "push_vlan(vid=20,pcp=0),5");
  assert.equal(send(env, frame(1, A, B)), "push_vlan(vid=10,pcp=0),4");
  assert.equal(actionsOn(env, frame(1, A, B, 0x100a)), "drop");
  assert.equal(actionsOn(env, frame(4, B, A, 0x1014)), "drop");
});

test("a native VLAN goes untagged or tagged as its port says", () => {
  const env = normalEnv({
    1: { vlanMode: "access", tag: 10 },
    2: { vlanMode: "native-untagged", tag: 10 },
    3: { vlanMode: "native-tagged", tag: 10 },
    4: { noFlood: true },
    5: { noFlood: true },
  });
  assert.equal(send(env, frame(1, A, B)), "2,push_vlan(vid=10,pcp=0),3");
  assert.equal(send(env, frame(2, B, A)), "1");
  assert.equal(send(env, frame(3, B, A, 0x100a)), "pop_vlan,1");
});

test("drops a frame that ends within its tag", () => {
  const env = normalEnv();
  assert.equal(actionsOn(env, frame(1, A, B).replace("0x88cc", "0x8100")), "drop");
  assert.equal(actionsOn(env, frame(1, A, B).replace("0x88cc", "0x88a8")), "drop");
  assert.equal(actionsOn(env, frame(1, A, B, 0x100a).replace("0x88cc", "0x8100")), "2,3,4,5");
});
