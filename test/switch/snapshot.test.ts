// Snapshots of a running switch: they add up, they are plain JSON, and rates come out of two of them.

import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { defaultSettings } from "../../src/config/settings.ts";
import { placeTrace } from "../../src/netdev/trace.ts";
import { formatDumpLine, listMegaflows } from "../../src/observe/megaflows.ts";
import { ratesBetweenSnapshots } from "../../src/observe/rates.ts";
import { takeSnapshot } from "../../src/observe/snapshot.ts";
import type { OfPort } from "../../src/openflow/port.ts";
import { ThreadedSwitch } from "../../src/threaded-switch.ts";
import { eventually } from "../support/eventually.ts";
import { labSwitch, sendAll } from "../support/lab-switch.ts";
import { ethernet, ipv4, packet, tcp, udp } from "../support/packet-builder.ts";
import { quietRound } from "../support/quiet-round.ts";

const rules = [
  "in_port=1,ip,nw_dst=10.9.0.0/16,actions=2",
  "in_port=1,tcp,nw_dst=10.8.0.0/16,tp_dst=80,priority=9,actions=3",
  "in_port=1,ip,nw_dst=10.7.0.0/16,actions=drop",
  "",
].join("\n");

function connection(i: number): Buffer {
  const dst = `10.${9 - (i % 3)}.0.1`;
  return packet(
    ethernet(),
    ipv4({ src: `10.1.0.${i}`, dst }),
    i % 3 === 1 ? tcp({ dst: 80, flags: 2 }) : udp(),
    20,
  );
}

test("a snapshot of a switch at rest adds up and survives JSON", async (t) => {
  const sw = labSwitch(defaultSettings);
  t.after(() => sw.close());
  sw.addFlows(rules);
  sendAll(
    sw,
    Array.from({ length: 90 }, (_, i) => ({ port: 1, bytes: connection(i % 30) })),
    5,
  );
  const snapshot = takeSnapshot(sw);
  assert.deepEqual(JSON.parse(JSON.stringify(snapshot)), snapshot);
  const { totals } = snapshot;
  assert.equal(totals.rxPackets, 90);
  assert.equal(totals.rxPackets, totals.forwarded + totals.dropped + totals.consumed);
  assert.deepEqual(totals.drops, { policy: 30 });
  const { microflow, maskCache, masked, upcall } = totals.hits;
  assert.equal(microflow + maskCache + masked + upcall, totals.lookups);
  assert.equal(upcall, totals.upcalls + totals.upcallsJoined);
  const one = snapshot.pmds[0];
  assert.ok(one);
  assert.equal(one.megaflows, snapshot.megaflows);
  assert.deepEqual(one.caches.microflow, {
    ...{ entries: defaultSettings["microflow.entries"], bytes: defaultSettings["microflow.entries"] * 8 },
    ...{ mode: "signature", insertInverse: 1, bypass: "auto", bypassed: false },
  });
  assert.equal(one.caches.maskCache.entries, defaultSettings["maskCache.entries"]);
  const first = snapshot.ports.find((port) => port.number === 1);
  assert.ok(first);
  assert.deepEqual([first.name, first.kind, first.rxPackets], ["p1", "ring", 90]);
  assert.equal(snapshot.ports.find((port) => port.number === 2)?.txPackets, 30);
});

test("megaflows are sorted, searched and filtered", async (t) => {
  const sw = labSwitch(defaultSettings);
  t.after(() => sw.close());
  sw.addFlows(rules);
  sw.setClock(1000);
  const counts = [3, 9, 6];
  for (let kind = 0; kind < 3; kind++)
    for (let n = 0; n < counts[kind]!; n++) sw.send(1 as OfPort, connection(kind));
  sw.setClock(2500);
  const all = await listMegaflows(sw, { sort: "packets" });
  assert.deepEqual([all.total, all.matched], [3, 3]);
  assert.deepEqual(
    all.entries.map((entry) => entry.packets),
    [8, 5, 2],
  );
  assert.equal((await listMegaflows(sw, { sort: "packets", limit: 1 })).entries.length, 1);
  const found = await listMegaflows(sw, { search: "TCP actions:3" });
  assert.deepEqual([found.total, found.matched], [3, 1]);
  const entry = found.entries[0];
  assert.ok(entry);
  assert.equal(entry.tcpFlags, "S");
  assert.equal(entry.usedSeconds, 1.5);
  assert.match(
    formatDumpLine(entry),
    /^recirc_id\(0\),in_port\(1\),.*ipv4\(.*proto=6.*\),tcp\(dst=80\), packets:8, bytes:\d+, used:1\.500s, flags:S, actions:3$/,
  );
  assert.match(formatDumpLine(entry, true), /^ufid:[0-9a-f-]{36}, recirc_id/);
  const filtered = await listMegaflows(sw, { filter: "ip,nw_dst=10.7.0.0/16" });
  assert.deepEqual(
    filtered.entries.map((one) => one.actions),
    ["drop"],
  );
  assert.equal((await listMegaflows(sw, { filter: "in_port=2" })).matched, 0);
  assert.match((await listMegaflows(sw, { names: true, limit: 1 })).entries[0]?.match ?? "", /in_port\(p1\)/);
  await assert.rejects(listMegaflows(sw, { filter: "nonsense=1" }), /unknown keyword/);
});

test("rates of a running PMD: packets, cycles a packet, where its time goes", async (t) => {
  const sw = new ThreadedSwitch({ settings: { ...defaultSettings, frames: 2048 }, seed: 1n, cores: [0] });
  t.after(() => sw.close());
  for (const number of [1, 2, 3])
    sw.addPort({ number: number as OfPort, name: `p${number}`, transmit: "null" });
  sw.addFlows(rules);
  const idle = takeSnapshot(sw);
  sw.addTrace(1 as OfPort, {
    ...placeTrace(
      sw.memory,
      Array.from({ length: 30 }, (_, i) => connection(i)),
    ),
    leftOut: 0,
  });
  await quietRound(sw);
  const before = takeSnapshot(sw);
  await eventually("packets", () => takeSnapshot(sw).totals.rxPackets > before.totals.rxPackets + 100_000);
  const rates = ratesBetweenSnapshots(before, takeSnapshot(sw));
  await sw.drain();
  const pmd = rates.pmds[0];
  assert.ok(pmd);
  assert.ok(pmd.rxPackets > 0, `${pmd.rxPackets} packets a second`);
  assert.ok(pmd.busyShare !== null && pmd.busyShare > 0.5 && pmd.busyShare <= 1, `busy ${pmd.busyShare}`);
  assert.ok(pmd.cyclesPerPacket !== null && pmd.cyclesPerPacket > 10);
  assert.equal(pmd.stages.length, 7);
  const { microflow, maskCache, masked, upcall } = pmd.hits;
  assert.ok(Math.abs(microflow + maskCache + masked + upcall - 1) < 1e-9);
  assert.ok(Math.abs((pmd.drops["policy"] ?? 0) / pmd.rxPackets - 1 / 3) < 0.02);
  assert.ok(rates.ports[0] !== undefined && rates.ports[0].rxPackets > 0);
  const asleep = ratesBetweenSnapshots(idle, before).pmds[0];
  assert.ok(asleep !== undefined && asleep.rxPackets > 0);
  // A thread that loses its core amid a command was busy all the while: such a window does not count.
  await eventually("a window at rest", async () => {
    const still = takeSnapshot(sw);
    await sleep(200);
    const quiet = ratesBetweenSnapshots(still, takeSnapshot(sw)).pmds[0];
    assert.equal(quiet?.cyclesPerPacket, null);
    return quiet.busyShare !== null && quiet.busyShare < 0.2;
  });
});
