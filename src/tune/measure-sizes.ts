// Measures a configuration in the lab: settled first, then for a moment.

import type { HitCounts, Lab } from "./lab.ts";
import type { HitPrediction } from "./predict-hits.ts";

/** What a configuration really does. */
export interface SizeMeasurement {
  readonly mpps: number;
  readonly hits: HitCounts;
}

const WINDOW_SECONDS = 0.08;
/** Packets and rounds until both caches hold what they will. */
const FILLING_PACKETS = 1 << 21;
const FILLING_ROUNDS_MAX = 6;
/** Packets until a cache that is bypassed as useless has had two trials. */
const SETTLING_PACKETS = 1_200_000;
/** A cache with this share of hits passes every trial. */
const SURELY_USEFUL = 0.75;

/**
 * Measures what was predicted. The microflow cache is filled before the bypass may judge it: from empty it takes
 * the trials of seconds of traffic to come to the same state.
 */
export async function measureSizes(lab: Lab, predicted: HitPrediction): Promise<SizeMeasurement> {
  const { settings } = predicted;
  await lab.configure({ ...settings, "microflow.bypass": "off" });
  const filling = Math.min(FILLING_ROUNDS_MAX, Math.ceil(FILLING_PACKETS / lab.packets));
  for (let round = 0; round < filling; round++) lab.once();
  const doubtful = predicted.bypassed > 0 || predicted.microflow < SURELY_USEFUL;
  if (doubtful && settings["microflow.entries"] > 0 && settings["microflow.bypass"] === "auto") {
    await lab.changeSettings({ "microflow.bypass": "auto" });
    const rounds = Math.ceil(SETTLING_PACKETS / lab.packets);
    for (let round = 0; round < rounds; round++) lab.once();
  } else {
    await lab.changeSettings({ "microflow.bypass": settings["microflow.bypass"] });
  }
  const { nsPerPacket, hits } = lab.measure(WINDOW_SECONDS);
  return { mpps: 1000 / nsPerPacket, hits };
}
