// The page of the adviser: a capture and rules in; lookups, predictions, costs and a recommendation out.

import type { ProfileName } from "../config/profiles.ts";
import type { Settings } from "../config/settings.ts";
import { type Advice, advise, type Candidate, type TrafficFacts } from "./advise.ts";
import { type Calibration, calibrate } from "./calibrate.ts";
import { CostModel, isSane } from "./cost-model.ts";
import type { Lab, Learned } from "./lab.ts";
import type { Lookups } from "./lookups.ts";
import { mixName } from "./mix.ts";
import { type HitPrediction, predictHits } from "./predict-hits.ts";
import { type DistanceHistogram, ReuseTracker } from "./reuse-distance.ts";

/** Sizes that are tried. */
export interface SizeGrid {
  readonly microflow: readonly number[];
  readonly maskCache: readonly number[];
}

/** All powers of four, from the least that is worth its name to what memory there is. */
export const defaultGrid: SizeGrid = {
  microflow: [0, 1 << 10, 1 << 12, 1 << 14, 1 << 16, 1 << 18, 1 << 20],
  maskCache: [0, 1 << 8, 1 << 12, 1 << 16, 1 << 18],
};

/** What there is to know of a trace before any cache is simulated. */
export interface Traffic {
  readonly packets: number;
  readonly lookups: number;
  readonly connections: number;
  readonly learned: Learned;
  /** Lookups of packets that are not IP: they have no name that a cache could know them by. */
  readonly nameless: number;
  /** Of one pass, first packets as such; and of the pass after it. */
  readonly once: DistanceHistogram;
  readonly steady: DistanceHistogram;
}

/** Everything the adviser has found out. */
export interface Study {
  readonly traffic: Traffic;
  readonly calibration: Calibration;
  readonly settings: Settings;
  readonly profile: ProfileName;
  readonly candidates: readonly Candidate[];
  readonly advice: Advice;
  /** Milliseconds by step. */
  readonly took: { readonly learn: number; readonly record: number; readonly predict: number };
}

/** Hears what is being done, and how far it is: 0 to 1. */
export type StudyProgress = (share: number, what: string) => void;

/** Studies the trace of a lab under `settings`, which say all but the sizes. */
export async function study(
  lab: Lab,
  settings: Settings,
  profile: ProfileName,
  grid: SizeGrid = defaultGrid,
  progress: StudyProgress = () => {},
): Promise<Study> {
  const start = performance.now();
  const learned = lab.learn((share) => progress(share * 0.2, "learning megaflows"));
  const learnedAt = performance.now();
  const { reuse, predictions, recordedAt } = simulate(lab, gridOf(settings, grid), learned.masks, progress);
  const traffic: Traffic = { packets: lab.packets, learned, ...reuse };
  const predictedAt = performance.now();
  const calibration = await calibrate(lab, {
    settings,
    predictions,
    connections: traffic.connections,
    progress: (share) => progress(0.8 + 0.2 * share, "calibrating"),
  });
  const model = new CostModel(calibration);
  const candidates = predictions.map((hits) => ({ hits, cost: model.cost(hits) }));
  return {
    traffic,
    calibration,
    settings,
    profile,
    candidates,
    advice: advise(trafficFacts(traffic), settings, candidates),
    took: {
      learn: learnedAt - start,
      record: recordedAt - learnedAt,
      predict: predictedAt - recordedAt,
    },
  };
}

/** What the reason of an advice rests on. */
function trafficFacts(traffic: Traffic): TrafficFacts {
  return {
    connections: traffic.connections,
    firstShare: traffic.once.firsts / Math.max(1, traffic.once.total),
    namelessShare: traffic.nameless / Math.max(1, traffic.lookups),
  };
}

/** Every combination of the grid's sizes, where sane, and those of the present settings. */
export function gridOf(settings: Settings, grid: SizeGrid): Settings[] {
  const sizes = (list: readonly number[], present: number): number[] =>
    [...new Set([...list, present])].sort((a, b) => a - b);
  const masks = sizes(grid.maskCache, settings["maskCache.entries"]);
  const sane = grid.microflow.filter((entries) => isSane({ ...settings, "microflow.entries": entries }));
  return sizes(sane, settings["microflow.entries"]).flatMap((microflow) =>
    masks.map((maskCache) => ({
      ...settings,
      "microflow.entries": microflow,
      "maskCache.entries": maskCache,
    })),
  );
}

/** Lookups of which all reuse distances are taken; of more, those of one connection in four. */
const EXACT_LOOKUPS = 1 << 19;
const SAMPLING = 4;

type Reuse = Pick<Traffic, "lookups" | "connections" | "nameless" | "once" | "steady">;

/** What can be told from a recording of the lab's lookups, which is not kept. */
function simulate(
  lab: Lab,
  configurations: readonly Settings[],
  masks: number,
  progress: StudyProgress,
): { readonly reuse: Reuse; readonly predictions: HitPrediction[]; readonly recordedAt: number } {
  const lookups = lab.record({ hashes: configurations.some((one) => one["microflow.mode"] === "exact") });
  const recordedAt = performance.now();
  progress(0.25, "measuring reuse distances");
  const reuse = reuseOf(lookups);
  const predictions = predictHits(lookups, configurations, {
    masks,
    progress: (share) => progress(0.3 + 0.5 * share, "simulating caches"),
  });
  return { reuse, predictions, recordedAt };
}

/** Reuse distances of the first pass of a trace and of the second. */
function reuseOf(lookups: Lookups): Reuse {
  const sampling = lookups.count <= EXACT_LOOKUPS ? 1 : SAMPLING;
  const tracker = new ReuseTracker({ share: 1 / sampling });
  const pass = (): DistanceHistogram => {
    for (let i = 0; i < lookups.count; i++) {
      const name = lookups.signatures[i]!;
      if (sampling === 1 || (mixName(name) & (SAMPLING - 1)) === 0) tracker.touch(name);
    }
    const histogram = tracker.takeHistogram();
    histogram.adjust(lookups.count);
    return histogram;
  };
  const once = pass();
  const connections = tracker.connections * sampling;
  let nameless = 0;
  for (const name of lookups.signatures) nameless += name === 0 ? 1 : 0;
  return { lookups: lookups.count, connections, nameless, once, steady: pass() };
}
