// The yardstick is what it was, works on the PMD's thread and writes down what it read.
import assert from "node:assert/strict";
import { test } from "node:test";
import { YARDSTICK_REGION_SIZE, YARDSTICK_SLOTS, YARDSTICK_WORK } from "../../assembly/layout/yardstick.ts";
import { SwitchMemory } from "../../src/datapath/memory.ts";
import { Yardstick, yardstickModule, yardstickReadings, yardstickState } from "../../src/pmd/yardstick.ts";
import { PATIENCE_MS } from "../support/eventually.ts";

function place() {
  const memory = new SwitchMemory();
  const { base } = memory.allocate(YARDSTICK_REGION_SIZE, "yardstick");
  // A control block of a PMD without queues.
  const control = memory.allocate(1 << 20, "control").base;
  return { memory, base, control, module: yardstickModule().module };
}

test("the yardstick's bytes are those that earlier results were measured with", () => {
  // Another compiler or another source makes another yardstick: --compare then has only the clock for older results.
  assert.match(yardstickModule().version, /^b980e08f4a3a, V8 \d+\.\d+$/);
});

test("its work depends on nothing but its own memory, and all of it is done", () => {
  const { memory, base, module } = place();
  const abort = () => assert.fail("aborted");
  const instance = new WebAssembly.Instance(module, { env: { memory: memory.wasm, abort } });
  const { yardstickInit, yardstickPass } = instance.exports as Record<string, (at: number) => void>;
  yardstickInit!(base);
  yardstickPass!(base);
  yardstickPass!(base);
  // Every block has been counted in some record, once a pass.
  let counted = 0;
  for (let record = 0; record < 1024; record++)
    counted += memory.u32[(base + (128 << 10) + record * 64) >>> 2]!;
  assert.equal(counted, 2 * 2048);
});

test("between calls of the datapath it reads block and packet, and says what time it took", () => {
  const { memory, base, control, module } = place();
  const yardstick = new Yardstick(memory, control, { module, base });
  const deadline = performance.now() + PATIENCE_MS;
  while (yardstickState(memory, base).count < 3 && performance.now() < deadline) yardstick.polled(4096);
  const { count, spent } = yardstickState(memory, base);
  assert.equal(count, 3);
  assert.ok(spent > 0);
  const readings = yardstickReadings(memory, base, 0, count);
  assert.equal(readings.length, 3);
  for (const { block, packet, end } of readings) assert.ok(block > 0 && packet > 0 && end > 0);
  assert.ok(readings[0]!.end < readings[2]!.end);
  assert.ok(
    base + YARDSTICK_WORK > base + YARDSTICK_SLOTS * 32,
    "the readings end before the yardstick's memory",
  );
});

test("calls that found nothing say nothing", () => {
  const { memory, base, control, module } = place();
  const yardstick = new Yardstick(memory, control, { module, base });
  const deadline = performance.now() + PATIENCE_MS;
  while (yardstickState(memory, base).spent === 0 && performance.now() < deadline) yardstick.polled(0);
  assert.ok(yardstickState(memory, base).spent > 0);
  assert.equal(yardstickState(memory, base).count, 0);
});
