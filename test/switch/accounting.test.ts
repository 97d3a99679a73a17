// Every packet has exactly one end, whatever happens to it and its copies.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Action } from "../../assembly/layout/action.ts";
import { Command } from "../../assembly/layout/command.ts";
import { DropReason } from "../../assembly/layout/stat.ts";
import { defaultSettings } from "../../src/config/settings.ts";
import type { OfPort } from "../../src/openflow/port.ts";
import { assertAccounted } from "../support/accounting.ts";
import { labSwitch } from "../support/lab-switch.ts";
import { ethernet, ipv4, packet, udp } from "../support/packet-builder.ts";

const one = 1 as OfPort;

function frame(source = 1, payload = 18): Buffer {
  return packet(
    ethernet(),
    ipv4({ src: `10.0.${source >> 8}.${source & 255}`, dst: "10.9.9.9" }),
    udp({ src: 7, dst: 9 }),
    payload,
  );
}

test("frames that are too long or too short are received and dropped by name", async () => {
  const sw = labSwitch(defaultSettings);
  sw.addFlows("actions=2\n");
  const jumbo = frame(1, 9000);
  const [long, longest, runt, big] = [
    Buffer.alloc(65_537),
    Buffer.alloc(65_536),
    Buffer.alloc(13),
    jumbo,
  ].map((bytes) => sw.send(one, bytes));
  assert.equal(long!.dropped, DropReason.OVERSIZE);
  assert.equal(runt!.dropped, DropReason.RUNT);
  assert.equal(longest!.sent[0]!.bytes.length, 65_536);
  assert.deepEqual(Buffer.from(big!.sent[0]!.bytes), jumbo);
  assertAccounted(sw, 4);
  await sw.close();
});

test("a later change never alters an earlier output, and copies are counted as copies", async () => {
  const sw = labSwitch(defaultSettings);
  sw.addFlows(
    "ip,actions=2,mod_dl_dst:00:00:00:00:00:22,3,clone(mod_dl_dst:00:00:00:00:00:33,4),5,dec_ttl,6\n",
  );
  for (let round = 0; round < 3; round++) {
    const { sent } = sw.send(one, frame());
    assert.deepEqual(
      sent.map(({ port }) => port),
      [2, 3, 4, 5, 6],
    );
    const macs = sent.map(({ bytes }) => Buffer.from(bytes).subarray(0, 6).toString("hex"));
    assert.deepEqual(macs, [
      frame().subarray(0, 6).toString("hex"),
      "000000000022",
      "000000000033",
      "000000000022",
      "000000000022",
    ]);
    assert.equal(sent[3]!.bytes[22]! - sent[4]!.bytes[22]!, 1, "only the last has a smaller TTL");
  }
  assert.equal(sw.stats()[0]!.counters.TX, 15);
  assertAccounted(sw, 3);
  await sw.close();
});

test("a packet that loops through recirculation ends at the depth limit, sent copies notwithstanding", async () => {
  const sw = labSwitch(defaultSettings);
  sw.addFlows("ip,actions=2\n");
  sw.send(one, frame());
  const [flow] = sw.megaflows();
  const program = Uint32Array.of(4, Action.OUTPUT | (2 << 8), 3, Action.RECIRC | (2 << 8), 0);
  sw.pmds[0]!.channel.capacity.reserveProgram(program);
  sw.pmds[0]!.channel.modifyFlow(flow!.flow, flow!.cookie, program);
  const fate = sw.send(one, frame());
  assert.equal(fate.sent.length, 9, "the first pass and eight recirculations");
  assert.equal(fate.lookups.length, 9);
  assert.equal(fate.dropped, undefined);
  assertAccounted(sw, 2);
  await sw.close();
});

test("copies that are parked behind an upcall and outlive their original settle one account", async () => {
  for (const reached of ["2", "drop"]) {
    const sw = labSwitch(defaultSettings);
    // The pop makes the copy recirculate, and the second pass is a miss of its own.
    sw.addFlows(
      `mpls,actions=clone(pop_mpls:0x0800,resubmit(,1)),clone(pop_mpls:0x0800,resubmit(,1))\ntable=1,ip,nw_dst=10.9.9.9,actions=${reached}\n`,
    );
    const labelled = Buffer.concat([
      frame().subarray(0, 12),
      Buffer.from("884700001140", "hex"),
      frame().subarray(14),
    ]);
    for (let round = 0; round < 2; round++) {
      const fate = sw.send(one, labelled);
      assert.equal(fate.sent.length, reached === "drop" ? 0 : 2);
      assert.equal(fate.dropped === undefined, reached !== "drop", `round ${round}`);
    }
    assertAccounted(sw, 2);
    await sw.close();
  }
});

test("packets over what may be parked are lost as `upcall lost`, counted by port", async () => {
  const sw = labSwitch(defaultSettings);
  sw.addFlows("ip,actions=2\n");
  // A burst of more microflows than half of a quarter of the frames, which is what one port may park: each
  // wants an upcall of its own.
  const count = 700;
  const burst = Array.from({ length: count }, (_, i) => ({ port: one, bytes: frame(i) }));
  const { channel } = sw.pmds[0]!;
  channel.plain(Command.BARRIER);
  const fates = sw.sendBurst(burst);
  const lost = fates.filter((fate) => fate.dropped === DropReason.UPCALL_LOST).length;
  const sent = fates.filter((fate) => fate.sent.length === 1).length;
  assert.equal(lost + sent, count);
  assert.ok(lost > 0 && sent >= 256, `${lost} lost, ${sent} sent`);
  assert.equal(sw.portCounters(one).upcallsLost, lost);
  assert.equal(sw.stats()[0]!.drops[DropReason.UPCALL_LOST], lost);
  assertAccounted(sw, count);
  await sw.close();
});

test("statistics of megaflows reach their rules exactly once, also across removal", async () => {
  const sw = labSwitch(defaultSettings);
  sw.addFlows(
    "table=0,ip,actions=resubmit(,1)\ntable=1,ip,nw_src=10.0.0.0/24,actions=2\ntable=1,actions=3\n",
  );
  const packets = 60;
  for (let i = 0; i < packets; i++) sw.send(one, frame(i % 7));
  sw.addFlows("table=1,ip,nw_src=10.0.0.3,priority=50000,actions=4\n");
  for (let i = 0; i < packets; i++) sw.send(one, frame(i % 7));
  sw.creditRules();
  let first = 0;
  let second = 0;
  sw.bridge.forEachRule((rule) => {
    if (rule.tableId === 0) first += rule.packets;
    else second += rule.packets;
  });
  assert.equal(first, 2 * packets);
  assert.equal(second, 2 * packets);
  assertAccounted(sw, 2 * packets);
  await sw.close();
});
