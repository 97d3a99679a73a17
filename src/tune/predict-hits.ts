// Hit rates of every combination of cache sizes from one recording of lookups: each microflow cache is simulated
// once, and each mask cache behind it on what that one missed.

import type { Settings } from "../config/settings.ts";
import type { Lookups } from "./lookups.ts";
import { MaskCacheSim } from "./mask-cache-sim.ts";
import { type MicroflowRound, MicroflowSim, type MicroflowTotals } from "./microflow-sim.ts";
import { mixName } from "./mix.ts";

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
  /** Hears how far it is: 0 to 1. */
  readonly progress?: (share: number) => void;
}

const MISS_BUDGET = 1 << 17;
/** Lookups that a cache which is bypassed now and then is simulated for: ten turns of trial and bypass. */
const BYPASS_LOOKUPS = 5_600_000;
/** A cache with this share of hits passes every trial. */
const SURELY_USEFUL = 0.75;
/** Lookups that a steady state is averaged over, and the most rounds that a short trace makes of them. */
const STEADY_LOOKUPS = 1 << 17;
const ROUNDS_MAX = 64;
const FILLING_ROUNDS_MAX = 20;
/** A mask cache has settled once its misses could have filled it so many times. */
const FILLINGS = 8;
const SETTLING_ROUNDS_MAX = 5;
/** Smallest cache that a sample is simulated in. */
const MINIATURE_MIN = 64;

interface MicroflowOutcome {
  readonly once: MicroflowRound;
  readonly steady: MicroflowRound;
  /** Shares of lookups over enough rounds. */
  readonly hits: number;
  readonly bypassed: number;
  readonly inserts: number;
}

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
  const upcalls = share(countZeros(lookups.flows), lookups.count);
  const predictions = new Map<CacheSettings, HitPrediction>();
  const budget = options.missBudget ?? MISS_BUDGET;
  const everything = new SampledMisses(lookups, allMissed(lookups), budget);
  let done = 0;
  for (const group of byMicroflow.values()) {
    const microflow = simulateMicroflow(lookups, group[0] as CacheSettings, options);
    const off = microflow.once.misses.length === lookups.count;
    const misses = off ? everything : new SampledMisses(lookups, microflow, budget);
    for (const settings of group) {
      const behind = {
        asked: misses.simulate(settings),
        bypassed: microflow.bypassed === 0 ? NOTHING : everything.simulate(settings),
      };
      predictions.set(settings, combine(lookups, settings, microflow, behind, upcalls));
    }
    options.progress?.(++done / byMicroflow.size);
  }
  return configurations.map((settings) => predictions.get(settings) as HitPrediction);
}

/** What a microflow cache that is off leaves. */
function allMissed(lookups: Lookups): Pick<MicroflowOutcome, "once" | "steady"> {
  const round: MicroflowRound = {
    hits: 0,
    inserts: 0,
    bypassed: lookups.count,
    misses: Uint32Array.from({ length: lookups.count }, (_, i) => i),
    missEnds: lookups.batchEnds,
  };
  return { once: round, steady: round };
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

function simulateMicroflow(
  lookups: Lookups,
  settings: CacheSettings,
  options: PredictOptions,
): MicroflowOutcome {
  const sim = new MicroflowSim({
    mode: settings["microflow.mode"],
    entries: settings["microflow.entries"],
    insertInverse: settings["microflow.insertInverse"],
    bypass: false,
    lookupsPerMs: options.lookupsPerMs ?? LOOKUPS_PER_MS,
  });
  const once = sim.round(lookups);
  let steady = sim.round(lookups);
  // Where few misses are inserted it takes many to fill the cache.
  const filling =
    (settings["microflow.entries"] * (settings["microflow.insertInverse"] - 1) * 2) /
    Math.max(1, steady.misses.length);
  for (let round = 0; round < Math.min(FILLING_ROUNDS_MAX, filling); round++) steady = sim.round(lookups);
  let { hits, inserts } = steady;
  const rounds = Math.min(ROUNDS_MAX, Math.ceil(STEADY_LOOKUPS / Math.max(1, lookups.count)));
  for (let round = 1; round < rounds; round++) {
    steady = sim.round(lookups);
    hits += steady.hits;
    inserts += steady.inserts;
  }
  const rates = (totals: Omit<MicroflowTotals, "lookups">, of: number) => ({
    hits: share(totals.hits, of),
    bypassed: share(totals.bypassed, of),
    inserts: share(totals.inserts, of),
  });
  const settled = {
    once,
    steady,
    ...rates({ hits, inserts, bypassed: steady.bypassed }, rounds * lookups.count),
  };
  const enough = settled.hits > SURELY_USEFUL || settings["microflow.bypass"] === "off";
  if (settings["microflow.entries"] === 0 || enough) return settled;
  // The cache is full by now; whether it passes its trials, and how often, a longer run tells.
  sim.setBypass(true);
  const run = sim.run(lookups, Math.max(BYPASS_LOOKUPS, 2 * lookups.count));
  return { ...settled, ...rates(run, run.lookups) };
}

/** Lookups in a millisecond when nobody says: 10 million a second. */
const LOOKUPS_PER_MS = 10_000;

interface MaskCacheShares {
  /** Of the misses of the steady round, and of the first. */
  readonly hits: number;
  readonly inserts: number;
  readonly onceHits: number;
}

const NOTHING: MaskCacheShares = { hits: 0, inserts: 0, onceHits: 0 };

/** The misses of a microflow cache, or those of a sample of connections where they are many. */
class SampledMisses {
  readonly #lookups: Lookups;
  readonly #once: Pick<MicroflowRound, "misses" | "missEnds">;
  readonly #steady: Pick<MicroflowRound, "misses" | "missEnds">;
  /** One connection in 2^n. */
  readonly #sampling: number;
  readonly #expected: number;
  readonly #expectedOnce: number;
  /** What was simulated already, by size and rule. */
  readonly #known = new Map<string, MaskCacheShares>();

  constructor(lookups: Lookups, outcome: Pick<MicroflowOutcome, "once" | "steady">, budget: number) {
    this.#lookups = lookups;
    const { once, steady } = outcome;
    this.#sampling = Math.max(0, Math.ceil(Math.log2(Math.max(once.misses.length, 1) / budget)));
    this.#expected = steady.misses.length / 2 ** this.#sampling;
    this.#expectedOnce = once.misses.length / 2 ** this.#sampling;
    this.#once = this.#sampling === 0 ? once : sampleMisses(lookups, once, this.#sampling);
    this.#steady = this.#sampling === 0 ? steady : sampleMisses(lookups, steady, this.#sampling);
  }

  simulate(settings: CacheSettings): MaskCacheShares {
    const key = `${settings["maskCache.entries"]} ${settings["maskCache.victim"]}`;
    const known = this.#known.get(key) ?? this.#simulate(settings);
    this.#known.set(key, known);
    return known;
  }

  #simulate(settings: CacheSettings): MaskCacheShares {
    const entries = settings["maskCache.entries"];
    if (entries === 0 || this.#expectedOnce === 0) return NOTHING;
    const size = Math.max(Math.min(entries, MINIATURE_MIN), entries >>> this.#sampling);
    const sim = new MaskCacheSim({ entries: size, victim: settings["maskCache.victim"] });
    const once = sim.round(this.#lookups, this.#once.misses, this.#once.missEnds);
    const { misses } = this.#steady;
    const filling = Math.ceil((FILLINGS * size) / Math.max(1, misses.length)) - 1;
    // The kernel's rule lets high names stay for ever: what they displace it shows late.
    const slow = settings["maskCache.victim"] === "kernel";
    const settling = slow ? SETTLING_ROUNDS_MAX : Math.min(SETTLING_ROUNDS_MAX, filling);
    for (let round = 0; round < settling; round++) sim.round(this.#lookups, misses, this.#steady.missEnds);
    const steady = sim.round(this.#lookups, this.#steady.misses, this.#steady.missEnds);
    // As SHARDS-adj: lookups that the sample has too few or too many are those of popular connections, which hit.
    const hits = steady.hits + this.#expected - this.#steady.misses.length;
    const onceHits = once.hits + this.#expectedOnce - this.#once.misses.length;
    return {
      hits: clamp(share(hits, this.#expected)),
      inserts: clamp(share(steady.inserts, this.#expected)),
      onceHits: clamp(share(onceHits, this.#expectedOnce)),
    };
  }
}

function sampleMisses(
  lookups: Lookups,
  round: MicroflowRound,
  sampling: number,
): Pick<MicroflowRound, "misses" | "missEnds"> {
  const misses = new Uint32Array(round.misses.length);
  const missEnds = new Uint32Array(round.missEnds.length);
  const rest = (1 << sampling) - 1;
  let count = 0;
  let from = 0;
  for (let batch = 0; batch < round.missEnds.length; batch++) {
    const end = round.missEnds[batch]!;
    for (let m = from; m < end; m++) {
      const i = round.misses[m]!;
      if ((mixName(lookups.maskNames[i]!) & rest) === 0) misses[count++] = i;
    }
    missEnds[batch] = count;
    from = end;
  }
  return { misses: misses.slice(0, count), missEnds };
}

function combine(
  lookups: Lookups,
  settings: CacheSettings,
  microflow: MicroflowOutcome,
  behind: { readonly asked: MaskCacheShares; readonly bypassed: MaskCacheShares },
  upcall: number,
): HitPrediction {
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
    onceMicroflow: share(microflow.once.hits, lookups.count),
    onceMaskCache: share(microflow.once.misses.length, lookups.count) * behind.asked.onceHits,
  };
}

function countZeros(values: Uint32Array): number {
  let zeros = 0;
  for (const value of values) if (value === 0) zeros++;
  return zeros;
}

function share(part: number, whole: number): number {
  return whole === 0 ? 0 : part / whole;
}

function clamp(value: number): number {
  return Math.min(1, Math.max(0, value));
}
