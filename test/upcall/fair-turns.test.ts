// Receive queues share a PMD's time: one whose packets miss, or meet flows that no cache has any more, lets turns
// pass while others have packets, and loses nothing by it but the turns.

import assert from "node:assert/strict";
import { test } from "node:test";
import { defaultSettings } from "../../src/config/settings.ts";
import type { OfPort } from "../../src/openflow/port.ts";
import { assertAccounted } from "../support/accounting.ts";
import { ethernet, ipv4, packet, udp } from "../support/packet-builder.ts";
import { SteppedSwitch } from "../support/stepped-switch.ts";

const BURST = defaultSettings.batch;
const MANY = 1500;
const FEW = 16;
/** Turns in which both queues have packets. */
const TURNS = 40;

function connection(number: number): Buffer {
  const src = `10.0.${number >> 8}.${number & 255}`;
  return packet(ethernet(), ipv4({ src, dst: "10.9.9.9" }), udp({ src: 7, dst: 9 }), 18);
}

function create(): SteppedSwitch {
  const sw = new SteppedSwitch({ frames: 1 << 14 }, { exactMegaflows: true });
  sw.addFlows("in_port=1,actions=3\nin_port=2,actions=4");
  sw.setClock(1000);
  for (let i = 0; i < MANY; i++) {
    sw.put(1, connection(i));
    if (i < FEW) sw.put(2, connection(i));
    if (i % BURST === 0) sw.settle();
  }
  sw.settle();
  sw.takeSent();
  return sw;
}

/** Queues packets of `ofPort1` connections in port 1 and of a few in port 2, and lets turns go by. */
function contend(sw: SteppedSwitch, ofPort1: number): [first: number, second: number] {
  const received = (port: number) => sw.portCounters(port as OfPort).rxPackets;
  const before = [received(1), received(2)] as const;
  for (let i = 0; i < TURNS * BURST; i++) {
    assert.ok(sw.put(1, connection(i % ofPort1)) && sw.put(2, connection(i % FEW)));
  }
  for (let turn = 0; turn < TURNS; turn++) {
    sw.setClock(sw.nowMs + 1);
    sw.poll();
  }
  return [received(1) - before[0], received(2) - before[1]];
}

/** What is left comes through, in order, and all of it is accounted for. */
function finish(sw: SteppedSwitch): void {
  sw.settle();
  assertAccounted(sw, sw.received);
}

test("a port whose packets meet flows that were long unused gets fewer turns than one of a few busy flows", () => {
  const sw = create();
  // The first packets only make the difference known.
  contend(sw, MANY);
  sw.settle();
  const [cold, warm] = contend(sw, MANY);
  assert.equal(warm, TURNS * BURST, "the other port has all of its turns");
  assert.ok(cold <= warm / 2, `${cold} packets beside ${warm}`);
  assert.ok(cold >= BURST, `${cold} packets: it is not starved`);
  finish(sw);
});

test("ports whose flows are as busy as each other's have as many turns", () => {
  const sw = create();
  contend(sw, FEW);
  sw.settle();
  assert.deepEqual(contend(sw, FEW), [TURNS * BURST, TURNS * BURST]);
  finish(sw);
});

test("a port that is alone lets no turn pass, whatever its packets cost", () => {
  const sw = create();
  contend(sw, MANY);
  sw.settle();
  const before = sw.portCounters(1 as OfPort).rxPackets;
  for (let i = 0; i < TURNS * BURST; i++) assert.ok(sw.put(1, connection(i % MANY)));
  sw.poll();
  for (let turn = 1; turn < TURNS; turn++) {
    sw.setClock(sw.nowMs + 1);
    sw.poll();
  }
  assert.equal(sw.portCounters(1 as OfPort).rxPackets - before, TURNS * BURST);
  finish(sw);
});
