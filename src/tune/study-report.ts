// A study as the HTML report's pictures and as JSON.

import { MASK_CACHE_ENTRY_SIZE } from "../../assembly/layout/mask-cache.ts";
import { microflowEntryBytes } from "./cost-model.ts";
import { assignments, type SizeRow, studyLines } from "./format.ts";
import { type CurvePicture, cacheBorders, type TuneReport } from "./report-html.ts";
import type { Study } from "./study.ts";

/** Sizes at which the LRU reference is drawn. */
const REFERENCE_SIZES = Array.from({ length: 21 }, (_, power) => 2 ** power).slice(5);

/** The report of a study. */
export function studyReport(title: string, found: Study, rows: readonly SizeRow[]): TuneReport {
  const { advice, candidates } = found;
  const recommended = rows[candidates.indexOf(advice.recommended)]!;
  const present = rows[candidates.indexOf(advice.present)]!;
  return {
    title,
    summary: [
      ...studyLines(found),
      `Recommended: microflow.entries=${recommended.microflowEntries} maskCache.entries=${recommended.maskCacheEntries}. ${advice.reason}`,
    ],
    pictures: pictures(found, recommended, present),
    rows,
    present,
    recommended,
  };
}

function pictures(found: Study, recommended: SizeRow, present: SizeRow): CurvePicture[] {
  const { candidates, calibration, traffic, settings } = found;
  const microflow = candidates.filter(
    ({ hits }) => hits.settings["maskCache.entries"] === recommended.maskCacheEntries,
  );
  const masks = candidates.filter(({ hits }) => hits.settings["microflow.entries"] === 0);
  const reference = REFERENCE_SIZES.map((entries) => ({
    entries,
    missRatio: 1 - traffic.steady.hitRate(entries),
  }));
  const entryBytes = microflowEntryBytes(settings["microflow.mode"]);
  return [
    {
      title: "Microflow cache: share of lookups that miss",
      curves: [
        {
          label: "simulated",
          points: microflow.map(({ hits }) => ({
            entries: hits.settings["microflow.entries"],
            missRatio: 1 - hits.microflow,
          })),
        },
        {
          label: "seen once, from empty",
          points: microflow.map(({ hits }) => ({
            entries: hits.settings["microflow.entries"],
            missRatio: 1 - hits.onceMicroflow,
          })),
        },
        { label: "perfect LRU of any size", points: reference, dashed: true },
      ],
      marks: [
        { entries: recommended.microflowEntries, label: "recommended", strong: true },
        { entries: present.microflowEntries, label: "present", strong: true },
        ...cacheBorders(calibration.caches, entryBytes),
      ],
    },
    {
      title: "Mask cache without a microflow cache: share of lookups that miss",
      curves: [
        {
          label: "simulated",
          points: masks.map(({ hits }) => ({
            entries: hits.settings["maskCache.entries"],
            missRatio: 1 - hits.maskCache,
          })),
        },
      ],
      marks: [
        { entries: recommended.maskCacheEntries, label: "recommended", strong: true },
        { entries: present.maskCacheEntries, label: "present", strong: true },
        ...cacheBorders(calibration.caches, MASK_CACHE_ENTRY_SIZE),
      ],
    },
  ];
}

/** A study as `megaflow tune --json` prints it. */
export function studyJson(found: Study, rows: readonly SizeRow[]): object {
  const { traffic, calibration, advice, candidates, took } = found;
  return {
    traffic: {
      packets: traffic.packets,
      lookups: traffic.lookups,
      connections: traffic.connections,
      firstShare: traffic.once.firsts / Math.max(1, traffic.once.total),
      namelessShare: traffic.nameless / Math.max(1, traffic.lookups),
      megaflows: traffic.learned.megaflows,
      masks: traffic.learned.masks,
      upcalls: traffic.learned.upcalls,
      settled: traffic.learned.settled,
    },
    sizes: rows,
    present: rows[candidates.indexOf(advice.present)],
    recommended: rows[candidates.indexOf(advice.recommended)],
    gain: advice.gain,
    reason: advice.reason,
    changes: advice.changes,
    apply: assignments(advice.changes),
    lru: REFERENCE_SIZES.map((entries) => ({ entries, missRatio: 1 - traffic.steady.hitRate(entries) })),
    calibration: {
      cyclesPerNs: calibration.ghz,
      caches: calibration.caches,
      memory: calibration.memory,
      passes: calibration.passes,
      anchors: calibration.anchors,
    },
    tookMs: { ...took, calibrate: calibration.tookMs },
  };
}
