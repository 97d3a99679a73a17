// Linear memory that is full is an ordinary thing: megaflows are refused and counted, the least recently used make
// room, every packet is forwarded as the rules say, and the limit tells its reason.

import assert from "node:assert/strict";
import { test } from "node:test";
import { REGION_GRANULE } from "../../assembly/layout/memory-map.ts";
import type { Region, SwitchMemory } from "../../src/datapath/memory.ts";
import { assertAccounted } from "../support/accounting.ts";
import { ethernet, ipv4, packet, udp } from "../support/packet-builder.ts";
import { SteppedSwitch } from "../support/stepped-switch.ts";

const LARGE = 64 << 20;
const BURST = 256;

/** Takes all of linear memory but so many pieces of the smallest size; returns those taken last. */
function takeMemory(memory: SwitchMemory, leave: number): Region[] {
  while (memory.allocateIfFree(LARGE) !== undefined);
  const small: Region[] = [];
  for (;;) {
    const region = memory.allocateIfFree(REGION_GRANULE);
    if (region === undefined) break;
    small.push(region);
  }
  for (const region of small.splice(0, leave)) memory.release(region);
  return small;
}

function connection(number: number): Buffer {
  const src = `10.${number >> 16}.${(number >> 8) & 255}.${number & 255}`;
  return packet(ethernet(), ipv4({ src, dst: "10.9.9.9" }), udp({ src: 7, dst: 9 }), 18);
}

/** Sends connections `from` to `end` - 1 into port 1; returns how many of their packets came out of each port. */
function send(sw: SteppedSwitch, from: number, end: number): Map<number, number> {
  const sent = new Map<number, number>();
  for (let i = from; i < end; i++) {
    assert.ok(sw.put(1, connection(i)));
    if (i % BURST !== BURST - 1 && i !== end - 1) continue;
    sw.setClock(sw.nowMs + 1);
    sw.settle();
    for (const { port } of sw.takeSent()) sent.set(port, (sent.get(port) ?? 0) + 1);
  }
  return sent;
}

test("with linear memory full megaflows are refused and make room, and no packet is lost", () => {
  const sw = new SteppedSwitch({ maxIdleMs: 3_600_000 }, { exactMegaflows: true });
  sw.addFlows("in_port=1,actions=3");
  takeMemory(sw.memory, 1);
  assert.equal(sw.revalidatorStats().flowLimitReason, "configured");
  let count = 0;
  while (sw.revalidatorStats().noMemory === 0) {
    assert.ok(count < 100_000, "linear memory never was full");
    assert.deepEqual([...send(sw, count, count + 1000)], [[3, 1000]]);
    count += 1000;
  }
  const full = sw.revalidatorStats();
  assert.match(full.flowLimitReason, /^linear memory is full: it holds \d+ megaflows/);
  assert.ok(full.flowLimit <= full.megaflows + 1000 && full.flowLimit < 200_000);
  assert.deepEqual([...send(sw, count, count + 3000)], [[3, 3000]]);
  const later = sw.revalidatorStats();
  assert.ok(later.evictions > 0 && later.removed.flowLimit > 0, "the least recently used made room");
  assert.ok(later.refused >= later.noMemory);
  const { installed } = sw.upcallStats();
  send(sw, count + 3000, count + 3010);
  assert.equal(sw.upcallStats().installed, installed + 10, "newer ones are installed");
  assertAccounted(sw, sw.received);
});

test("a megaflow whose new actions linear memory has no room for goes, and packets go by the new rules", () => {
  const flows = 6000;
  const sw = new SteppedSwitch({ maxIdleMs: 3_600_000 }, { exactMegaflows: true });
  sw.addFlows("in_port=1,actions=3");
  assert.deepEqual([...send(sw, 0, flows)], [[3, flows]]);
  takeMemory(sw.memory, 0);
  // So long a program takes a block of kilobytes.
  const marks = Array.from({ length: 200 }, (_, i) => `mod_nw_tos:${(i % 60) * 4},4`).join(",");
  sw.modFlows(`in_port=1,actions=${marks}`);
  sw.settle();
  const { noMemory, removed, changed } = sw.revalidatorStats();
  assert.ok(noMemory > 0 && changed + removed.changed > 0, `${noMemory} had no room`);
  assert.ok(sw.megaflows().length < flows);
  for (const ukey of sw.megaflows().slice(0, 10)) assert.ok(ukey.actions.length > 2);
  const sent = send(sw, 0, 100);
  assert.deepEqual([...sent], [[4, 20_000]]);
  assertAccounted(sw, sw.received);
});
