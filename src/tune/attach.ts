// Advice for a running switch: the hit rates come from its live profiler, the costs from a lab with traffic of
// the same shape, since nobody may stop a switch to calibrate on it.

import { workloadFrames, workloadRules } from "../bench/workload/generate.ts";
import { completeSpec } from "../bench/workload/spec.ts";
import type { Settings } from "../config/settings.ts";
import { type Advice, advise, type Candidate } from "./advise.ts";
import { type Calibration, calibrate } from "./calibrate.ts";
import { CostModel, isSane } from "./cost-model.ts";
import { Lab } from "./lab.ts";
import type { PmdProfile } from "./live-profiler.ts";
import { asksMaskCache } from "./mask-cache-sim.ts";
import { TracePlacer } from "./place-trace.ts";
import type { HitPrediction } from "./predict-hits.ts";

/** What `tune/profile` answers. */
export interface ProfileAnswer {
  readonly profiling: boolean;
  readonly settings: Settings;
  readonly masks: number;
  readonly megaflows: number;
  readonly pmds: readonly PmdProfile[];
}

/** Advice about one PMD. */
export interface LiveAdvice {
  readonly pmd: PmdProfile;
  readonly candidates: readonly Candidate[];
  readonly calibration: Calibration;
  readonly advice: Advice;
}

const PACKETS = 1 << 17;
const CONNECTIONS_MAX = 200_000;
const MASKS_MAX = 512;

/** Predicts every size that the profile knows of, for the PMD that received most. */
export async function adviseLive(
  profile: ProfileAnswer,
  core: number,
  progress: (share: number) => void = () => {},
): Promise<LiveAdvice | undefined> {
  const [pmd] = [...profile.pmds].sort((a, b) => b.lookups - a.lookups);
  if (pmd === undefined) return undefined;
  const predictions = livePredictions(pmd, profile.settings, profile.masks);
  const calibration = await calibrateAlike(profile, pmd, predictions, core, progress);
  const model = new CostModel(calibration);
  const candidates = predictions.map((hits) => ({ hits, cost: model.cost(hits) }));
  const traffic = { connections: pmd.connections, firstShare: pmd.firstShare, namelessShare: 0 };
  return { pmd, candidates, calibration, advice: advise(traffic, profile.settings, candidates) };
}

/** The profile's sizes as predictions; those that its sample is too thin for are left out. */
export function livePredictions(pmd: PmdProfile, settings: Settings, masks: number): HitPrediction[] {
  const predictions: HitPrediction[] = [];
  const off = pmd.sizes.find((size) => size.entries === 0);
  for (const size of pmd.sizes) {
    const { missRatio } = size;
    if (missRatio === null || !isSane({ ...settings, "microflow.entries": size.entries })) continue;
    const behind = [{ entries: 0, missRatio }, ...size.maskCache.filter((cell) => cell.missRatio !== null)];
    for (const cell of behind) {
      const alone = off?.maskCache.find((one) => one.entries === cell.entries)?.missRatio ?? 1;
      const sizes = { "microflow.entries": size.entries, "maskCache.entries": cell.entries };
      const misses = { missed: cell.missRatio!, alone };
      predictions.push(prediction({ ...settings, ...sizes }, 1 - missRatio, misses, masks));
    }
  }
  return withPresent(predictions, settings);
}

/**
 * `hits` of the microflow cache; `missed` by both caches; `alone` missed by the mask cache without the other, which
 * is what it sees while the microflow cache is bypassed.
 */
function prediction(
  settings: Settings,
  hits: number,
  { missed, alone }: { readonly missed: number; readonly alone: number },
  masks: number,
): HitPrediction {
  // A cache that answers less than half is bypassed but for its trials, which is one lookup in 17.
  const off = settings["microflow.entries"] === 0;
  const useless = !off && settings["microflow.bypass"] === "auto" && hits < 0.5;
  const asked = useless ? 1 / 17 : off ? 0 : 1;
  const microflow = hits * asked;
  const policy = { entries: settings["maskCache.entries"], victim: settings["maskCache.victim"] };
  const asksMasks = asksMaskCache(policy, masks);
  const behind = asked * Math.max(0, 1 - hits - missed) + (1 - asked) * Math.max(0, 1 - alone);
  const maskCache = asksMasks ? Math.min(1 - microflow, behind) : 0;
  return {
    settings,
    microflow,
    maskCache,
    asksMaskCache: asksMasks,
    masked: Math.max(0, 1 - microflow - maskCache),
    upcall: 0,
    bypassed: 1 - asked,
    microflowInserts: asked * (1 - hits),
    maskCacheInserts: 0,
    onceMicroflow: hits,
    onceMaskCache: maskCache,
  };
}

/** Adds the present sizes, by their nearest neighbours, where the profile has not tried them. */
function withPresent(predictions: HitPrediction[], settings: Settings): HitPrediction[] {
  const distance = (a: number, b: number): number => Math.abs(Math.log2(a + 1) - Math.log2(b + 1));
  const far = ({ settings: one }: HitPrediction): number =>
    distance(one["microflow.entries"], settings["microflow.entries"]) +
    distance(one["maskCache.entries"], settings["maskCache.entries"]);
  const nearest = predictions.reduce((best, one) => (far(one) < far(best) ? one : best));
  if (far(nearest) === 0) return predictions;
  return [...predictions, { ...nearest, settings }];
}

/** Calibrates on generated traffic with as many connections and masks. */
async function calibrateAlike(
  profile: ProfileAnswer,
  pmd: PmdProfile,
  predictions: readonly HitPrediction[],
  core: number,
  progress: (share: number) => void,
): Promise<Calibration> {
  const flows = Math.max(1, Math.min(CONNECTIONS_MAX, pmd.connections));
  const masks = Math.max(1, Math.min(MASKS_MAX, profile.masks, flows));
  const spec = completeSpec({ flows, masks, packets: Math.max(PACKETS, flows) });
  const lab = new Lab({
    settings: profile.settings,
    exactMegaflows: false,
    seed: 0n,
    ports: 8,
    inPort: 1,
    core,
  });
  try {
    lab.addFlows([...workloadRules(spec)].join("\n"));
    const placer = new TracePlacer(lab.memory);
    const next = workloadFrames(spec);
    const frame = new Uint8Array(4096);
    for (let i = 0; i < spec.packets; i++) placer.add(frame.subarray(0, next(frame, 0)));
    lab.setTrace(placer.finish("generated"));
    lab.learn();
    return await calibrate(lab, {
      settings: profile.settings,
      predictions,
      connections: flows,
      progress,
    });
  } finally {
    await lab.close();
  }
}
