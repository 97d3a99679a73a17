// The live profilers of this process's switches: one a switch, shared by whoever wants its curves.

import type { Switch } from "../switch.ts";
import { LiveProfiler, type PmdProfile } from "./live-profiler.ts";

const running = new WeakMap<Switch, LiveProfiler>();

/** Starts the profiler of a switch, or finds the one that runs. */
export function startProfiler(owner: Switch): LiveProfiler {
  const profiler = running.get(owner) ?? new LiveProfiler(owner);
  running.set(owner, profiler);
  return profiler;
}

/** Ends the profiler of a switch, if one runs. */
export async function stopProfiler(owner: Switch): Promise<void> {
  const profiler = running.get(owner);
  running.delete(owner);
  await profiler?.stop();
}

/** Miss-ratio curves of every PMD, as plain JSON; undefined while no profiler runs. */
export function missRatioCurves(owner: Switch): PmdProfile[] | undefined {
  return running.get(owner)?.missRatioCurves();
}
