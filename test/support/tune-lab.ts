// A lab with a generated workload in it, for tests of the adviser.

import { workloadFrames, workloadRules } from "../../src/bench/workload/generate.ts";
import { completeSpec, type WorkloadSpec } from "../../src/bench/workload/spec.ts";
import { defaultSettings } from "../../src/config/settings.ts";
import { Lab } from "../../src/tune/lab.ts";
import { TracePlacer } from "../../src/tune/place-trace.ts";

/** Calls `work` with a lab that has learned the workload's megaflows. */
export async function withLab(
  spec: Partial<WorkloadSpec>,
  work: (lab: Lab) => void | Promise<void>,
  options: { readonly frozenClock?: boolean } = {},
): Promise<void> {
  const workload = completeSpec(spec);
  const lab = new Lab({
    settings: defaultSettings,
    exactMegaflows: false,
    seed: 11n,
    ports: 4,
    inPort: 1,
    ...options,
  });
  try {
    lab.addFlows([...workloadRules(workload)].join("\n"));
    const placer = new TracePlacer(lab.memory);
    const next = workloadFrames(workload);
    const frame = new Uint8Array(4096);
    for (let i = 0; i < workload.packets; i++) placer.add(frame.subarray(0, next(frame, 0)));
    lab.setTrace(placer.finish("workload"));
    lab.learn();
    await work(lab);
  } finally {
    await lab.close();
  }
}
