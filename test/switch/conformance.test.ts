// Where Open vSwitch and OpenFlow 1.3 section 5.12.1 differ, a setting decides.

import assert from "node:assert/strict";
import { test } from "node:test";
import { defaultSettings } from "../../src/config/settings.ts";
import type { OfPort } from "../../src/openflow/port.ts";
import { labSwitch } from "../support/lab-switch.ts";
import { ethernet, ipv6, packet, udp, vlan } from "../support/packet-builder.ts";

const datagram = [
  ipv6({ src: "2001:db8::1", dst: "2001:db8::2", trafficClass: 0x50, hopLimit: 33 }),
  udp({ src: 5, dst: 6 }),
  18,
] as const;

async function sent(conformance: "ovs" | "openflow", rule: string, frame: Buffer): Promise<string> {
  const sw = labSwitch({ ...defaultSettings, conformance });
  sw.addFlows(`${rule}\n`);
  sw.send(1 as OfPort, frame);
  const fate = sw.send(1 as OfPort, frame);
  await sw.close();
  return Buffer.from(fate.sent[0]!.bytes).toString("hex");
}

test("push_vlan on a tagged packet writes VLAN 0, or copies the tag as OpenFlow says", async () => {
  const frame = packet(ethernet(), vlan({ vid: 100, pcp: 3 }), ...datagram);
  const rule = "actions=push_vlan:0x8100,2";
  assert.equal((await sent("ovs", rule, frame)).slice(24, 40), "8100000081006064");
  assert.equal((await sent("openflow", rule, frame)).slice(24, 40), "8100606481006064");
});

test("push_mpls begins with explicit null, class and TTL, or with zeros and the TTL as OpenFlow says", async () => {
  const frame = packet(ethernet(), ...datagram);
  const rule = "ipv6,actions=push_mpls:0x8847,2";
  // Label 2, class 4 of DSCP 20, bottom of stack, TTL 33.
  assert.equal((await sent("ovs", rule, frame)).slice(24, 36), "884700002921");
  assert.equal((await sent("openflow", rule, frame)).slice(24, 36), "884700000121");
});
