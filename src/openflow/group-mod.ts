// A group mod: what a line of group syntax asks of the group table.

import type { Bucket, GroupSelection, GroupType } from "./group.ts";

/** What to do with a group. */
export type GroupModCommand = "add" | "modify" | "add_or_mod" | "delete" | "insert_bucket" | "remove_bucket";

/** `groupId` of a mod that means every group. */
export const GROUP_ALL = 0xfffffffc;

/** Bucket that a bucket command works at, when it is not a bucket's id. */
export const BUCKET_FIRST = 0xfffffffd;
export const BUCKET_LAST = 0xfffffffe;
export const BUCKET_ALL = 0xffffffff;

/** A bucket as it is asked for; `bucketId` BUCKET_ALL leaves the id to the switch. */
export type BucketSpec = Omit<Bucket, "packets" | "bytes">;

/** One change to the group table. */
export interface GroupMod {
  readonly command: GroupModCommand;
  readonly groupId: number;
  readonly type: GroupType;
  readonly selection: GroupSelection;
  readonly buckets: readonly BucketSpec[];
  /** Where insert_bucket puts its buckets, or which ones remove_bucket removes. */
  readonly commandBucketId: number;
}
