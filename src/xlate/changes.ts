// What has changed on a bridge since somebody last looked: rules, groups, ports, learned addresses. Whoever
// keeps cached answers true takes this and looks again only at the answers that it can touch.

import type { OfPort } from "../openflow/port.ts";
import type { TableRule } from "./table-rule.ts";

/** Why a rule is gone (OpenFlow's OFPRR_*). `replaced`: another one of the same match took its place. */
export type RuleRemovalReason = "idle timeout" | "hard timeout" | "delete" | "group delete" | "replaced";

/** A rule that is gone. */
export interface RuleRemoval {
  readonly rule: TableRule;
  readonly reason: RuleRemovalReason;
}

/** Stands for a lookup of an address that no tag names: any change may touch it. */
export const MAC_TAG_ANY = 0xffffffff;

/** Changes of a bridge; see the head of the file. */
export class BridgeChanges {
  /** Rules that are new. */
  readonly added = new Set<TableRule>();
  /** Rules whose actions are others now. */
  readonly modified = new Set<TableRule>();
  readonly removed: RuleRemoval[] = [];
  readonly groups = new Set<number>();
  readonly ports = new Set<OfPort>();
  /** Tags (`macTag`) of addresses that moved, came or went. */
  readonly macTags = new Set<number>();
  /** Something that no finer word names: every answer may be another one. */
  all = false;

  /** Whether nothing has changed. */
  get empty(): boolean {
    return this.macTags.size === 0 && this.onlyMacs;
  }

  /** Whether nothing but learned addresses has changed. */
  get onlyMacs(): boolean {
    return !this.all && !this.rulesChanged && this.groups.size + this.ports.size === 0;
  }

  get rulesChanged(): boolean {
    return this.added.size + this.modified.size + this.removed.length > 0;
  }
}

/** A number from 1 to 2^32 - 2 that an address in a VLAN has; seldom two have the same. */
export function macTag(mac: bigint, vlan: number): number {
  let hash = Math.imul(Number(mac & 0xffffffn) ^ 0x9e3779b9, 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13) ^ Number(mac >> 24n), 0xc2b2ae35);
  hash = Math.imul(hash ^ (hash >>> 16) ^ vlan, 0x27d4eb2f);
  hash = (hash ^ (hash >>> 15)) >>> 0;
  return hash === 0 || hash === MAC_TAG_ANY ? 1 : hash;
}
