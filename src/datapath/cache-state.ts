// The caches as a PMD has them at the moment: read from its control block, where only its commands write.

import { MASK_CACHE_ENTRY_SIZE, MASK_CACHE_VICTIM_KERNEL } from "../../assembly/layout/mask-cache.ts";
import {
  MICROFLOW_BUCKET_SIZE,
  MICROFLOW_BUCKET_WAYS,
  MICROFLOW_BYPASS_AUTO,
  MICROFLOW_EXACT_SIZE,
  MICROFLOW_MODE_EXACT,
} from "../../assembly/layout/microflow-cache.ts";
import { PMD_BYPASSED, PMD_REGIONS, PMD_SETTINGS, RegionId, Setting } from "../../assembly/layout/pmd.ts";
import type { SwitchMemory } from "./memory.ts";

/** Sizes and rules of a PMD's caches and masked lookup. */
export interface PmdCaches {
  readonly microflow: {
    /** 0 = off. */
    readonly entries: number;
    readonly bytes: number;
    readonly mode: "signature" | "exact";
    readonly insertInverse: number;
    readonly bypass: "auto" | "off";
    /** Whether it is left alone at the moment, as measured useless. */
    readonly bypassed: boolean;
  };
  readonly maskCache: {
    /** 0 = off. */
    readonly entries: number;
    readonly bytes: number;
    readonly victim: "lru" | "kernel";
  };
  readonly pruning: "on" | "off";
  /** 0 = never. */
  readonly rankIntervalMs: number;
}

/** Reads the caches of the PMD whose control block lies at `control`. */
export function readPmdCaches(memory: SwitchMemory, control: number): PmdCaches {
  const word = (offset: number): number => Atomics.load(memory.u32, (control + offset) / 4);
  const setting = (which: Setting): number => word(PMD_SETTINGS + which * 4);
  const bytes = (id: RegionId): number => word(PMD_REGIONS + id * 8 + 4);
  const exact = setting(Setting.MICROFLOW_MODE) === MICROFLOW_MODE_EXACT;
  const entrySize = exact ? MICROFLOW_EXACT_SIZE : MICROFLOW_BUCKET_SIZE / MICROFLOW_BUCKET_WAYS;
  return {
    microflow: {
      entries: bytes(RegionId.MICROFLOW) / entrySize,
      bytes: bytes(RegionId.MICROFLOW),
      mode: exact ? "exact" : "signature",
      insertInverse: setting(Setting.MICROFLOW_INSERT_INVERSE),
      bypass: setting(Setting.MICROFLOW_BYPASS) === MICROFLOW_BYPASS_AUTO ? "auto" : "off",
      bypassed: word(PMD_BYPASSED) !== 0,
    },
    maskCache: {
      entries: bytes(RegionId.MASK_CACHE) / MASK_CACHE_ENTRY_SIZE,
      bytes: bytes(RegionId.MASK_CACHE),
      victim: setting(Setting.MASK_CACHE_VICTIM) === MASK_CACHE_VICTIM_KERNEL ? "kernel" : "lru",
    },
    pruning: setting(Setting.PRUNING) === 0 ? "off" : "on",
    rankIntervalMs: setting(Setting.RANK_INTERVAL_MS),
  };
}
