// What PMDs do while nothing comes: a switch that waits in the kernel costs next to nothing and still answers at once.

import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { IdleMode } from "../../src/pmd/idle.ts";
import { eventually } from "../support/eventually.ts";
import { NEED_IP, NEED_PING, needs } from "../support/needs.ts";
import { NetLab } from "../support/netns.ts";
import { ping } from "../support/netns-tools.ts";
import { RealSwitch } from "../support/real-switch.ts";

const skip = needs("root", NEED_IP, NEED_PING);
const modes: readonly [IdleMode, number][] = [
  // A share of one core, generous: the figures are bench/veth's.
  [{ mode: "block" }, 0.08],
  [{ mode: "sleep", maxUs: 500 }, 0.5],
  [{ mode: "busy" }, Number.POSITIVE_INFINITY],
];

const WINDOW_MS = 1000;

/** CPU time of this process within a while, as a share of one core. */
async function cpuShare(ms: number): Promise<number> {
  const before = process.cpuUsage();
  const started = performance.now();
  await sleep(ms);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000 / (performance.now() - started);
}

for (const [idle, most] of modes) {
  test(`idle: ${idle.mode} costs what it should and wakes for a packet`, { skip }, async () => {
    await using lab = new NetLab();
    await using real = new RealSwitch({ idle });
    const [left, right, middle] = [lab.add("l"), lab.add("r"), lab.add("m")];
    lab.veth({ netns: left, name: "eth0", addresses: ["10.5.0.1/24"] }, { netns: middle, name: "p1" });
    lab.veth({ netns: right, name: "eth0", addresses: ["10.5.0.2/24"] }, { netns: middle, name: "p2" });
    for (const n of [1, 2]) await real.add(n, { kind: "afxdp", dev: `p${n}`, netns: middle });
    await ping(lab, left, "10.5.0.2", { count: 2 });
    // Whatever else costs this process time now and then (compiling, collecting garbage) leaves a window out.
    let share = Number.NaN;
    await eventually(
      () => `a window at less than ${most} of a core; the last had ${share}`,
      async () => {
        share = await cpuShare(WINDOW_MS);
        return share < most;
      },
    );
    const echoes = await ping(lab, left, "10.5.0.2", { count: 5, interval: 0.15 });
    assert.equal(echoes.received, echoes.sent, echoes.text);
  });
}
