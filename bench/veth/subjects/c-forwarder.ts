// The smallest AF_XDP forwarder in C, and the same one only receiving: what the kernel's copy mode allows at best.

import { compile, compilerMissing } from "../programs.ts";
import type { RunningSubject, Subject } from "../subject.ts";
import { IN, OUT, type Topology } from "../topology.ts";

export const cForwarder: Subject = {
  name: "C forwarder",
  note: "AF_XDP, native mode, copies; busy-polls; no key, no lookup, no counters",
  missing: compilerMissing,
  start: (topology) => start(topology, OUT),
};

export const cReceiver: Subject = {
  name: "C, receive only",
  note: "the same program giving every frame back",
  receivesOnly: true,
  missing: compilerMissing,
  start: (topology) => start(topology, "-"),
};

async function start({ lab, middle, switchCore }: Topology, out: string): Promise<RunningSubject> {
  const child = lab.start(middle, compile("forwarder"), `${switchCore}`, IN, out);
  await child.says(/ready/);
  return {
    async stop() {
      await child.stop();
      const counts = [...child.stdout.matchAll(/"received":(\d+)/g)].at(-1);
      return counts === undefined ? undefined : Number(counts[1]);
    },
  };
}
