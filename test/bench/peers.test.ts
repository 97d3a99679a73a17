// The other side: what Open vSwitch with DPDK prints is understood, the tables are made of it rightly, and
// one small case runs for real.
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { ovsConfigurations } from "../../bench/peers/configurations.ts";
import { measurePeer, type PeerResult } from "../../bench/peers/measure.ts";
import { DEBIAN_VSWITCHD } from "../../bench/peers/ovs-dpdk.ts";
import { parsePmdPerf } from "../../bench/peers/perf-show.ts";
import { standardCases } from "../../bench/standard/cases.ts";
import { bestPeer, peerNs, type StandardRow, standardTable } from "../../bench/standard/row.ts";
import { writeWorkload } from "../../src/bench/workload/generate.ts";
import { presets } from "../../src/bench/workload/presets.ts";
import { completeSpec } from "../../src/bench/workload/spec.ts";
import { needs } from "../support/needs.ts";

const perfShow = `
Time: 12:07:20.283
Measurement duration: 2.008 s

pmd thread numa_id 0 core_id 1:

  Iterations:               589998  (3.40 us/it)
  - Used TSC cycles:    5213616174  ( 99.9 % of total cycles)
  Rx packets:             18879936  (9402 Kpps, 276 cycles/pkt)
  Datapath passes:        18879936  (1.00 passes/pkt)
  - PHWOL hits:                  0  (  0.0 %)
  - Simple Match hits:           5  (  0.0 %)
  - EMC hits:             18879900  (100.0 %)
  - SMC hits:                    7  (  0.0 %)
  - Megaflow hits:              20  (  0.0 %, 32.02 subtbl lookups/hit)
  - Upcalls:                     4  (  0.0 %, 10.5 us/upcall)
  - Lost upcalls:                1  (  0.0 %)
  Tx packets:             18879930  (9402 Kpps)
  Tx batches:               589998  (32.00 pkts/batch)

Time: 12:07:20.283
Measurement duration: 2.008 s

main thread:

  Rx packets:                    0
  Tx packets:                    0

`;

test("pmd-perf-show is read for the core asked for", () => {
  assert.deepEqual(parsePmdPerf(perfShow, 1), {
    seconds: 2.008,
    rxPackets: 18879936,
    cyclesPerPacket: 276,
    txPackets: 18879930,
    hits: { simpleMatch: 5, emc: 18879900, smc: 7, megaflow: 20, upcall: 4 },
    subtablesPerHit: 32.02,
  });
  assert.throws(() => parsePmdPerf(perfShow, 3), /no PMD on core 3/);
});

test("the standard table compares with the best of their configurations, packets received with packets received", () => {
  const peer = (configuration: string, mpps: number, copies = 1): PeerResult => ({
    configuration,
    version: "Open vSwitch",
    windows: [{ mpps, running: 1 }],
    cyclesPerPacket: 1,
    hits: { simpleMatch: 0, emc: 1, smc: 0, megaflow: 0, upcall: 0 },
    subtablesPerHit: 0,
    megaflows: 1,
    copies,
  });
  const ours = { mpps: 100, nsPerPacket: 20, windows: [[{ mpps: 100, running: 1 }]] };
  const row = {
    name: "multicast",
    ours: [ours],
    peers: [peer("emc-100", 20, 2), peer("smc", 40, 2)],
    native: [],
    twin: null,
    sourcePps: null,
  } as unknown as StandardRow;
  assert.equal(peerNs(row.peers[1]!), 50);
  assert.equal(bestPeer(row)?.configuration, "smc");
  const table = standardTable([row]);
  const cell = (title: string) => table.rows[0]![table.titles.indexOf(title)];
  assert.equal(cell("Megaflow ns"), "20.0");
  assert.equal(cell("times the best OVS"), "2.50");
  assert.equal(cell("OVS EMC always"), "-");
});

test("every standard case names a workload, configurations and settings that exist", () => {
  for (const one of standardCases) {
    assert.ok(Object.hasOwn(presets, one.workload), one.name);
    for (const name of one.peers)
      assert.ok(ovsConfigurations.some((configuration) => configuration.name === name));
    const packets = completeSpec(presets[one.workload] ?? {}).packets;
    assert.ok(packets >= 100_000, `${one.name}: branch predictors learn a trace of ${packets} packets`);
  }
  assert.equal(new Set(standardCases.map((one) => one.name)).size, standardCases.length);
});

const dpdk = needs("root", { command: DEBIAN_VSWITCHD, package: "openvswitch-switch-dpdk" });

test("Open vSwitch with DPDK forwards a generated trace, and gives its huge pages back", {
  skip: dpdk,
}, async () => {
  const folder = mkdtempSync(join(tmpdir(), "megaflow-peer-test-"));
  const hugePages = () => readFileSync("/proc/sys/vm/nr_hugepages", "utf8");
  const before = hugePages();
  try {
    const spec = completeSpec({ ...presets["f1k-m16"], packets: 2000 });
    const input = { ...writeWorkload(spec, folder, "trace"), ports: 3 };
    const classifier = ovsConfigurations.find((configuration) => configuration.name === "classifier")!;
    const result = await measurePeer(input, classifier, {
      core: 0,
      warmup: 1,
      windows: 1,
      seconds: 0.3,
      again: 0,
    });
    assert.ok(result.windows[0]!.mpps > 0);
    assert.ok(Math.abs(result.copies - 1) < 0.1, "what comes in goes out");
    assert.equal(result.hits.emc, 0);
    assert.ok(result.hits.megaflow > 0.99);
    assert.equal(result.megaflows, 64);
    assert.match(result.version, /^Open vSwitch \d.*DPDK \d/);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  assert.equal(hugePages(), before);
});
