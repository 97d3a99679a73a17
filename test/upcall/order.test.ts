// No packet overtakes an earlier one of its connection on the way through the controller, whatever the two
// sides do in between.

import assert from "node:assert/strict";
import { test } from "node:test";
import { assertAccounted } from "../support/accounting.ts";
import { ethernet, ipv4, packet, udp } from "../support/packet-builder.ts";
import { SeededRandom } from "../support/seeded-random.ts";
import { SteppedSwitch } from "../support/stepped-switch.ts";

const UDP_PAYLOAD = 14 + 20 + 8;

/** A packet whose payload tells its connection and its place in it. */
function numbered(connection: number, sequence: number): Buffer {
  const told = Buffer.alloc(18);
  told.writeUInt32BE(connection, 0);
  told.writeUInt32BE(sequence, 4);
  const src = `10.${connection >> 16}.${(connection >> 8) & 255}.${connection & 255}`;
  return packet(ethernet(), ipv4({ src, dst: "10.9.9.9" }), udp({ src: 1 + (connection % 7), dst: 9 }), told);
}

/** Aggregates of 16 connections, of single ones, and with a second pass. */
const RULES = [
  "priority=30,ip,nw_src=10.0.0.0/25,actions=2",
  "priority=20,udp,nw_src=10.0.0.128/26,tp_src=1,actions=3",
  "priority=20,udp,nw_src=10.0.0.128/26,tp_src=2,actions=2",
  "priority=10,ip,actions=resubmit(,1)",
  "table=1,priority=5,ip,nw_src=10.0.0.192/28,actions=dec_ttl,2",
  "table=1,priority=4,ip,nw_src=10.0.0.208/28,actions=debug_recirc,set_field:02:00:00:00:00:01->eth_dst,3",
  "table=1,priority=3,actions=4",
].join("\n");

function inOrder(sw: SteppedSwitch, last: Map<number, number>, seed: number): void {
  for (const { bytes } of sw.takeSent()) {
    const told = Buffer.from(bytes.buffer, bytes.byteOffset + UDP_PAYLOAD);
    const connection = told.readUInt32BE(0);
    const sequence = told.readUInt32BE(4);
    const before = last.get(connection) ?? -1;
    assert.ok(sequence > before, `seed ${seed}: connection ${connection}: ${sequence} after ${before}`);
    last.set(connection, sequence);
  }
}

for (const mode of ["signature", "exact", "off"] as const) {
  test(`packets of a connection leave in order across misses (microflow cache: ${mode})`, () => {
    for (let seed = 1; seed <= 12; seed++) {
      const random = new SeededRandom(seed);
      const sw = new SteppedSwitch({
        frames: 4096,
        "microflow.entries": mode === "off" ? 0 : 64,
        "microflow.mode": mode === "exact" ? "exact" : "signature",
        batch: 1 + random.int(0, 31),
      });
      sw.addFlows(RULES);
      sw.settle();
      const next = new Map<number, number>();
      const last = new Map<number, number>();
      const connections = 4 + random.int(0, 255);
      for (let step = 0; step < 300; step++) {
        for (let burst = random.int(0, 39); burst > 0; burst--) {
          const connection = random.int(0, connections - 1);
          const sequence = next.get(connection) ?? 0;
          if (sw.put(1, numbered(connection, sequence))) next.set(connection, sequence + 1);
        }
        sw.poll(random.int(0, 2));
        if (random.int(0, 2) === 0) sw.answer(random.int(0, 11));
        // Flows that come and go leave records that serve again.
        if (random.int(0, 39) === 0) {
          for (const ukey of sw.megaflows()) if (random.int(0, 1) === 0) sw.pmd.handler.remove(ukey);
        }
        inOrder(sw, last, seed);
      }
      sw.settle();
      inOrder(sw, last, seed);
      assertAccounted(sw, sw.received);
      assert.ok(sw.pmd.stats.counters.UPCALLS_JOINED > 0, "packets waited behind upcalls");
    }
  });
}
