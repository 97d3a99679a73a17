// `megaflow tune` on captures that give little to go by, and how much of its tables `--verify` measures.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { defaultSettings, type Settings } from "../../src/config/settings.ts";
import { defaultGrid, gridOf } from "../../src/tune/study.ts";
import { megaflow } from "../support/megaflow-command.ts";

const folder = mkdtempSync(join(tmpdir(), "megaflow-tune-command-"));
after(() => rmSync(folder, { recursive: true, force: true }));

interface Row {
  readonly microflowEntries: number;
  readonly maskCacheEntries: number;
  readonly hits: {
    readonly microflow: number;
    readonly maskCache: number;
    readonly masked: number;
    readonly upcall: number;
  };
  readonly cyclesPerPacket: number;
  readonly mpps: number;
  readonly measuredMpps?: number;
  readonly measuredHits?: Row["hits"];
}

interface Answer {
  readonly traffic: {
    readonly packets: number;
    readonly connections: number;
    readonly masks: number;
    readonly namelessShare: number;
  };
  readonly sizes: readonly Row[];
  readonly present: Row;
  readonly recommended: Row;
  readonly reason: string;
}

async function tune(
  workload: string,
  shape: readonly string[],
  options: readonly string[] = [],
): Promise<Answer> {
  const generated = await megaflow(["bench", "gen", workload, ...shape, "--out-dir", folder]);
  assert.equal(generated.status, 0, generated.stderr);
  const files = ["--pcap", join(folder, `${workload}.pcap`), "--flows", join(folder, `${workload}.flows`)];
  const { status, stdout, stderr } = await megaflow(["tune", ...files, "--json", ...options]);
  assert.equal(status, 0, stderr);
  return JSON.parse(stdout) as Answer;
}

const little = [
  { name: "a single packet", workload: "f1-m1", shape: ["--flows", "1", "--packets", "1"], connections: 1 },
  {
    name: "a single connection",
    workload: "f1-m1",
    shape: ["--flows", "1", "--packets", "1000"],
    connections: 1,
  },
  {
    name: "fifty packets",
    workload: "f1k-m16",
    shape: ["--flows", "20", "--packets", "50"],
    connections: 20,
  },
];

for (const { name, workload, shape, connections } of little) {
  test(`${name}: every size has a rate that can be, and one is recommended`, {
    timeout: 300_000,
  }, async () => {
    const { traffic, sizes, recommended, present, reason } = await tune(workload, shape);
    assert.equal(traffic.connections, connections);
    assert.ok(sizes.length >= 35, `${sizes.length} sizes`);
    for (const { microflowEntries, maskCacheEntries, hits, cyclesPerPacket, mpps } of sizes) {
      const where = `${microflowEntries} + ${maskCacheEntries}: ${JSON.stringify({ hits, cyclesPerPacket })}`;
      const sum = hits.microflow + hits.maskCache + hits.masked + hits.upcall;
      assert.ok(Math.abs(sum - 1) < 1e-6, where);
      assert.ok(cyclesPerPacket > 1 && mpps > 0 && Number.isFinite(mpps), where);
      // Every connection comes again and fits, so that the caches answer everything but a single mask's question.
      if (microflowEntries > 0) assert.equal(hits.microflow, 1, where);
      else if (traffic.masks === 1) assert.equal(hits.masked, 1, where);
    }
    assert.ok(recommended.mpps >= present.mpps);
    assert.match(reason, /\.$/);
  });
}

test("--verify measures what is recommended, and as many others as fit into its time", {
  timeout: 600_000,
}, async () => {
  const shape = ["--flows", "5000", "--packets", "20k"];
  const start = ["--set", "microflow.entries=1k", "--verify", "--seconds", "100ms"];
  const measured = async (budget: string): Promise<Row[]> => {
    const { sizes, recommended, present } = await tune("f1k-m16", shape, [...start, "--budget", budget]);
    assert.notDeepEqual(recommended, present, "1k entries are too few");
    for (const row of [recommended, present]) assert.ok(row.measuredMpps! > 0, JSON.stringify(row));
    const rows = sizes.filter((row) => row.measuredMpps !== undefined);
    for (const { hits, measuredHits } of rows) {
      const off = hits.microflow + hits.maskCache - measuredHits!.microflow - measuredHits!.maskCache;
      assert.ok(Math.abs(off) < 0.05, JSON.stringify({ hits, measuredHits }));
    }
    return rows;
  };
  assert.equal((await measured("1ms")).length, 2);
  assert.ok((await measured("12s")).length > 2);
});

test("packets that no cache can know are told from misses that a size could help", {
  timeout: 300_000,
}, async () => {
  const files = ["--pcap", "test/captures/trunk.pcap", "--flows", "test/captures/trunk.flows"];
  const { status, stdout, stderr } = await megaflow(["tune", ...files, "--json"]);
  assert.equal(status, 0, stderr);
  const { traffic, sizes, reason } = JSON.parse(stdout) as Answer;
  assert.match(reason, /\d+ % are of packets that are not IP/);
  const best = Math.max(...sizes.map(({ hits }) => hits.microflow + hits.maskCache));
  assert.ok(Math.abs(best - (1 - traffic.namelessShare)) < 0.001, `${best}, ${traffic.namelessShare}`);
});

test("in the exact mode no table is tried that nobody would want, but the one that is there", () => {
  const settings: Settings = { ...defaultSettings, "microflow.mode": "exact", "microflow.entries": 1 << 18 };
  const entries = [...new Set(gridOf(settings, defaultGrid).map((one) => one["microflow.entries"]))];
  assert.deepEqual(entries, [0, 1 << 10, 1 << 12, 1 << 14, 1 << 16, 1 << 18]);
  const signature: Settings = { ...settings, "microflow.mode": "signature" };
  const all = new Set(gridOf(signature, defaultGrid).map((one) => one["microflow.entries"]));
  assert.deepEqual([...all], defaultGrid.microflow);
});
