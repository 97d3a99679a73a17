// A controller that is away, in a garbage collection say, stops no PMD: established traffic goes on, new
// connections wait, and are answered when it is back.

import assert from "node:assert/strict";
import { test } from "node:test";
import { defaultSettings } from "../../src/config/settings.ts";
import { placeTrace } from "../../src/netdev/trace.ts";
import type { OfPort } from "../../src/openflow/port.ts";
import { ThreadedSwitch } from "../../src/threaded-switch.ts";
import { eventually, PATIENCE_MS } from "../support/eventually.ts";
import { ethernet, ipv4, packet, udp } from "../support/packet-builder.ts";

/** The controller is away so long at least, and until the traffic has shown that it flows. */
const AWAY_MS = 300;

function connections(count: number, net: number): Buffer[] {
  return Array.from({ length: count }, (_, i) =>
    packet(ethernet(), ipv4({ src: `10.${net}.0.${i}`, dst: "10.9.9.9" }), udp({ src: 7, dst: 9 }), 18),
  );
}

test("established traffic flows while the controller is away", async (t) => {
  const sw = new ThreadedSwitch({ settings: defaultSettings, seed: 1n, cores: [0] });
  t.after(() => sw.close());
  for (const number of [1, 2, 3]) {
    sw.addPort({ number: number as OfPort, name: `p${number}`, transmit: "null" });
  }
  sw.addFlows("in_port=1,actions=3\nin_port=2,udp,nw_src=10.2.0.0/24,udp_src=7,actions=3");
  sw.addTrace(1 as OfPort, { ...placeTrace(sw.memory, connections(50, 1)), leftOut: 0 });
  const sent = () => sw.portCounters(3 as OfPort).txPackets;
  await eventually("the traffic is established", () => sent() >= 1000);
  sw.addTrace(2 as OfPort, { ...placeTrace(sw.memory, connections(20, 2)), leftOut: 0 }, { rounds: 1 });
  const before = sent();
  const wait = new Int32Array(new SharedArrayBuffer(4));
  const asked = () => sw.pmds[0]!.stats.counters.UPCALLS;
  const waiting = asked() + 20;
  const start = performance.now();
  // Nothing but these waits happens on the controller's thread.
  while (asked() < waiting && performance.now() - start < PATIENCE_MS) Atomics.wait(wait, 0, 0, 1);
  while (sent() - before <= 1000 && performance.now() - start < PATIENCE_MS) Atomics.wait(wait, 0, 0, 1);
  Atomics.wait(wait, 0, 0, AWAY_MS);
  const meanwhile = sent() - before;
  assert.ok(meanwhile > 1000, `${meanwhile} packets without a controller`);
  const misses = () => sw.upcallStats().ports.find(({ port }) => port === 2)?.misses ?? 0;
  await eventually("those that waited are answered", () => misses() >= 20);
  assert.equal(misses(), 20, "each once");
  assert.ok(sw.upcallStats().queueing.max >= (AWAY_MS * 1000) / 2, "and their waiting is told");
});
