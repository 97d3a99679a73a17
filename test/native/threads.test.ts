// The addon's thread functions on the real kernel: what is pinned is the calling thread alone, and any number
// of worker threads can load the addon.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { Worker } from "node:worker_threads";
import { loadNative, requireNative } from "../../src/native.ts";
import { PATIENCE_MS } from "../support/eventually.ts";

const addon = requireNative("this test");
const loaded = loadNative();
assert.ok(loaded.addon !== undefined);
const addonPath = loaded.path;

/** Runs the body (plain JavaScript, with `addon` and `data` in scope) in a worker thread; returns what it returns. */
function inWorker<Value>(body: string, data: unknown = null): Promise<Value> {
  const source = `
    const { parentPort, workerData } = require("node:worker_threads");
    const addon = require(workerData.addonPath);
    const data = workerData.data;
    parentPort.postMessage((() => { ${body} })());`;
  return new Promise((resolve, reject) => {
    const worker = new Worker(source, { eval: true, workerData: { addonPath, data } });
    worker.once("message", resolve).once("error", reject);
  });
}

/** What the kernel says about a thread of this process. */
function allowedList(threadId: number): string | undefined {
  return /Cpus_allowed_list:\s*(\S+)/.exec(readFileSync(`/proc/self/task/${threadId}/status`, "utf8"))?.[1];
}

test("a worker pins itself, and no other thread moves", async () => {
  const before = addon.getAffinity();
  const core = before[before.length - 1] ?? 0;
  const report = await inWorker<{ mask: number[]; again: number[]; status: string; free: number[] }>(
    `const mask = addon.setAffinity(data);
     const status = require("node:fs").readFileSync("/proc/self/task/" + addon.threadId() + "/status", "utf8");
     return { mask, again: addon.getAffinity(), status, free: addon.clearAffinity() };`,
    core,
  );
  assert.deepEqual(report.mask, [core]);
  assert.deepEqual(report.again, [core]);
  assert.match(report.status, new RegExp(`Cpus_allowed_list:\\s*${core}\\n`));
  // More than before where this process was started under taskset.
  const kept = before.filter((one) => report.free.includes(one));
  assert.deepEqual(kept, before, `clearAffinity gives back what the cpuset allows: ${report.free}`);
  assert.deepEqual(addon.getAffinity(), before, "the main thread is where it was");
});

test("the time that a thread has run grows with its work, and not while it waits", () => {
  const start = addon.threadCpuMs();
  let ended = start;
  while (ended <= start) ended = addon.threadCpuMs();
  const clock = performance.now();
  const wait = new Int32Array(new SharedArrayBuffer(4));
  const before = addon.threadCpuMs();
  Atomics.wait(wait, 0, 0, 200);
  const spent = addon.threadCpuMs() - before;
  assert.ok(spent < performance.now() - clock, `${spent} ms`);
  assert.ok(spent >= 0);
});

test("the thread id is the kernel's, and differs between threads", async () => {
  assert.ok(allowedList(addon.threadId()) !== undefined);
  const other = await inWorker<number>("return addon.threadId()");
  assert.notEqual(other, addon.threadId());
});

test("eight workers load the addon at once, end, and load it again", async () => {
  for (let round = 0; round < 2; round++) {
    const ids = await Promise.all(
      Array.from({ length: 8 }, () => inWorker<number>("return addon.threadId()")),
    );
    assert.equal(new Set(ids).size, 8);
  }
});

test("a core that does not exist is refused with code, errno, syscall and what to do", () => {
  assert.throws(
    () => addon.setAffinity(8191),
    (error: NodeJS.ErrnoException) => {
      assert.equal(error.code, "EINVAL");
      assert.equal(error.errno, -22);
      assert.equal(error.syscall, "sched_setaffinity");
      assert.match(error.message, /Choose a core that exists .* Asked for core 8191/);
      return true;
    },
  );
});

test("wrong arguments say what was expected and what came", () => {
  const refused = (call: () => unknown, message: RegExp): void =>
    assert.throws(call, { name: "TypeError", message });
  refused(() => addon.setAffinity(-1), /core: expected an integer from 0 to 8191, got -1/);
  refused(() => addon.setAffinity(1.5), /got 1.5/);
  refused(() => addon.setAffinity(Number.NaN), /got NaN/);
  refused(() => addon.setAffinity("2" as never), /got 2/);
  refused(() => addon.setAffinity(undefined as never), /got undefined/);
  refused(() => addon.closeFd(-1), /fd: expected an integer from 0 to 2147483647, got -1/);
});

test("both cycle counters move forward together", () => {
  // Another process may run between two readings: one undisturbed try in many is enough.
  const patience = performance.now() + PATIENCE_MS;
  let best = 0;
  while (best <= 0.9 && performance.now() < patience) {
    const tsc = addon.readTsc();
    const cycles = addon.readCycles();
    const until = process.hrtime.bigint() + 2_000_000n;
    while (process.hrtime.bigint() < until);
    const cycleSpan = addon.readCycles() - cycles;
    const tscSpan = Number(addon.readTsc() - tsc);
    assert.ok(Number.isInteger(cycles) && cycles > 0);
    assert.ok(cycleSpan > 0 && tscSpan >= cycleSpan);
    best = Math.max(best, cycleSpan / tscSpan);
  }
  assert.ok(best > 0.9, `${best}`);
});
