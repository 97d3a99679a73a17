// What a microflow cache does with a trace: from empty, in the long run, and what it leaves to the caches behind it.

import type { Lookups } from "./lookups.ts";
import { type MicroflowRound, MicroflowSim, type RoundRoom } from "./microflow-sim.ts";
import type { CacheSettings, PredictOptions } from "./predict-hits.ts";
import { SampledMisses } from "./sampled-misses.ts";
import type { Scratch } from "./scratch.ts";
import { share } from "./share.ts";

/** See the head of the file; shares are of all lookups. */
export interface MicroflowOutcome {
  /** Of the first round, from empty. */
  readonly onceHits: number;
  /** What the first round missed, and the last ones. */
  readonly misses: SampledMisses;
  /** Shares over enough rounds. */
  readonly hits: number;
  readonly bypassed: number;
  readonly inserts: number;
}

/**
 * Lookups that a cache which is bypassed now and then is simulated for: eight turns of trial and bypass, after two in
 * which it forgets that it was ever full.
 */
const BYPASS_LOOKUPS = 4_480_000;
const BYPASS_FIRST_LOOKUPS = 1_120_000;
/** A cache with this share of hits passes every trial. */
const SURELY_USEFUL = 0.75;
/** Lookups that a steady state is averaged over, and the most rounds that a short trace makes of them. */
const STEADY_LOOKUPS = 1 << 17;
const ROUNDS_MAX = 64;
/** Where few misses are inserted: rounds that a cache is filled for at most, or lookups of a short trace. */
const FILLING_ROUNDS_MAX = 20;
const FILLING_LOOKUPS_MAX = 1 << 23;
/**
 * Rounds whose misses are kept: it is chance which connections of a full set a microflow cache forgets, so what is
 * behind it sees more of them in the long run than one round misses. Of a large trace fewer where misses are many,
 * and a single one where next to nothing hits.
 */
const RECENT_ROUNDS = 6;
const RECENT_ROUNDS_LARGE = 2;
const LARGE_LOOKUPS = 1 << 18;
const FEW_MISSES = 0.25;
const FEW_HITS = 0.05;
/** Lookups in a millisecond when nobody says: 10 million a second. */
const LOOKUPS_PER_MS = 10_000;

/** Memory that simulations share, one after the other. */
export interface SimulationMemory {
  /** For the misses of a round. */
  readonly room: RoundRoom;
  /** For what is known of a cache until the next one. */
  readonly scratch: Scratch;
}

/** Simulates a cache that is on, and keeps a sample of `budget` of a round's misses. */
export function simulateMicroflow(
  lookups: Lookups,
  settings: CacheSettings,
  options: PredictOptions,
  { room, scratch }: SimulationMemory,
  budget: number,
): MicroflowOutcome {
  const policy = {
    mode: settings["microflow.mode"],
    entries: settings["microflow.entries"],
    insertInverse: settings["microflow.insertInverse"],
    bypass: false,
    lookupsPerMs: options.lookupsPerMs ?? LOOKUPS_PER_MS,
  };
  const sim = new MicroflowSim(policy, scratch);
  const once = sim.round(lookups, room);
  const misses = new SampledMisses(lookups, once, budget, scratch);
  let steady = sim.round(lookups, room);
  // Where few misses are inserted it takes many to fill the cache.
  const filling =
    (settings["microflow.entries"] * (settings["microflow.insertInverse"] - 1) * 2) /
    Math.max(1, steady.misses.length);
  const most = Math.max(FILLING_ROUNDS_MAX, FILLING_LOOKUPS_MAX / Math.max(1, lookups.count));
  for (let round = 0; round < Math.min(most, filling); round++) steady = sim.round(lookups, room);
  const kept = recentRounds(steady, lookups.count);
  const wanted = Math.min(ROUNDS_MAX, Math.ceil(STEADY_LOOKUPS / Math.max(1, lookups.count)));
  const rounds = Math.max(wanted, kept);
  let hits = 0;
  let inserts = 0;
  for (let round = 1; round <= rounds; round++) {
    if (round > 1) steady = sim.round(lookups, room);
    hits += steady.hits;
    inserts += steady.inserts;
    if (round > rounds - kept) misses.addRecent(steady);
  }
  const outcome = { onceHits: share(once.hits, lookups.count), misses };
  const settled = {
    ...outcome,
    hits: share(hits, rounds * lookups.count),
    bypassed: share(steady.bypassed, lookups.count),
    inserts: share(inserts, rounds * lookups.count),
  };
  if (settled.hits > SURELY_USEFUL || settings["microflow.bypass"] === "off") return settled;
  // The cache is full by now; whether it passes its trials, and how often, a longer run tells.
  sim.setBypass(true);
  sim.run(lookups, BYPASS_FIRST_LOOKUPS);
  const run = sim.run(lookups, Math.max(BYPASS_LOOKUPS, 2 * lookups.count));
  return {
    ...outcome,
    hits: share(run.hits, run.lookups),
    bypassed: share(run.bypassed, run.lookups),
    inserts: share(run.inserts, run.lookups),
  };
}

function recentRounds({ hits, misses }: MicroflowRound, lookups: number): number {
  if (misses.length === 0 || hits < FEW_HITS * lookups) return 1;
  return lookups <= LARGE_LOOKUPS || misses.length < FEW_MISSES * lookups
    ? RECENT_ROUNDS
    : RECENT_ROUNDS_LARGE;
}
