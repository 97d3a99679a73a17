// Hit rates of every combination of cache sizes from one recording of lookups: each microflow cache is simulated
// once, and each mask cache behind it on what that one missed.

import type { Settings } from "../config/settings.ts";
import type { Lookups } from "./lookups.ts";
import { asksMaskCache } from "./mask-cache-sim.ts";
import { type MicroflowOutcome, simulateMicroflow } from "./microflow-outcome.ts";
import { roomFor } from "./microflow-sim.ts";
import { type MaskCacheShares, NOTHING, SampledMisses } from "./sampled-misses.ts";
import { Scratch } from "./scratch.ts";
import { share } from "./share.ts";

/** The settings that say how the caches work. */
export type CacheSettings = Pick<
  Settings,
  | "microflow.entries"
  | "microflow.mode"
  | "microflow.insertInverse"
  | "microflow.bypass"
  | "maskCache.entries"
  | "maskCache.victim"
>;

/** What a configuration would do, as shares of all lookups; the first four add up to 1. */
export interface HitPrediction {
  readonly settings: CacheSettings;
  /** Answered by the microflow cache. */
  readonly microflow: number;
  /** Answered by the mask cache. */
  readonly maskCache: number;
  /** Whether misses ask it: there is one, and more than one mask to choose from. */
  readonly asksMaskCache: boolean;
  /** Found by the masked lookup alone. */
  readonly masked: number;
  /** Answered by nobody. */
  readonly upcall: number;
  /** Went around the microflow cache because it is off or was found useless. */
  readonly bypassed: number;
  /** Inserted into the microflow cache, and into the mask cache. */
  readonly microflowInserts: number;
  readonly maskCacheInserts: number;
  /** The same traffic seen once, from empty caches: answered by the microflow cache, and by the mask cache. */
  readonly onceMicroflow: number;
  readonly onceMaskCache: number;
}

/** How to simulate. */
export interface PredictOptions {
  /** Lookups in a millisecond: the clock of the exact mode. */
  readonly lookupsPerMs?: number;
  /** Most misses that are sent through a mask cache; of more, a sample of connections. */
  readonly missBudget?: number;
  /** Masks that megaflows have; without it those that the lookups found. */
  readonly masks?: number;
  /** Hears how far it is: 0 to 1. */
  readonly progress?: (share: number) => void;
}

const MISS_BUDGET = 1 << 17;

/** A microflow cache that is off. */
const OFF: Pick<MicroflowOutcome, "onceHits" | "hits" | "bypassed" | "inserts"> = {
  onceHits: 0,
  hits: 0,
  bypassed: 1,
  inserts: 0,
};

/** Predicts all of the configurations. */
export function predictHits(
  lookups: Lookups,
  configurations: readonly CacheSettings[],
  options: PredictOptions = {},
): HitPrediction[] {
  const byMicroflow = new Map<string, CacheSettings[]>();
  for (const settings of configurations) {
    const key = microflowKey(settings);
    byMicroflow.set(key, [...(byMicroflow.get(key) ?? []), settings]);
  }
  const masks = options.masks ?? new Set(lookups.masks).size;
  const upcalls = share(countZeros(lookups.flows), lookups.count);
  const predictions = new Map<CacheSettings, HitPrediction>();
  const budget = options.missBudget ?? MISS_BUDGET;
  // What a round of a large trace misses fills megabytes: all rounds use the same.
  const room = roomFor(lookups);
  const everything = SampledMisses.ofAll(lookups, room.misses, budget, new Scratch());
  const scratch = new Scratch();
  let done = 0;
  for (const [key, group] of byMicroflow) {
    let microflow = OFF;
    let misses = everything;
    if (key !== "off") {
      scratch.reset();
      const memory = { room, scratch };
      const outcome = simulateMicroflow(lookups, group[0] as CacheSettings, options, memory, budget);
      misses = outcome.misses;
      microflow = outcome;
    }
    for (const settings of group) {
      const policy = { entries: settings["maskCache.entries"], victim: settings["maskCache.victim"] };
      const asks = asksMaskCache(policy, masks);
      const behind = {
        asked: asks ? misses.simulate(policy) : NOTHING,
        bypassed: asks && microflow.bypassed !== 0 ? everything.simulate(policy) : NOTHING,
      };
      predictions.set(settings, {
        ...combine(settings, microflow, behind, upcalls),
        asksMaskCache: asks,
      });
    }
    options.progress?.(++done / byMicroflow.size);
  }
  return configurations.map((settings) => predictions.get(settings) as HitPrediction);
}

function microflowKey(settings: CacheSettings): string {
  const entries = settings["microflow.entries"];
  if (entries === 0) return "off";
  return [
    entries,
    settings["microflow.mode"],
    settings["microflow.insertInverse"],
    settings["microflow.bypass"],
  ].join();
}

function combine(
  settings: CacheSettings,
  microflow: typeof OFF,
  behind: { readonly asked: MaskCacheShares; readonly bypassed: MaskCacheShares },
  upcall: number,
): Omit<HitPrediction, "asksMaskCache"> {
  const missed = 1 - microflow.hits;
  // What goes around the microflow cache is all of the traffic, what it missed is not.
  const around = settings["microflow.entries"] === 0 ? 0 : microflow.bypassed;
  const of = (which: "hits" | "inserts"): number =>
    (missed - around) * behind.asked[which] + around * behind.bypassed[which];
  const hits = Math.min(of("hits"), Math.max(0, missed - upcall));
  return {
    settings,
    microflow: microflow.hits,
    maskCache: hits,
    masked: Math.max(0, missed - hits - upcall),
    upcall,
    bypassed: microflow.bypassed,
    microflowInserts: microflow.inserts,
    maskCacheInserts: of("inserts"),
    onceMicroflow: microflow.onceHits,
    onceMaskCache: (1 - microflow.onceHits) * behind.asked.onceHits,
  };
}

function countZeros(values: Uint32Array): number {
  let zeros = 0;
  for (const value of values) if (value === 0) zeros++;
  return zeros;
}
