// PMDs on threads of their own: pinned, restarted when they die, every packet accounted for.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { type TestContext, test } from "node:test";
import { defaultSettings } from "../../src/config/settings.ts";
import { loadNative } from "../../src/native.ts";
import { placeTrace } from "../../src/netdev/trace.ts";
import type { OfPort } from "../../src/openflow/port.ts";
import { ThreadedSwitch } from "../../src/threaded-switch.ts";
import { assertAccounted } from "../support/accounting.ts";
import { eventually, PATIENCE_MS } from "../support/eventually.ts";
import { ethernet, ipv4, packet, udp } from "../support/packet-builder.ts";

const settings = { ...defaultSettings, frames: 2048 };

function trace(flows: number): Buffer[] {
  return Array.from({ length: flows }, (_, i) =>
    packet(
      ethernet(),
      ipv4({ src: `10.1.${i >> 8}.${i & 255}`, dst: "10.9.9.9" }),
      udp({ src: 7, dst: 9 }),
      18,
    ),
  );
}

function create(t: TestContext, log: string[] = []): ThreadedSwitch {
  const sw = new ThreadedSwitch({ settings, seed: 1n, cores: [0], log: (line) => log.push(line) });
  t.after(() => sw.close());
  for (const number of [1, 2, 3])
    sw.addPort({ number: number as OfPort, name: `p${number}`, transmit: "null" });
  sw.addFlows("in_port=1,ip,actions=dec_ttl,2\n");
  return sw;
}

function received(sw: ThreadedSwitch): number {
  return sw.stats().reduce((sum, one) => sum + one.counters.RX, 0);
}

test("a PMD on its own thread forwards a trace, and every packet is accounted for", async (t) => {
  const sw = create(t);
  sw.addTrace(1 as OfPort, { ...placeTrace(sw.memory, trace(500)), leftOut: 0 });
  // On a busy machine many rounds may pass before the megaflow is there.
  const forwarded = () => sw.portCounters(2 as OfPort).txPackets;
  await eventually("20 rounds", () => sw.traceRounds() >= 20 && forwarded() > 5000);
  await sw.drain();
  assertAccounted(sw, received(sw));
  assert.equal(sw.megaflows().length, 1);
});

test("a packet that shrinks below a small frame's size goes home to the pool that it came from", async (t) => {
  const sw = create(t);
  sw.addFlows("in_port=1,dl_vlan=7,actions=strip_vlan,2\nin_port=1,dl_vlan=8,actions=drop\n");
  // A small frame takes 1,792 bytes: tagged packets just above it, and untagged ones just below.
  const tagged = (vid: number, length: number): Buffer => {
    const bytes = Buffer.alloc(length);
    Buffer.from(`020000000002020000000001810000${vid.toString(16).padStart(2, "0")}8888`, "hex").copy(bytes);
    return bytes;
  };
  const packets = [1791, 1792, 1793, 1794, 1795, 1796, 1797].flatMap((n) => [tagged(7, n), tagged(8, n)]);
  sw.addTrace(1 as OfPort, { ...placeTrace(sw.memory, [...packets, ...trace(3)]), leftOut: 0 });
  const forwarded = () => sw.portCounters(2 as OfPort).txPackets;
  await eventually("20 rounds", () => sw.traceRounds() >= 20 && forwarded() > 200);
  await sw.drain();
  assertAccounted(sw, received(sw));
});

test("a worker that dies is restarted with its ports and megaflows, and what it held is dropped by name", async (t) => {
  const log: string[] = [];
  const sw = create(t, log);
  sw.addTrace(1 as OfPort, { ...placeTrace(sw.memory, trace(500)), leftOut: 0 });
  await eventually("the megaflow", () => sw.megaflows().length === 1);
  await eventually("5 rounds", () => sw.traceRounds() >= 5);
  const before = sw.traceRounds();
  await sw.threads[0]!.terminate();
  await eventually("traffic after the restart", () => sw.restarts === 1 && sw.traceRounds() > before + 5);
  assert.match(log.join("\n"), /PMD 0 died .*restarting it with 1 megaflow/);
  await eventually("the megaflow's reply", () => sw.megaflows().length === 1);
  await sw.drain();
  assertAccounted(sw, received(sw));
});

test("the digest of a round is the same however often it is taken, and holds no packet from before the round", async (t) => {
  const sw = create(t);
  const rules = Array.from({ length: 150 }, (_, i) => `in_port=1,ip,nw_src=10.1.0.${i},actions=dec_ttl,3\n`);
  sw.addFlows(rules.join(""));
  sw.addTrace(1 as OfPort, { ...placeTrace(sw.memory, trace(300)), leftOut: 0 });
  const misses = (): number => sw.pmds[0]!.stats.counters.MISS;
  await eventually("packets that wait for the controller", () => misses() > 0);
  const digests = new Set<bigint>();
  for (let taken = 0; taken < 20; ) {
    const before = misses();
    const digest = await sw.digestRound();
    // Packets that waited in this very round have left in another order.
    if (misses() > before) continue;
    digests.add(digest);
    taken++;
  }
  assert.equal(digests.size, 1);
  assert.ok(!digests.has(0n));
});

const addon = loadNative().addon !== undefined;
test("the PMD's thread is pinned to its core", {
  skip: addon ? false : "the native addon is not built",
}, async (t) => {
  const sw = create(t);
  await eventually("the worker's first poll", () => sw.pmds[0]!.stats.counters.POLLS > 0);
  const pinned = allowedCores().filter((cores) => cores === "0");
  assert.ok(pinned.length >= 1, `a thread is bound to core 0: ${allowedCores().join(" ")}`);
});

/** Cores that each thread of this process may run on. */
function allowedCores(): string[] {
  const tasks = readdirSync("/proc/self/task");
  return tasks.map((task) => {
    const status = readFileSync(`/proc/self/task/${task}/status`, "utf8");
    return /Cpus_allowed_list:\s*(\S+)/.exec(status)?.[1] ?? "";
  });
}

test("what was sent before the end is handed on, however late the controller looks", async (t) => {
  let handedOn = 0;
  const sw = new ThreadedSwitch({ settings, seed: 1n, cores: [0], sent: () => handedOn++ });
  t.after(() => sw.close());
  sw.addPort({ number: 1 as OfPort, name: "p1", transmit: "null" });
  sw.addPort({ number: 2 as OfPort, name: "p2", transmit: "ring" });
  sw.addFlows("in_port=1,actions=2\n");
  const packets = { ...placeTrace(sw.memory, trace(500)), leftOut: 0 };
  sw.addTrace(1 as OfPort, packets, { rounds: 1, window: 16 });
  const sent = () => sw.portCounters(2 as OfPort).txPackets;
  await eventually("the megaflow", () => handedOn === 500);
  sw.addTrace(1 as OfPort, packets, { rounds: 30 });
  // The controller gets no turn until all is sent.
  const deadline = performance.now() + PATIENCE_MS;
  while (sent() < 15_500 && performance.now() < deadline);
  await sw.close();
  assert.equal(handedOn, 15_500);
});
