// Changing a bridge's groups as OpenFlow says (OpenFlow 1.5 section 7.3.4.2), all of a list or none.

import { MegaflowError } from "../errors.ts";
import type { Bucket, Group } from "../openflow/group.ts";
import {
  BUCKET_ALL,
  BUCKET_FIRST,
  BUCKET_LAST,
  type BucketSpec,
  GROUP_ALL,
  type GroupMod,
} from "../openflow/group-mod.ts";
import type { Bridge } from "./bridge.ts";
import { removeRules, usesGroup } from "./flow-mod.ts";
import type { TableRule } from "./table-rule.ts";

/** Applies changes in order; when one fails, none is made. Throws MegaflowError `GROUP_MOD`. */
export function applyGroupMods(bridge: Bridge, mods: readonly GroupMod[]): void {
  const groups = new Map(bridge.groups);
  for (const mod of mods) applyOne(groups, mod);
  const deleted = [...bridge.groups.keys()].filter((id) => !groups.has(id));
  bridge.groups.clear();
  for (const [id, group] of groups) bridge.groups.set(id, group);
  for (const mod of mods) {
    const ids = mod.groupId === GROUP_ALL ? deleted : [mod.groupId];
    for (const id of ids) bridge.changes.groups.add(id);
  }
  removeUsers(bridge, deleted);
}

/** Takes out the rules that use deleted groups (OpenFlow 1.3 section 6.4, "Group Modification"). */
function removeUsers(bridge: Bridge, deleted: readonly number[]): void {
  if (deleted.length === 0) return;
  const users: TableRule[] = [];
  bridge.forEachRule((rule) => {
    if (deleted.some((id) => usesGroup(rule.actions, id))) users.push(rule);
  });
  removeRules(bridge, users, "group delete");
}

/** Applies one change; the same errors. */
export function applyGroupMod(bridge: Bridge, mod: GroupMod): void {
  applyGroupMods(bridge, [mod]);
}

function applyOne(groups: Map<number, Group>, mod: GroupMod): void {
  const old = groups.get(mod.groupId);
  switch (mod.command) {
    case "add":
      if (old !== undefined) throw refusal(mod, "is there already");
      groups.set(mod.groupId, made(mod));
      return;
    case "add_or_mod":
      groups.set(mod.groupId, made(mod));
      return;
    case "modify":
      if (old === undefined) throw refusal(mod, "does not exist");
      groups.set(mod.groupId, made(mod));
      return;
    case "delete":
      if (mod.groupId === GROUP_ALL) groups.clear();
      else groups.delete(mod.groupId);
      return;
    default:
      if (old === undefined) throw refusal(mod, "does not exist");
      // As in Open vSwitch, the buckets that stay count on, and the group begins anew.
      groups.set(mod.groupId, { ...old, buckets: changedBuckets(old, mod), packets: 0, bytes: 0 });
  }
}

function made(mod: GroupMod): Group {
  return {
    groupId: mod.groupId,
    type: mod.type,
    selection: mod.selection,
    buckets: numbered([], mod.buckets),
    packets: 0,
    bytes: 0,
  };
}

function changedBuckets(old: Group, mod: GroupMod): Bucket[] {
  const buckets = [...old.buckets];
  const at = mod.commandBucketId;
  if (mod.command === "remove_bucket") {
    if (at === BUCKET_ALL) return [];
    if (at === BUCKET_FIRST) return buckets.slice(1);
    if (at === BUCKET_LAST) return buckets.slice(0, -1);
    const index = place(buckets, mod);
    return buckets.filter((_, i) => i !== index);
  }
  const added = numbered(buckets, mod.buckets);
  if (at === BUCKET_FIRST) return [...added, ...buckets];
  if (at === BUCKET_LAST) return [...buckets, ...added];
  buckets.splice(place(buckets, mod) + 1, 0, ...added);
  return buckets;
}

function place(buckets: readonly Bucket[], mod: GroupMod): number {
  const index = buckets.findIndex((bucket) => bucket.bucketId === mod.commandBucketId);
  if (index < 0) throw refusal(mod, `has no bucket ${mod.commandBucketId}`);
  return index;
}

/** Gives buckets that ask for it the next free number, and all of them their counters. */
function numbered(present: readonly Bucket[], specs: readonly BucketSpec[]): Bucket[] {
  const taken = new Set([...present, ...specs].map((bucket) => bucket.bucketId));
  let next = 0;
  return specs.map((spec) => {
    let { bucketId } = spec;
    if (bucketId === BUCKET_ALL) {
      while (taken.has(next)) next++;
      bucketId = next;
      taken.add(next);
    }
    return { ...spec, bucketId, packets: 0, bytes: 0 };
  });
}

function refusal(mod: GroupMod, why: string): MegaflowError {
  return new MegaflowError("GROUP_MOD", `${mod.command} group ${mod.groupId}: it ${why}`);
}
