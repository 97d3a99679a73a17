// How a select group spreads the datapath's hash over its buckets: a table of slots, filled by
// Webster's method so that every bucket gets its weight's share as nearly as the slots allow.

import type { Bucket, Group } from "../openflow/group.ts";

/** Fewest slots. Open vSwitch takes 16; with 64 the shares are within 1/128 of the weights. */
const SLOTS_MIN = 64;
/** Most slots; a group that needs more is hashed in translation. */
const SLOTS_MAX = 256;

/** Slots of a group and the hash that indexes them. */
export interface DpHashPlan {
  readonly algorithm: "l4" | "symL4";
  readonly basis: number;
  /** A power of two of them. */
  readonly slots: readonly Bucket[];
}

const plans = new WeakMap<Group, { plan: DpHashPlan | null }>();

/** The plan of a group; null when its weights are too far apart, or all zero. */
export function dpHashPlan(group: Group): DpHashPlan | null {
  let entry = plans.get(group);
  if (entry === undefined) {
    entry = { plan: makePlan(group) };
    plans.set(group, entry);
  }
  return entry.plan;
}

function makePlan({ buckets, selection }: Group): DpHashPlan | null {
  const weights = buckets.map((bucket) => bucket.weight).filter((weight) => weight > 0);
  if (weights.length === 0) return null;
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const wanted = Math.ceil(total / Math.min(...weights));
  let count = SLOTS_MIN;
  while (count < wanted) count *= 2;
  if (count > SLOTS_MAX) return null;
  const named = selection.method === "dp_hash";
  return {
    algorithm: named && selection.param >> 32n !== 1n ? "l4" : "symL4",
    basis: named ? Number(selection.param & 0xffffffffn) : 0,
    slots: webster(buckets, count),
  };
}

function webster(buckets: readonly Bucket[], count: number): Bucket[] {
  const states = buckets.map((bucket) => ({ bucket, divisor: 1, value: bucket.weight }));
  const slots: Bucket[] = [];
  for (let i = 0; i < count; i++) {
    const winner = states.reduce((best, state) => (state.value > best.value ? state : best));
    winner.divisor += 2;
    winner.value = winner.bucket.weight / winner.divisor;
    slots.push(winner.bucket);
  }
  return slots;
}
