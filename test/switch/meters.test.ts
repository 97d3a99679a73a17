// Meters hold their rates by the switch's clock, drop or remark above them, and count what they caught.

import assert from "node:assert/strict";
import { test } from "node:test";
import { DropReason } from "../../assembly/layout/stat.ts";
import { defaultSettings } from "../../src/config/settings.ts";
import type { InlineSwitch } from "../../src/inline-switch.ts";
import type { OfPort } from "../../src/openflow/port.ts";
import { assertAccounted } from "../support/accounting.ts";
import { labSwitch } from "../support/lab-switch.ts";
import { ethernet, ipv4, ipv6, packet, udp } from "../support/packet-builder.ts";

const one = 1 as OfPort;
const plain = packet(ethernet(), ipv4({ src: "10.0.0.1", dst: "10.0.0.2" }), udp({ src: 5, dst: 6 }), 58);

/** Sends `count` packets at the present clock; returns how many came out. */
function passed(sw: InlineSwitch, count: number): number {
  let sent = 0;
  for (let i = 0; i < count; i++) {
    const fate = sw.send(one, plain);
    sent += fate.sent.length;
    if (fate.sent.length === 0) assert.equal(fate.dropped, DropReason.METER);
  }
  return sent;
}

function metered(meter: string): InlineSwitch {
  const sw = labSwitch(defaultSettings);
  sw.addMeters(meter);
  sw.addFlows("ip,actions=meter:1,2\nipv6,actions=meter:1,2\n");
  return sw;
}

test("a packet meter lets its burst pass at once and then its rate, by the clock", async () => {
  const sw = metered("meter=1 pktps burst bands=type=drop rate=100 burst_size=20\n");
  sw.setClock(1);
  assert.equal(passed(sw, 50), 20);
  sw.setClock(101);
  assert.equal(passed(sw, 50), 10, "a tenth of a second");
  sw.setClock(10_101);
  assert.equal(passed(sw, 50), 20, "no more than the burst, however long it was silent");
  assertAccounted(sw, 150);
  const { packets, bytes, bands } = sw.meters.counters(0);
  assert.equal(packets, 150);
  assert.equal(bytes, 150 * plain.length);
  assert.deepEqual(bands, [{ packets: 100, bytes: 100 * plain.length }]);
  await sw.close();
});

test("a meter without a burst holds one second of its rate; kb/s count the whole frame", async () => {
  // 100 bytes are 0.8 kilobits: 80 kb/s are 100 packets a second.
  assert.equal(plain.length, 100);
  const sw = metered("meter=1 kbps bands=type=drop rate=80\n");
  assert.equal(passed(sw, 130), 100);
  sw.setClock(500);
  assert.equal(passed(sw, 80), 50);
  await sw.close();
});

test("of two exceeded bands the faster decides, and dscp_remark raises the drop precedence with a right checksum", async () => {
  const sw = metered(
    "meter=1 pktps burst bands=type=dscp_remark rate=10 burst_size=5 prec_level=1 type=drop rate=20 burst_size=12\n",
  );
  const af11 = packet(
    ethernet(),
    ipv4({ src: "10.0.0.1", dst: "10.0.0.2", tos: 0x29 }),
    udp({ src: 5, dst: 6 }),
    18,
  );
  const af12 = packet(
    ethernet(),
    ipv4({ src: "10.0.0.1", dst: "10.0.0.2", tos: 0x31 }),
    udp({ src: 5, dst: 6 }),
    18,
  );
  const got = Array.from(
    { length: 15 },
    () => sw.send(one, af11).sent.map(({ bytes }) => Buffer.from(bytes).toString("hex"))[0],
  );
  assert.deepEqual(got.slice(0, 5), Array(5).fill(af11.toString("hex")));
  assert.deepEqual(got.slice(5, 12), Array(7).fill(af12.toString("hex")));
  assert.deepEqual(got.slice(12), Array(3).fill(undefined));
  await sw.close();
});

test("dscp_remark changes an IPv6 traffic class and leaves its flow label", async () => {
  const sw = metered("meter=1 pktps burst bands=type=dscp_remark rate=1 burst_size=1 prec_level=2\n");
  const frame = (tclass: number): Buffer =>
    packet(
      ethernet(),
      ipv6({ src: "2001:db8::1", dst: "2001:db8::2", trafficClass: tclass, flowLabel: 0xabcde }),
      udp({ src: 5, dst: 6 }),
      18,
    );
  sw.send(one, frame(0x50));
  // AF22 (0x50) goes to AF23 and no further.
  assert.equal(
    Buffer.from(sw.send(one, frame(0x50)).sent[0]!.bytes).toString("hex"),
    frame(0x58).toString("hex"),
  );
  await sw.close();
});

test("an unknown meter lets everything pass", async () => {
  const sw = labSwitch(defaultSettings);
  sw.addFlows("ip,actions=meter:7,2\n");
  assert.equal(passed(sw, 10), 10);
  await sw.close();
});
