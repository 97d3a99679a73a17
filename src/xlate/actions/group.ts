// Groups: all and indirect run every bucket on a packet of its own, fast failover the first live one,
// select the one that a hash of the packet chooses.

import { KEY_DP_HASH } from "../../../assembly/layout/flow-key.ts";
import { DropReason } from "../../../assembly/layout/stat.ts";
import { formatPort } from "../../openflow/format-value.ts";
import { type Bucket, GROUP_ANY, type Group } from "../../openflow/group.ts";
import { OFPP_ANY } from "../../openflow/port.ts";
import { actionSetToList } from "../action-set.ts";
import type { Bridge } from "../bridge.ts";
import type { Xlate } from "../context.ts";
import { finishFreezing, triggerFreeze, triggerFreezeWithHash } from "../freeze.ts";
import { dpHashPlan } from "../select-plan.ts";
import { hashFields, hashFieldValues } from "./hash-fields.ts";
import { checkLimits } from "./resubmit.ts";

/** `group:ID`; returns whether the list of actions ends here, because there is no such group. */
export function groupAction(x: Xlate, groupId: number, last: boolean): boolean {
  if (!checkLimits(x)) return false;
  const group = x.env.bridge.groups.get(groupId);
  if (group === undefined) {
    x.dropHint = DropReason.GROUP;
    x.report("warn", `output to nonexistent group ${groupId}`);
    return true;
  }
  if (group.type === "all" || group.type === "indirect") {
    for (const bucket of group.buckets) runBucket(x, bucket, last && bucket === group.buckets.at(-1));
    x.groups.push({ group, bucket: null });
    return false;
  }
  const bucket = group.type === "select" ? selectBucket(x, group) : firstLive(x, group);
  if (bucket === null) {
    if (!x.freezing) x.dropHint = DropReason.GROUP;
    x.report("detail", "no live bucket");
    return false;
  }
  x.report("detail", `using bucket ${bucket.bucketId}`);
  runBucket(x, bucket, last);
  x.groups.push({ group, bucket });
  return false;
}

/** Runs a bucket as an action set; what it does to the packet ends with it. */
function runBucket(x: Xlate, bucket: Bucket, last: boolean): void {
  const outer = x.enter(x.report("bucket", `bucket ${bucket.bucketId}`));
  const saved = x.state.save();
  const { wasMpls } = x;
  x.depth++;
  x.run(x, actionSetToList(bucket.actions), last, true);
  x.depth--;
  if (x.freezing) finishFreezing(x);
  x.state.restore(saved);
  x.wasMpls = wasMpls;
  x.exit = false;
  if (x.error === DropReason.MPLS_DEPTH) x.error = DropReason.NONE;
  x.trace = outer;
}

function selectBucket(x: Xlate, group: Group): Bucket | null {
  if (x.wasMpls) {
    triggerFreeze(x);
    return null;
  }
  const { selection } = group;
  if (selection.method === "hash" && selection.fields.length > 0) {
    return bestLive(
      x.env.bridge,
      group,
      hashFieldValues(x, selection.fields, Number(selection.param & 0xffffffffn)),
    );
  }
  const plan = selection.method === "hash" ? null : dpHashPlan(group);
  if (plan === null) return bestLive(x.env.bridge, group, hashFields(x, "symmetric_l4", 0));
  const hash = x.state.flow[DP_HASH_WORD] as number;
  if (hash === 0) {
    triggerFreezeWithHash(x, plan.algorithm, plan.basis);
    return null;
  }
  const { slots } = plan;
  const mask = slots.length - 1;
  x.state.lookBits(DP_HASH_WORD, mask);
  for (let i = 0; i <= mask; i++) {
    const bucket = slots[(hash + i) & mask] as Bucket;
    if (isBucketLive(x.env.bridge, group, bucket)) return bucket;
  }
  return null;
}

/** Links that a chain of watched groups may have (Open vSwitch's MAX_LIVENESS_RECURSION). */
const LIVENESS_DEPTH_MAX = 128;
/** Word of dp_hash in a flow. */
const DP_HASH_WORD = KEY_DP_HASH >>> 2;

function firstLive(x: Xlate, group: Group): Bucket | null {
  for (const bucket of group.buckets) {
    if (isBucketLive(x.env.bridge, group, bucket)) return bucket;
    reportNotLive(x, bucket);
  }
  return null;
}

function reportNotLive(x: Xlate, { bucketId, watchPort, watchGroup }: Bucket): void {
  const watched: string[] = [];
  if (watchPort !== OFPP_ANY) watched.push(`port ${formatPort(watchPort)}`);
  if (watchGroup !== GROUP_ANY) watched.push(`port ${watchGroup}`);
  x.report("detail", `bucket ${bucketId}: not live due to ${watched.join(" and ")}`);
}

/** Whether a bucket may be chosen: it has a weight, and watches nothing or something that is live. */
function isBucketLive(bridge: Bridge, group: Group, bucket: Bucket, depth = 0): boolean {
  if (depth >= LIVENESS_DEPTH_MAX) return false;
  if (group.type === "select" && bucket.weight === 0) return false;
  if (bucket.watchPort === OFPP_ANY && bucket.watchGroup === GROUP_ANY) return true;
  if (bucket.watchPort !== OFPP_ANY && bridge.ports.get(bucket.watchPort)?.live === true) return true;
  const watched = bucket.watchGroup === GROUP_ANY ? undefined : bridge.groups.get(bucket.watchGroup);
  return watched?.buckets.some((other) => isBucketLive(bridge, watched, other, depth + 1)) ?? false;
}

/**
 * The live bucket that wins for this hash: each draws a number, and the highest `ln(u) / weight` wins,
 * which gives every bucket its weight's share and moves no more connections than it must when one
 * comes or goes (weighted rendezvous hashing).
 */
function bestLive(bridge: Bridge, group: Group, hash: number): Bucket | null {
  let best: Bucket | null = null;
  let bestScore = Number.NEGATIVE_INFINITY;
  for (const bucket of group.buckets) {
    if (!isBucketLive(bridge, group, bucket)) continue;
    const draw = (scramble(hash, bucket.bucketId) + 0.5) / 4294967296;
    const score = Math.log(draw) / bucket.weight;
    if (best === null || score > bestScore) {
      best = bucket;
      bestScore = score;
    }
  }
  return best;
}

function scramble(hash: number, salt: number): number {
  let h = Math.imul(hash ^ Math.imul(salt + 1, 0x9e3779b1), 0x85ebca6b);
  h ^= h >>> 13;
  h = Math.imul(h, 0xc2b2ae35);
  h ^= h >>> 16;
  h = Math.imul(h, 0x27d4eb2f);
  return (h ^ (h >>> 15)) >>> 0;
}
