// Waiting and waking: a thread that sleeps on descriptors wakes for an event from another thread, for traffic,
// and for time; and a closed descriptor is told from an idle one.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Worker } from "node:worker_threads";
import { loadNative, requireNative } from "../../src/native.ts";

const addon = requireNative("this test");
const loaded = loadNative();
const POLLIN = 1;
const POLLNVAL = 32;

test("an event counts notifications until it is drained", () => {
  const event = addon.openEvent();
  const fds = Int32Array.of(event);
  assert.equal(addon.waitForEvents(fds, 0), 0);
  addon.notifyEvent(event);
  addon.notifyEvent(event);
  const events = new Int32Array(1);
  assert.equal(addon.waitForEvents(fds, -1, events), 1);
  assert.equal(events[0], POLLIN);
  assert.equal(addon.drainEvent(event), 2);
  assert.equal(addon.drainEvent(event), 0);
  assert.equal(addon.waitForEvents(fds, 0), 0);
  addon.closeFd(event);
});

test("a wait ends by itself when its time is over, fractions of a millisecond too", () => {
  const event = addon.openEvent();
  const started = process.hrtime.bigint();
  for (let i = 0; i < 10; i++) assert.equal(addon.waitForEvents(Int32Array.of(event), 0.2), 0);
  const millis = Number(process.hrtime.bigint() - started) / 1e6;
  assert.ok(millis >= 2, `ten waits of 0.2 ms took ${millis} ms`);
  assert.equal(addon.waitForEvents(new Int32Array(0), 1), 0);
  addon.closeFd(event);
});

test("a worker that waits for ever wakes when the main thread notifies it", async () => {
  const event = addon.openEvent();
  const source = `
    const { parentPort, workerData } = require("node:worker_threads");
    const addon = require(workerData.path);
    parentPort.postMessage("waiting");
    const ready = addon.waitForEvents(Int32Array.of(workerData.event), -1);
    parentPort.postMessage({ ready, count: addon.drainEvent(workerData.event) });`;
  const path = loaded.addon === undefined ? "" : loaded.path;
  const worker = new Worker(source, { eval: true, workerData: { path, event } });
  const messages: unknown[] = [];
  await new Promise<void>((resolve, reject) => {
    worker.on("message", (message) => {
      messages.push(message);
      if (message === "waiting") setTimeout(() => addon.notifyEvent(event), 20);
    });
    worker.once("exit", () => resolve()).once("error", reject);
  });
  assert.deepEqual(messages, ["waiting", { ready: 1, count: 1 }]);
  addon.closeFd(event);
});

test("a closed descriptor is reported as such, and closing it twice fails with EBADF", () => {
  const kept = addon.openEvent();
  const closed = addon.openEvent();
  addon.closeFd(closed);
  const events = new Int32Array(2);
  assert.equal(addon.waitForEvents(Int32Array.of(kept, closed), 1000, events), 1);
  assert.deepEqual([...events], [0, POLLNVAL]);
  assert.throws(() => addon.closeFd(closed), { code: "EBADF", syscall: "close" });
  assert.throws(() => addon.notifyEvent(closed), { code: "EBADF", syscall: "write" });
  addon.closeFd(kept);
});
