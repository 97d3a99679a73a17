// The same changes made by Open vSwitch's userspace datapath and by ours, over random packets, whole and
// broken, with right and wrong checksums: the bytes sent must be equal.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { OdpAction } from "../../../../src/odp/action.ts";
import { NEED_OVS, needs } from "../../../support/needs.ts";
import { OvsOracle } from "../../../support/ovs.ts";
import { etherTypeOf, parseEthernet, parseIp } from "../../../support/plain-headers.ts";
import { randomFrame } from "../../../support/random-packets.ts";
import { SeededRandom } from "../../../support/seeded-random.ts";
import { applyInFrame, packetOf } from "./harness.ts";
import { CASES } from "./open-vswitch-cases.ts";
import { actionWords } from "./operands.ts";
import { validPacket } from "./valid-packets.ts";

/** The packet's bytes after our actions, in hex; undefined when one is refused. */
function changedByUs(packet: Buffer, actions: readonly OdpAction[]): string | undefined {
  let current = packetOf(packet);
  for (const action of actions) {
    const outcome = applyInFrame(current, actionWords(action));
    if (!outcome.accepted) return undefined;
    current = outcome.packet;
  }
  return current.bytes.toString("hex");
}

test("Open vSwitch sends what we make of a packet", { skip: needs(NEED_OVS) }, async (context) => {
  await using ovs = await OvsOracle.start({ ports: 2 });
  for (const one of CASES) {
    await context.test(one.name, async () => {
      await ovs.load({ flows: one.flows });
      let changed = 0;
      for (let seed = 1; seed <= 700; seed++) {
        const random = new SeededRandom(seed);
        const packet = random.chance(50) ? validPacket(random) : randomFrame(random, false);
        const frame = parseEthernet(packet)!;
        if (one.except?.({ frame, ip: parseIp(etherTypeOf(frame), frame.payload) })) continue;
        const hex = packet.toString("hex");
        const { out } = await ovs.send(1, hex);
        if (out.length === 0) continue;
        const sent = out[0]![1];
        assert.equal(changedByUs(packet, one.actions), sent, `seed ${seed}: ${hex}`);
        if (sent !== hex) changed++;
      }
      assert.ok(changed >= one.changes, `${changed} packets changed`);
    });
  }
});
