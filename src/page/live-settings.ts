// The settings that the page can change: the values a slider or a choice offers, and what each costs in memory.

import { MASK_CACHE_ENTRY_SIZE } from "../../assembly/layout/mask-cache.ts";
import {
  MICROFLOW_BUCKET_SIZE,
  MICROFLOW_BUCKET_WAYS,
  MICROFLOW_EXACT_SIZE,
} from "../../assembly/layout/microflow-cache.ts";
import { type SettingKey, type Settings, settingRange, settingSpec } from "../config/settings.ts";
import type { LiveSetting } from "./shapes.ts";

/** In the order of the page. */
const liveKeys: readonly SettingKey[] = [
  "microflow.entries",
  "maskCache.entries",
  "microflow.insertInverse",
  "rank.intervalMs",
  "microflow.mode",
  "microflow.bypass",
  "maskCache.victim",
  "pruning",
];

/** Steps of the settings that are neither sizes nor words. */
const steps: Partial<Record<SettingKey, readonly number[]>> = {
  "microflow.insertInverse": [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000],
  "rank.intervalMs": [0, 100, 200, 500, 1000, 2000, 5000, 10_000, 60_000],
};

/** Returns the settings as they are, with what they could be. */
export function liveSettings(settings: Settings): LiveSetting[] {
  return liveKeys.map((key) => {
    const values = valuesOf(key, settings[key]);
    const entryBytes = entrySize(key, settings);
    return {
      key,
      value: settings[key],
      meaning: settingSpec(key).meaning,
      range: settingRange(key),
      values,
      ...(entryBytes === undefined ? {} : { bytes: values.map((value) => Number(value) * entryBytes) }),
    };
  });
}

function valuesOf(key: SettingKey, current: number | string): (number | string)[] {
  const spec = settingSpec(key);
  if (spec.kind === "word") return [...spec.words];
  const values = new Set(steps[key] ?? sizes(spec.min, spec.max));
  values.add(Number(current));
  return [...values].sort((a, b) => a - b);
}

/** Off, and the powers of two between two of them. */
function sizes(min: number, max: number): number[] {
  const found = [0];
  for (let size = min; size <= max; size *= 2) found.push(size);
  return found;
}

function entrySize(key: SettingKey, settings: Settings): number | undefined {
  if (key === "maskCache.entries") return MASK_CACHE_ENTRY_SIZE;
  if (key !== "microflow.entries") return undefined;
  return settings["microflow.mode"] === "exact"
    ? MICROFLOW_EXACT_SIZE
    : MICROFLOW_BUCKET_SIZE / MICROFLOW_BUCKET_WAYS;
}
