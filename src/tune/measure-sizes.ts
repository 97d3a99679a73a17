// Measures a configuration in the lab: settled first, then for a moment.

import type { HitCounts, Lab } from "./lab.ts";
import type { HitPrediction } from "./predict-hits.ts";

/** What a configuration really does. */
export interface SizeMeasurement {
  readonly cyclesPerPacket: number;
  readonly mpps: number;
  readonly hits: HitCounts;
}

const WINDOW_PACKETS = 1 << 18;
/** Packets an entry, and least packets and most rounds, until both caches hold what they will. */
const FILLINGS = 8;
const FILL_LEAST = 1 << 17;
const FILL_ROUNDS_MAX = 4;
/** A trial of a cache and the time that it is bypassed as useless afterwards. */
const BYPASS_TURN = (1 << 15) + (1 << 19);
/** A cache with this share of hits passes every trial. */
const SURELY_USEFUL = 0.75;

/**
 * Measures what was predicted. The microflow cache is filled before the bypass may judge it: from empty it takes
 * the trials of seconds of traffic to come to the same state.
 */
export async function measureSizes(lab: Lab, predicted: HitPrediction): Promise<SizeMeasurement> {
  const { settings } = predicted;
  await lab.configure({ ...settings, "microflow.bypass": "off" });
  const entries = Math.max(settings["microflow.entries"], settings["maskCache.entries"]);
  const most = Math.max(FILL_LEAST, FILL_ROUNDS_MAX * lab.packets);
  lab.fill(Math.min(most, Math.max(FILL_LEAST, FILLINGS * entries)));
  await lab.changeSettings({ "microflow.bypass": settings["microflow.bypass"] });
  const doubtful = predicted.bypassed > 0 || predicted.microflow < SURELY_USEFUL;
  const trials = doubtful && settings["microflow.entries"] > 0 && settings["microflow.bypass"] === "auto";
  // From one trial to the next, the first of which finds the cache fuller than those after it do.
  if (trials) lab.measure(BYPASS_TURN);
  const { cyclesPerPacket, nsPerPacket, hits } = lab.measure(trials ? BYPASS_TURN : WINDOW_PACKETS);
  return { cyclesPerPacket, mpps: 1000 / nsPerPacket, hits };
}
