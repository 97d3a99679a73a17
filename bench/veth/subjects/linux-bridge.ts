// The Linux bridge. By default it works in the generator's softirq, on the generator's core; threaded NAPI moves it
// to the core that the other subjects have.

import { readdirSync, readFileSync } from "node:fs";
import { sh } from "../../../test/support/netns.ts";
import { isRealtime, OUR_PRIORITY } from "../realtime.ts";
import type { RunningSubject, Subject } from "../subject.ts";
import { IN, OUT, type Topology } from "../topology.ts";

export const linuxBridge: Subject = {
  name: "Linux bridge",
  note: "threaded NAPI on the switch's core",
  missing: () => undefined,
  start: (topology) => start(topology, true),
};

export const linuxBridgeSoftirq: Subject = {
  name: "Linux bridge, softirq",
  note: "the kernel's default: forwards on the generator's own core and slows it down",
  missing: () => undefined,
  start: (topology) => start(topology, false),
};

async function start(topology: Topology, threaded: boolean): Promise<RunningSubject> {
  const { lab, middle, switchCore } = topology;
  lab.ip(middle, "link", "add", "name", "br0", "type", "bridge");
  for (const name of [IN, OUT]) lab.ip(middle, "link", "set", "dev", name, "master", "br0");
  lab.ip(middle, "link", "set", "dev", "br0", "up");
  if (threaded) {
    lab.run(middle, "sh", "-c", `echo 1 >/sys/class/net/${IN}/threaded`);
    const threads = kernelThreads(`napi/${IN}-`);
    for (const pid of threads) {
      sh("taskset", "-cp", `${switchCore}`, `${pid}`);
      // What a forwarder that is our child inherits.
      if (isRealtime()) sh("chrt", "--rr", "--pid", OUR_PRIORITY, `${pid}`);
    }
    if (threads.length === 0) throw new Error(`no thread napi/${IN}-*: threaded NAPI needs Linux 5.12`);
  }
  return {
    async stop() {
      return undefined;
    },
  };
}

function kernelThreads(prefix: string): number[] {
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  return pids.filter((pid) => comm(pid).startsWith(prefix)).map(Number);
}

function comm(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/comm`, "utf8");
  } catch {
    return "";
  }
}
