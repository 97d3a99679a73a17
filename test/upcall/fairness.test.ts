// A storm on one port costs the others nothing: turns at the controller, room for waiting upcalls and frames,
// rates; and whoever loses, it is told which port and why.

import assert from "node:assert/strict";
import { test } from "node:test";
import { DropReason, PmdStat } from "../../assembly/layout/stat.ts";
import type { OfPort } from "../../src/openflow/port.ts";
import { assertAccounted } from "../support/accounting.ts";
import { ethernet, ipv4, packet, udp } from "../support/packet-builder.ts";
import { SteppedSwitch } from "../support/stepped-switch.ts";

const NO_LOSSES = { rate: 0, share: 0, frames: 0, ring: 0, timeout: 0 };

function connection(number: number): Buffer {
  const src = `10.${number >> 16}.${(number >> 8) & 255}.${number & 255}`;
  return packet(ethernet(), ipv4({ src, dst: "10.9.9.9" }), udp({ src: 7, dst: 9 }), 18);
}

/** Sends new connections into a port; one rule a connection would be the same as this prefix for each. */
function storm(sw: SteppedSwitch, port: number, count: number, first = 0): void {
  for (let i = 0; i < count; i++) {
    assert.ok(sw.put(port, connection(first + i)), "the receive queue has room");
    if (i % 64 === 63) sw.poll();
  }
  while (sw.poll() > 0);
}

function lossesOf(sw: SteppedSwitch, port: number) {
  const { ports } = sw.upcallStats();
  return ports.find((one) => one.port === port)?.lost;
}

/** Exact megaflows, so that every connection is a translation. */
const EXACT = { exactMegaflows: true };

/** Misses are translated or deduplicated, and every packet that missed waited, joined or was lost. */
function assertUpcallsAdd(sw: SteppedSwitch): void {
  const stats = sw.upcallStats();
  const { counters } = sw.pmd.stats;
  assert.equal(stats.misses, stats.translations + stats.deduplicated);
  assert.equal(counters[PmdStat[PmdStat.UPCALLS] as "UPCALLS"], stats.misses + stats.punts);
  const lost = Object.values(stats.lost).reduce((sum, n) => sum + n, 0);
  assert.equal(lost, sw.pmd.stats.drops[DropReason.UPCALL_LOST]);
  assert.equal(counters.MISS, stats.misses + counters.UPCALLS_JOINED + lost);
  for (const { port, lost: mine } of stats.ports) {
    const sum = Object.values(mine).reduce((total, n) => total + n, 0);
    assert.equal(sw.portCounters(port as OfPort).upcallsLost, sum, `losses of port ${port}`);
  }
  assert.equal(stats.waiting, 0);
}

test("a quiet port's upcall is answered at its next turn, however many a storming port has waiting", () => {
  const sw = new SteppedSwitch({}, EXACT);
  sw.addFlows("in_port=1,actions=3\nin_port=2,actions=4");
  storm(sw, 1, 1500);
  sw.answer(100);
  storm(sw, 2, 1);
  sw.answer(2);
  while (sw.poll() > 0);
  assert.equal(sw.takeSent().filter((one) => one.port === 4).length, 1);
  assert.ok(sw.upcallStats().waiting > 1000, "the storm still waits");
  sw.settle();
  assertAccounted(sw, sw.received);
  assertUpcallsAdd(sw);
});

test("a port gets no more pending upcalls than it leaves to the others", () => {
  const sw = new SteppedSwitch({ frames: 1 << 15 }, EXACT);
  sw.addFlows("in_port=1,actions=3\nin_port=2,actions=4");
  storm(sw, 1, 3000);
  storm(sw, 2, 1000);
  assert.deepEqual(lossesOf(sw, 1), { ...NO_LOSSES, share: 3000 - 2048 });
  assert.deepEqual(lossesOf(sw, 2), NO_LOSSES);
  sw.settle();
  assert.equal(sw.takeSent().filter((one) => one.port === 4).length, 1000);
  assertAccounted(sw, sw.received);
  assertUpcallsAdd(sw);
});

test("a port's waiting frames leave as many to the others", () => {
  const sw = new SteppedSwitch({ frames: 2048 });
  sw.addFlows("in_port=1,actions=3\nin_port=2,actions=4");
  for (let i = 0; i < 400; i++) sw.put(1, connection(0));
  while (sw.poll() > 0);
  for (let i = 0; i < 100; i++) sw.put(2, connection(0));
  while (sw.poll() > 0);
  assert.deepEqual(lossesOf(sw, 1), { ...NO_LOSSES, frames: 400 - 256 });
  assert.deepEqual(lossesOf(sw, 2), NO_LOSSES);
  assert.equal(sw.upcallStats().waiting, 0, "nothing was taken in yet");
  sw.settle();
  assert.equal(sw.upcallStats().misses, 2, "one upcall for a burst of one connection");
  assertAccounted(sw, sw.received);
  assertUpcallsAdd(sw);
});

test("a port makes no more upcalls than its rate, a tenth of a second's worth at once", () => {
  const sw = new SteppedSwitch({ "upcall.portRate": 1000 }, EXACT);
  sw.addFlows("in_port=1,actions=3\nin_port=2,actions=4");
  sw.setClock(1000);
  sw.settle();
  storm(sw, 1, 300);
  storm(sw, 2, 50);
  sw.settle();
  assert.deepEqual(lossesOf(sw, 1), { ...NO_LOSSES, rate: 200 });
  assert.deepEqual(lossesOf(sw, 2), NO_LOSSES);
  sw.setClock(1030);
  storm(sw, 1, 100, 1000);
  sw.settle();
  assert.deepEqual(lossesOf(sw, 1), { ...NO_LOSSES, rate: 200 + 70 });
  assertAccounted(sw, sw.received);
  assertUpcallsAdd(sw);
});

test("packets that actions send up are bounded by port, and the bound moves on as they are taken", () => {
  let taken = 0;
  const sw = new SteppedSwitch({}, { packetIn: () => taken++ });
  sw.addFlows("actions=CONTROLLER");
  // The first of each port makes the megaflow, the others find it.
  for (const port of [1, 2]) storm(sw, port, 1);
  sw.settle();
  storm(sw, 1, 1500);
  storm(sw, 2, 200);
  assert.equal(lossesOf(sw, 1)?.share, 1500 - 1024);
  assert.deepEqual(lossesOf(sw, 2), NO_LOSSES);
  sw.settle();
  assert.equal(taken, 2 + 1024 + 200);
  storm(sw, 1, 500);
  sw.settle();
  assert.equal(taken, 2 + 1024 + 200 + 500);
  assertAccounted(sw, sw.received);
});
