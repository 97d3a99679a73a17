// A PMD's worker dies with many megaflows: they are back in the next one, true to the rules, and what they had
// counted has reached the rules.

import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { defaultSettings } from "../../src/config/settings.ts";
import { placeTrace } from "../../src/netdev/trace.ts";
import type { OfPort } from "../../src/openflow/port.ts";
import { ThreadedSwitch } from "../../src/threaded-switch.ts";
import { assertAccounted } from "../support/accounting.ts";
import { eventually } from "../support/eventually.ts";
import { ethernet, ipv4, packet, udp } from "../support/packet-builder.ts";

/** Packets that a worker may have counted for one and not for the other when it dies. */
const BATCH = 64;
/** More than the command ring holds at once. */
const MEGAFLOWS = 50_000;

function create(t: TestContext): ThreadedSwitch {
  const sw = new ThreadedSwitch({
    settings: { ...defaultSettings, maxIdleMs: 600_000 },
    exactMegaflows: true,
    seed: 1n,
    cores: [0],
  });
  t.after(() => sw.close());
  for (const number of [1, 2, 3])
    sw.addPort({ number: number as OfPort, name: `p${number}`, transmit: "null" });
  return sw;
}

test("a worker that dies with 50,000 megaflows leaves them to the next one, as the rules are by then", async (t) => {
  const sw = create(t);
  sw.addFlows("ip,actions=2\n");
  const frames = Array.from({ length: MEGAFLOWS }, (_, i) =>
    packet(ethernet(), ipv4({ src: `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}` }), udp({ src: 7 }), 18),
  );
  sw.addTrace(1 as OfPort, { ...placeTrace(sw.memory, frames), leftOut: 0 }, { window: 512 });
  await eventually("the megaflows", () => sw.pmds[0]!.handler.liveCount >= MEGAFLOWS);
  const dead = sw.pmds[0]!;
  await sw.threads[0]!.terminate();
  await eventually("the restart", () => sw.pmds[0] !== dead);
  sw.addFlows("priority=40000,ip,nw_src=10.0.0.0/17,actions=3\n");
  await sw.settled();
  await eventually("the megaflows again", () => sw.pmds[0]!.handler.liveCount >= MEGAFLOWS);
  const upcalls = sw.pmds[0]!.stats.counters.UPCALLS;
  await sw.drain();
  const toThird = sw.megaflows().filter(({ program }) => program[2] === 3).length;
  assert.equal(toThird, 1 << 15, "the new rule holds for the megaflows that came over");
  assert.ok(upcalls < MEGAFLOWS, `${upcalls} upcalls of the new PMD: most came over`);
  const received = sw.stats().reduce((sum, { counters }) => sum + counters.RX, 0);
  const lost = sw.stats().reduce((sum, { counters }) => sum + counters.DROPPED, 0);
  assertAccounted(sw, received);
  const { rxPackets, upcalls: asked } = sw.portCounters(1 as OfPort);
  assert.ok(Math.abs(rxPackets - received) <= BATCH, `${rxPackets} at the port, ${received} at the PMDs`);
  assert.ok(asked >= MEGAFLOWS, "the port's counters are those of both workers");
  let counted = 0;
  sw.bridge.forEachRule((rule) => {
    counted += rule.packets;
  });
  assert.ok(
    counted <= received && counted >= received - lost,
    `${counted} counted of ${received}, ${lost} lost`,
  );
});
