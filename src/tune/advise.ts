// Which sizes to use, and why, in a sentence.

import { formatCount } from "../config/number.ts";
import type { Settings } from "../config/settings.ts";
import type { Cost } from "./cost-model.ts";
import type { HitPrediction } from "./predict-hits.ts";

/** A configuration with what it is predicted to do. */
export interface Candidate {
  readonly hits: HitPrediction;
  readonly cost: Cost;
}

/** What a reason rests on. */
export interface TrafficFacts {
  readonly connections: number;
  /** Share of lookups that are the first of their connection, the traffic seen once. */
  readonly firstShare: number;
  /** Share of lookups of packets that no cache can know: they are not IP. */
  readonly namelessShare: number;
}

/** What to do. */
export interface Advice {
  readonly recommended: Candidate;
  /** With the settings as they are. */
  readonly present: Candidate;
  /** Relative gain in packets a second. */
  readonly gain: number;
  readonly reason: string;
  /** Settings to change; empty = leave everything as it is. */
  readonly changes: Partial<Settings>;
}

/** Predictions nearer than this are not told apart: the smaller caches win. */
const TIE = 0.01;
/** A gain below this is not worth a change. */
const WORTH = 0.005;
/** Share of lookups below which it does not matter what becomes of them. */
const FEW_MISSES = 0.01;

/** Chooses among candidates that differ in sizes alone. */
export function advise(traffic: TrafficFacts, settings: Settings, candidates: readonly Candidate[]): Advice {
  const present = candidates.find(
    ({ hits }) =>
      hits.settings["microflow.entries"] === settings["microflow.entries"] &&
      hits.settings["maskCache.entries"] === settings["maskCache.entries"],
  ) as Candidate;
  const fastest = Math.max(...candidates.map((one) => one.cost.mpps));
  const near = candidates.filter((one) => one.cost.mpps >= fastest * (1 - TIE));
  const best = near.reduce((small, one) => (entriesOf(one) < entriesOf(small) ? one : small));
  const gain = best.cost.mpps / present.cost.mpps - 1;
  const recommended = gain < WORTH ? present : best;
  const changes: Partial<Settings> = {};
  const want = recommended.hits.settings;
  for (const key of ["microflow.entries", "maskCache.entries"] as const)
    if (want[key] !== settings[key]) Object.assign(changes, { [key]: want[key] });
  return {
    recommended,
    present,
    gain: recommended === present ? 0 : gain,
    reason: reasonOf(traffic, present, recommended, fastest),
    changes,
  };
}

function entriesOf({ hits }: Candidate): number {
  return hits.settings["microflow.entries"] + hits.settings["maskCache.entries"];
}

function reasonOf(
  traffic: TrafficFacts,
  present: Candidate,
  recommended: Candidate,
  fastest: number,
): string {
  const { settings } = recommended.hits;
  const entries = settings["microflow.entries"];
  const onceMisses = 1 - recommended.hits.onceMicroflow;
  const firsts = onceMisses === 0 ? 0 : Math.min(1, traffic.firstShare / onceMisses);
  const parts: string[] = [];
  if (entries === 0) {
    parts.push(
      `a microflow cache does not pay: a masked lookup costs ${cycles(recommended.cost.maskCache + recommended.cost.masked)} cycles, and with ${formatCount(traffic.connections)} connections every size costs more than it saves of that`,
    );
  } else {
    parts.push(
      `${formatCount(entries)} microflow entries answer ${percent(recommended.hits.microflow)} of the lookups of ${formatCount(traffic.connections)} connections`,
    );
  }
  if (settings["maskCache.entries"] === 0 && present.hits.settings["maskCache.entries"] > 0) {
    parts.push(uselessMaskCache(present, recommended));
  } else if (settings["maskCache.entries"] > present.hits.settings["maskCache.entries"]) {
    parts.push(
      `the mask cache then answers ${percent(recommended.hits.maskCache / Math.max(1e-9, 1 - recommended.hits.microflow))} of what is left`,
    );
  }
  if (traffic.namelessShare > FEW_MISSES)
    parts.push(`${percent(traffic.namelessShare)} are of packets that are not IP, which no cache can know`);
  if (onceMisses > 0.01 && firsts > 0.5)
    parts.push(`${percent(firsts)} of the misses of one pass are first packets, which no size can help`);
  if (recommended === present) {
    const left = fastest / present.cost.mpps - 1;
    parts.push(
      left <= 0.001
        ? "no other size is faster"
        : `the best other size would gain ${percent(left)}, less than a change is worth`,
    );
  }
  return `${parts.join("; ")}.`;
}

/** Why a mask cache is not worth its memory. */
function uselessMaskCache(present: Candidate, recommended: Candidate): string {
  if (!present.hits.asksMaskCache) return "with a single mask there is nothing that a mask cache could tell";
  if (recommended.hits.microflow > 1 - FEW_MISSES) return "too few miss for a mask cache to matter";
  return "the mask cache costs a miss more than it saves";
}

function cycles(value: number): string {
  return value.toFixed(0);
}

function percent(share: number): string {
  return `${(share * 100).toFixed(share > 0.995 || share < 0.1 ? 1 : 0)} %`;
}
