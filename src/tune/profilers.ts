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

/** A curve as the live page draws it: share of lookups that miss, by entries. */
export interface PageCurve {
  readonly cache: string;
  readonly title: string;
  readonly points: readonly { readonly entries: number; readonly missRatio: number }[];
}

/** The profiler of a switch in the shape that the live page asks for. */
export function pageProfiler(owner: Switch): {
  curves(): { readonly profiling: boolean; readonly note: string; readonly curves: readonly PageCurve[] };
  set(on: boolean): Promise<void>;
} {
  return {
    curves: () => {
      const profiles = missRatioCurves(owner);
      if (profiles === undefined) return { profiling: false, note: "The profiler is off.", curves: [] };
      if (profiles.length === 0) return { profiling: true, note: "Not enough of a sample yet.", curves: [] };
      const note = profiles
        .map(
          (one) =>
            `PMD ${one.pmd}: ${one.connections} connections, one in ${one.sampling} sampled, uncertain by ${(one.uncertainty * 100).toFixed(1)} points`,
        )
        .join("; ");
      return { profiling: true, note, curves: profiles.flatMap(pageCurves) };
    },
    set: async (on) => {
      if (on) startProfiler(owner);
      else await stopProfiler(owner);
    },
  };
}

function pageCurves(profile: PmdProfile): PageCurve[] {
  const known = (points: readonly { readonly entries: number; readonly missRatio: number | null }[]) =>
    points
      .filter((point) => point.entries > 0 && point.missRatio !== null)
      .map((point) => ({ entries: point.entries, missRatio: point.missRatio as number }));
  const off = profile.sizes.find((size) => size.entries === 0);
  return [
    { cache: "microflow", title: `Microflow cache, PMD ${profile.pmd}`, points: known(profile.sizes) },
    {
      cache: "microflow",
      title: `Perfect LRU, PMD ${profile.pmd}`,
      points: known(profile.sizes.map((size) => ({ entries: size.entries, missRatio: size.lruMissRatio }))),
    },
    {
      cache: "maskCache",
      title: `Mask cache alone, PMD ${profile.pmd}`,
      points: known(off?.maskCache ?? []),
    },
  ];
}
