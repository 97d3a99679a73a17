// Counters of a PMD, read straight from shared memory. Sums stay exact in a double up to 2^53.

import {
  PMD_BYPASSED,
  PMD_DIGEST,
  PMD_DROPS,
  PMD_FLOW_COUNT,
  PMD_FREE_BIG,
  PMD_FREE_SMALL,
  PMD_MASK_COUNT,
  PMD_PARKED,
  PMD_STATS,
} from "../../assembly/layout/pmd.ts";
import { DropReason, PmdStat } from "../../assembly/layout/stat.ts";
import type { SwitchMemory } from "./memory.ts";

/** Counters by the names of PmdStat. */
export type PmdCounters = Record<keyof typeof PmdStat, number>;

/** What a PMD has counted, and what it holds at the moment. */
export interface PmdStats {
  readonly counters: PmdCounters;
  /** Drops by DropReason, index by reason. */
  readonly drops: readonly number[];
  readonly flows: number;
  readonly masks: number;
  /** Frames parked behind upcalls. */
  readonly parked: number;
  /** Received packets that have not ended: parked, queued or in hand. */
  readonly inFlight: number;
  readonly freeFrames: number;
  readonly freeBigFrames: number;
  /** Whether the microflow cache is bypassed as useless. */
  readonly bypassed: boolean;
  readonly digest: bigint;
}

const statNames = Object.keys(PmdStat).filter((name) => name !== "COUNT" && Number.isNaN(Number(name)));

/** Reads an aligned u64. */
export function readU64(memory: SwitchMemory, address: number): number {
  return Number(Atomics.load(memory.u64, address / 8));
}

/** Reads all counters of the PMD whose control block lies at `control`. */
export function readPmdStats(memory: SwitchMemory, control: number): PmdStats {
  const counters = {} as PmdCounters;
  for (const name of statNames) {
    const stat = name as keyof typeof PmdStat;
    counters[stat] = readU64(memory, control + PMD_STATS + PmdStat[stat] * 8);
  }
  const drops: number[] = [];
  for (let reason = 0; reason < DropReason.COUNT; reason++) {
    drops.push(readU64(memory, control + PMD_DROPS + reason * 8));
  }
  const word = (offset: number): number => Atomics.load(memory.u32, (control + offset) / 4);
  return {
    counters,
    drops,
    flows: word(PMD_FLOW_COUNT),
    masks: word(PMD_MASK_COUNT),
    parked: word(PMD_PARKED),
    inFlight: Math.max(0, counters.RX - counters.FORWARDED - counters.DROPPED - counters.CONSUMED),
    freeFrames: word(PMD_FREE_SMALL),
    freeBigFrames: word(PMD_FREE_BIG),
    bypassed: word(PMD_BYPASSED) !== 0,
    digest: Atomics.load(memory.u64, (control + PMD_DIGEST) / 8),
  };
}
