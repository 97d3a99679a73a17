// What the revalidator counts, and how it tells: plain objects for commands, pages and metrics.

import type { RuleRemovalReason } from "../xlate/changes.ts";
import { Histogram, type HistogramReport } from "./histogram.ts";
import type { SliceReport } from "./slice-watch.ts";

/** Why a megaflow was taken out of a PMD. */
export type MegaflowRemovalReason = "idle" | "flowLimit" | "changed" | "flush";

/** Counters; see RevalidatorStats for what they mean. */
export class RevalidatorCounters {
  examined = 0;
  retranslated = 0;
  changed = 0;
  rounds = 0;
  sweeps = 0;
  evictions = 0;
  effectsRefreshed = 0;
  readonly removed: Record<MegaflowRemovalReason, number> = { idle: 0, flowLimit: 0, changed: 0, flush: 0 };
  readonly rulesRemoved: Record<RuleRemovalReason, number> = {
    "idle timeout": 0,
    "hard timeout": 0,
    delete: 0,
    "group delete": 0,
    replaced: 0,
  };
  readonly dumpUs = new Histogram();
  readonly roundUs = new Histogram();
  readonly settleUs = new Histogram();
  readonly ageMs = new Histogram();
}

/** What the revalidator has done and how things stand. Counts are since the start. */
export interface RevalidatorStats {
  /** Megaflows of all PMDs, those on their way included. */
  readonly megaflows: number;
  /** Most megaflows a PMD may have now, and what decides that. */
  readonly flowLimit: number;
  readonly flowLimitReason: string;
  /** A megaflow without packets goes after this. */
  readonly maxIdleMs: number;
  /** Whether a change is being carried over to the megaflows. */
  readonly revalidating: boolean;
  /** Misses answered without a megaflow because there were as many as the limit allows. */
  readonly refused: number;
  /** Megaflows that linear memory had no room for. */
  readonly noMemory: number;
  /** Rounds after changes, megaflows that they looked at, that they translated again, and that do something else since. */
  readonly rounds: number;
  readonly examined: number;
  readonly retranslated: number;
  readonly changed: number;
  /** Passes that read every megaflow's statistics, and passes that made room at the limit. */
  readonly sweeps: number;
  readonly evictions: number;
  /** Megaflows whose packets had effects, applied anew. */
  readonly effectsRefreshed: number;
  /** Megaflows removed, by reason. */
  readonly removed: Readonly<Record<MegaflowRemovalReason, number>>;
  /** Rules removed, by reason. */
  readonly rulesRemoved: Readonly<Record<RuleRemovalReason, number>>;
  /** Work of a sweep; work of a round; from a change to the last PMD's word that it is done; one slice of work. */
  readonly dumpUs: HistogramReport;
  readonly roundUs: HistogramReport;
  readonly settleUs: HistogramReport;
  readonly sliceUs: HistogramReport;
  /** What the thread ran in slices; without those of a machine that does not tell. */
  readonly sliceRanUs: HistogramReport;
  /** The slice that was longest by the clock, and the one in which the thread ran longest; null before any. */
  readonly longestSlice: SliceReport | null;
  readonly busiestSlice: SliceReport | null;
  /** Ages of megaflows in milliseconds when they went idle or made room. */
  readonly ageMs: HistogramReport;
}
