// Groups: buckets of actions of which all, one by hash, the only one or the first live one runs
// (OpenFlow 1.3 section 5.6, with Open vSwitch's selection methods).

import type { OfAction } from "./action.ts";
import type { Field } from "./field.ts";
import type { OfPort } from "./port.ts";

/** Kinds of group. */
export type GroupType = "all" | "select" | "indirect" | "fast_failover";

/** `group` value that means "none". */
export const GROUP_ANY = 0xffffffff;
/** Highest id that a group may have. */
export const GROUP_ID_MAX = 0xffffff00;
/** Highest bucket id; above are reserved ones. */
export const BUCKET_ID_MAX = 0xffffff00;

/** One bucket; statistics change, nothing else. */
export interface Bucket {
  readonly bucketId: number;
  /** Share among a select group's buckets; 0 never selected. */
  readonly weight: number;
  /** The bucket is live while this port is; OFPP_ANY watches none. */
  readonly watchPort: OfPort;
  /** The bucket is live while this group has a live bucket; GROUP_ANY watches none. */
  readonly watchGroup: number;
  /** Run as an action set. */
  readonly actions: readonly OfAction[];
  packets: number;
  bytes: number;
}

/** How a select group chooses. */
export interface GroupSelection {
  /** Empty is Open vSwitch's default: the datapath's hash, symmetric L4. */
  readonly method: "" | "hash" | "dp_hash";
  /** Seed of the hash. */
  readonly param: bigint;
  /** Fields that `hash` hashes, with the mask of each; field order of FIELDS. */
  readonly fields: readonly { readonly field: Field; readonly mask: bigint }[];
}

/** A group that packets went through, with the bucket that was chosen; null where all ran. */
export interface GroupUse {
  readonly group: Group;
  readonly bucket: Bucket | null;
}

/** Counts packets for groups and their buckets; what is used twice counts twice. */
export function creditGroups(uses: readonly GroupUse[], packets: number, bytes: number): void {
  for (const { group, bucket } of uses) {
    for (const one of bucket === null ? [group, ...group.buckets] : [group, bucket]) {
      one.packets += packets;
      one.bytes += bytes;
    }
  }
}

/** A group; statistics change, nothing else. */
export interface Group {
  readonly groupId: number;
  readonly type: GroupType;
  readonly buckets: readonly Bucket[];
  readonly selection: GroupSelection;
  packets: number;
  bytes: number;
}
