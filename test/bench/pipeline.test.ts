// Every bench, small: the packets that come out of each workload are the known ones, and WebAssembly, C and
// a slowed build send the same.
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { buildSlowDatapath, spentWorkAfter } from "../../bench/self-check/slow-build.ts";
import { twinMissing } from "../../bench/twin/build.ts";
import { runTwin } from "../../bench/twin/run.ts";
import { FrameStore } from "../../src/bench/pipeline/frame-store.ts";
import { learnMegaflows } from "../../src/bench/pipeline/learn.ts";
import { Pipeline } from "../../src/bench/pipeline/pipeline.ts";
import type { PipelineInput } from "../../src/bench/pipeline/prepared-pmd.ts";
import { workloadRules } from "../../src/bench/workload/generate.ts";
import { presets } from "../../src/bench/workload/presets.ts";
import { completeSpec } from "../../src/bench/workload/spec.ts";
import { defaultSettings } from "../../src/config/settings.ts";

const PACKETS = 600;
const PORTS = 3;

/** A workload with few packets and its megaflows. */
async function smallInput(name: string, packets = PACKETS): Promise<PipelineInput> {
  const preset = presets[name]!;
  const flows = Math.min(preset.flows ?? 1000, packets);
  const masks = Math.min(preset.masks ?? 1, flows);
  const spec = completeSpec({ ...preset, packets, flows, masks, rules: 200 });
  const frames = FrameStore.ofWorkload(spec);
  const rules = [...workloadRules(spec)].join("\n");
  const megaflows = await learnMegaflows({
    rules,
    frames,
    settings: defaultSettings,
    ports: PORTS,
    inPort: 1,
  });
  return {
    frames,
    megaflows,
    settings: defaultSettings,
    seed: 1n,
    ports: PORTS,
    inPort: 1,
    fifoFrames: false,
  };
}

const digestsFile = new URL("digests.json", import.meta.url);
const digests = JSON.parse(readFileSync(digestsFile, "utf8")) as Record<
  string,
  { digest: string; sent: number }
>;

for (const name of Object.keys(presets)) {
  test(`workload ${name} sends the known bytes`, async () => {
    const pipeline = new Pipeline(await smallInput(name));
    const { digest, received, sent, misses } = pipeline.checkPass();
    assert.equal(received, PACKETS);
    assert.equal(misses, 0, "the megaflows learned from the trace cover it");
    assert.deepEqual({ digest, sent }, digests[name]);
  });
}

test("frames used first in, first out carry the same packets", async () => {
  const input = await smallInput("f1k-m16");
  const fifo = new Pipeline({ ...input, fifoFrames: true }).checkPass();
  assert.deepEqual(fifo, new Pipeline(input).checkPass());
});

test("the C twin sends what the WebAssembly sends", { skip: twinMissing() ?? false }, async () => {
  for (const name of [
    "f1k-m16",
    "mixed",
    "set-mac-ttl",
    "push-vlan",
    "multicast",
    "extension-headers",
    "acl",
  ]) {
    const input = await smallInput(name);
    const pass = new Pipeline(input).checkPass();
    const { digest, received, sent, misses } = await runTwin(input, {
      core: -1,
      warmup: 0.01,
      windows: 1,
      seconds: 0.01,
    });
    assert.deepEqual({ digest, received, sent, misses }, pass, name);
  }
});

test("a build slowed on purpose does the additional work of every batch, and sends the same bytes", async () => {
  const folder = mkdtempSync(join(tmpdir(), "megaflow-slow-test-"));
  try {
    const file = join(folder, "slow.wasm");
    const input = await smallInput("f1k-m16", 4000);
    const pass = new Pipeline(input).checkPass();
    const steps = 500;
    buildSlowDatapath(steps, file);
    const slow = new Pipeline({ ...input, module: new WebAssembly.Module(readFileSync(file)) });
    assert.deepEqual(slow.checkPass(), pass);
    const { BATCHES } = slow.stats.counters;
    assert.ok(BATCHES >= 4000 / 64);
    const { spentWork } = slow.datapath as unknown as { spentWork: () => number };
    assert.equal(spentWork() >>> 0, spentWorkAfter(BATCHES, steps));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
