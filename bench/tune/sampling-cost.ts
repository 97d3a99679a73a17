// What the live profiler's sampling costs a PMD: the same packets with sampling on and off, in turns, on one thread.

import type { Settings } from "../../src/config/settings.ts";
import { quantile } from "../../src/tune/call-times.ts";
import { onShare, samplingOf } from "../../src/tune/live-profiler.ts";
import { openCase, type TuneCase } from "./cases.ts";
import type { SamplingCost } from "./result.ts";

/** Connections of the traffics: one for each rate of sampling that the profiler chooses by them. */
const CONNECTIONS = [1000, 10_000, 50_000, 200_000];
const PACKETS = 1 << 17;
/** Of the turns this one counts, as in measure-case.ts. */
const QUANTILE = 0.25;

/** Measures every rate of sampling in `turns` turns. */
export async function measureSamplingCost(
  settings: Settings,
  turns: number,
  progress: (share: number) => void,
): Promise<SamplingCost[]> {
  const costs: SamplingCost[] = [];
  for (const [i, connections] of CONNECTIONS.entries()) {
    const spec = { flows: connections, masks: 16, packets: Math.max(PACKETS, connections) };
    costs.push(await measureOne({ name: "sampling", kind: "uniform", spec }, connections, settings, turns));
    progress((i + 1) / CONNECTIONS.length);
  }
  return costs;
}

async function measureOne(
  one: TuneCase,
  connections: number,
  settings: Settings,
  turns: number,
): Promise<SamplingCost> {
  const lab = await openCase(one, settings);
  try {
    lab.learn();
    const sampling = samplingOf(connections);
    const off: number[] = [];
    const on: number[] = [];
    lab.measure(4 * lab.packets);
    for (let turn = 0; turn < turns; turn++) {
      lab.sample(0);
      off.push(lab.measure(PACKETS).cyclesPerPacket);
      const reader = lab.sample(sampling);
      on.push(lab.measure(PACKETS).cyclesPerPacket);
      reader.drain(() => {});
    }
    const without = quantile(off, QUANTILE);
    const whileOn = quantile(on, QUANTILE) / without - 1;
    return { connections, sampling, onShare: onShare(sampling), cycles: without, whileOn };
  } finally {
    await lab.close();
  }
}
