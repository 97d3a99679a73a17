// The live profiler of a switch as the page shows it: curves of every PMD, and of all together.

import type { Switch } from "../switch.ts";
import type { PmdProfile } from "../tune/live-profiler.ts";
import { missRatioCurves, startProfiler, stopProfiler } from "../tune/profilers.ts";
import type { Curves, MissCurve } from "./shapes.ts";
import type { LiveProfiler } from "./source.ts";

/** Returns the profiler that `tune --attach` starts and stops too. */
export function pageProfiler(owner: Switch): LiveProfiler {
  return {
    curves: () => describeProfiles(missRatioCurves(owner)),
    set: async (on) => {
      if (on) startProfiler(owner);
      else await stopProfiler(owner);
    },
  };
}

/** Returns what the page is told of the profiles; undefined while no profiler runs. */
export function describeProfiles(profiles: readonly PmdProfile[] | undefined): Curves {
  if (profiles === undefined) {
    return {
      profiling: false,
      note: "Not profiling. A profiler samples connections of the running switch, at under 2 % of its throughput.",
      curves: [],
    };
  }
  const sampled = profiles.filter((profile) => profile.lookups > 0);
  if (sampled.length === 0) {
    return { profiling: true, note: "Profiling; not enough packets have been sampled yet.", curves: [] };
  }
  const curves = sampled.flatMap((profile) => curvesOf([profile], profile.pmd));
  return { profiling: true, note: noteOf(sampled), curves: [...curvesOf(sampled, null), ...curves] };
}

function noteOf(profiles: readonly PmdProfile[]): string {
  const connections = profiles.reduce((sum, profile) => sum + profile.connections, 0);
  const first = mean(profiles.map((profile) => [profile.firstShare, profile.lookups])) ?? 0;
  const uncertainty = Math.max(...profiles.map((profile) => profile.uncertainty));
  const samplings = [...new Set(profiles.map((profile) => profile.sampling))].sort((a, b) => a - b);
  const sample =
    samplings.length === 1 && samplings[0] === 1
      ? "all of them sampled"
      : `one in ${samplings.join(" or ")} sampled`;
  return (
    `${connections.toLocaleString("en-US")} connections, ${sample}, uncertain by up to ${points(uncertainty)}. ` +
    `${(first * 100).toFixed(1)} % of the lookups are a connection's first, which no size can answer.`
  );
}

function points(share: number): string {
  return `${(share * 100).toFixed(1)} percentage points`;
}

/** The curves of some PMDs together, each weighted by its lookups. */
function curvesOf(profiles: readonly PmdProfile[], pmd: number | null): MissCurve[] {
  const curve = (
    cache: MissCurve["cache"],
    title: string,
    sizes: (
      profile: PmdProfile,
    ) => readonly { readonly entries: number; readonly missRatio: number | null }[],
    ideal = false,
  ): MissCurve => {
    const byEntries = new Map<number, [number, number][]>();
    for (const profile of profiles) {
      for (const { entries, missRatio } of sizes(profile)) {
        if (entries === 0 || missRatio === null) continue;
        byEntries.set(entries, [...(byEntries.get(entries) ?? []), [missRatio, profile.lookups]]);
      }
    }
    const found = [...byEntries].sort(([a], [b]) => a - b);
    return {
      ...{ cache, title, pmd, ideal },
      points: found.map(([entries, ratios]) => ({ entries, missRatio: mean(ratios) ?? 1 })),
    };
  };
  return [
    curve("microflow", "microflow cache", (profile) => profile.sizes),
    curve(
      "microflow",
      "microflow cache with perfect replacement",
      (profile) => profile.sizes.map(({ entries, lruMissRatio }) => ({ entries, missRatio: lruMissRatio })),
      true,
    ),
    curve(
      "maskCache",
      "mask cache alone",
      (profile) => profile.sizes.find(({ entries }) => entries === 0)?.maskCache ?? [],
    ),
  ];
}

function mean(values: readonly (readonly [value: number, weight: number])[]): number | undefined {
  const weight = values.reduce((sum, [, one]) => sum + one, 0);
  return weight === 0 ? undefined : values.reduce((sum, [value, one]) => sum + value * one, 0) / weight;
}
