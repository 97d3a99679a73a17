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
  readonly cache: "microflow" | "maskCache";
  readonly title: string;
  readonly pmd: number;
  /** Perfect least-recently-used replacement. */
  readonly ideal: boolean;
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
  const { pmd } = profile;
  const curve = (cache: PageCurve["cache"], title: string, ideal: boolean, points: PageCurve["points"]) => ({
    cache,
    title,
    pmd,
    ideal,
    points,
  });
  const perfect = profile.sizes.map(({ entries, lruMissRatio }) => ({ entries, missRatio: lruMissRatio }));
  return [
    curve("microflow", `Microflow cache, PMD ${pmd}`, false, known(profile.sizes)),
    curve("microflow", `Perfect LRU, PMD ${pmd}`, true, known(perfect)),
    curve("maskCache", `Mask cache alone, PMD ${pmd}`, false, known(off?.maskCache ?? [])),
  ];
}
