// Free frames are put in the order of their addresses again after they came back in any other, and none is
// lost or doubled on the way.
import assert from "node:assert/strict";
import { test } from "node:test";
import { FRAME_SIZE } from "../../assembly/layout/frame.ts";
import { PMD_FREE_SMALL, RegionId } from "../../assembly/layout/pmd.ts";
import { RXQ_TRACE_LIMIT } from "../../assembly/layout/port.ts";
import { FrameStore } from "../../src/bench/pipeline/frame-store.ts";
import { learnMegaflows } from "../../src/bench/pipeline/learn.ts";
import { PreparedPmd } from "../../src/bench/pipeline/prepared-pmd.ts";
import { presets } from "../../src/bench/workload/presets.ts";
import { Random } from "../../src/bench/workload/random.ts";
import { completeSpec } from "../../src/bench/workload/spec.ts";
import { findProfile, resolveSettings } from "../../src/config/profiles.ts";
import { type DatapathExports, startDatapath } from "../../src/datapath/instance.ts";

const TURNS_ENOUGH = 20_000;

for (const count of [1000, 20_000]) {
  test(`${count} frames in disorder are in order again, all of them`, async () => {
    const { pmd, datapath } = await truncatingPmd(count);
    const { u32 } = pmd.memory;
    const base = pmd.region(RegionId.FRAMES);
    const stack = pmd.region(RegionId.FREE_FRAMES) / 4;
    shuffle(u32.subarray(stack, stack + count));

    u32[(pmd.rxq(0) + RXQ_TRACE_LIMIT) / 4] = 0;
    for (let turn = 0; turn < TURNS_ENOUGH; turn += 50) datapath.poll(50, turn);

    assert.equal(u32[(pmd.layout.control + PMD_FREE_SMALL) / 4], count);
    const free = [...u32.subarray(stack, stack + count)].map((frame) => (frame - base) / FRAME_SIZE);
    assert.deepEqual(
      [...free].sort((x, y) => x - y),
      Array.from({ length: count }, (_, i) => i),
    );
    // The top of the stack is its end, where the next frames are taken.
    const next = free.slice(-1000).reverse();
    assert.deepEqual(
      next,
      [...next].sort((x, y) => x - y),
    );
  });
}

/** A PMD whose packets are cut short, which is nothing for runs: frames come back one by one. */
async function truncatingPmd(frameCount: number): Promise<{ pmd: PreparedPmd; datapath: DatapathExports }> {
  const spec = completeSpec({ ...presets["f1k-m1"]!, packets: 2000 });
  const frames = FrameStore.ofWorkload(spec);
  const settings = { ...resolveSettings(findProfile("default")), frames: frameCount };
  const rules = "in_port=1 actions=output(port=2,max_len=50)";
  const megaflows = await learnMegaflows({ rules, frames, settings, ports: 3, inPort: 1 });
  let datapath: DatapathExports | undefined;
  const work = (owner: PreparedPmd) => {
    datapath ??= startDatapath(owner.memory, owner.layout.control);
    datapath.poll(1, 0);
    owner.channel.upcalls.drain(() => {});
  };
  const input = { frames, megaflows, settings, seed: 1n, ports: 3, inPort: 1, fifoFrames: false };
  const pmd = new PreparedPmd(input, work);
  do work(pmd);
  while (!pmd.channel.idle);
  return { pmd, datapath: datapath! };
}

function shuffle(frames: Uint32Array): void {
  const random = new Random(7, "frames");
  for (let i = frames.length - 1; i > 0; i--) {
    const j = random.below(i + 1);
    const held = frames[i]!;
    frames[i] = frames[j]!;
    frames[j] = held;
  }
}
