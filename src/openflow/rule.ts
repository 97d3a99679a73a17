// A rule: one entry of an OpenFlow table. Its match is kept in compact form and its action list may be
// shared with other rules; the statistics are the only part that changes after it was made.

import type { OfAction } from "./action.ts";
import { type CompactMatch, compactMatch, expandMatch, type Match } from "./match.ts";

/** Flow mod flags, as OpenFlow 1.3+ numbers them (OFPFF_*). */
export const FLOW_SEND_FLOW_REM = 1;
export const FLOW_CHECK_OVERLAP = 2;
export const FLOW_RESET_COUNTS = 4;
export const FLOW_NO_PACKET_COUNTS = 8;
export const FLOW_NO_BYTE_COUNTS = 16;

/** Priority of a rule that does not name one (OpenFlow 1.0 OFP_DEFAULT_PRIORITY). */
export const PRIORITY_DEFAULT = 32768;

/** What a rule is made from. */
export interface RuleSpec {
  readonly tableId: number;
  readonly priority: number;
  readonly match: Match | CompactMatch;
  readonly actions: readonly OfAction[];
  readonly cookie?: bigint;
  readonly idleTimeout?: number;
  readonly hardTimeout?: number;
  readonly importance?: number;
  readonly flags?: number;
}

/** An entry of a table. Times are in milliseconds of the switch's clock; time-outs in seconds. */
export class Rule {
  readonly tableId: number;
  readonly priority: number;
  readonly match: CompactMatch;
  actions: readonly OfAction[];
  cookie: bigint;
  idleTimeout: number;
  hardTimeout: number;
  importance: number;
  /** Union of FLOW_*. */
  flags: number;
  /** Packets and bytes that went through the rule; exact up to 2^53. */
  packets = 0;
  bytes = 0;
  createdMs = 0;
  modifiedMs = 0;
  usedMs = 0;

  constructor(spec: RuleSpec) {
    this.tableId = spec.tableId;
    this.priority = spec.priority;
    this.match = "words" in spec.match ? compactMatch(spec.match) : spec.match;
    this.actions = spec.actions;
    this.cookie = spec.cookie ?? 0n;
    this.idleTimeout = spec.idleTimeout ?? 0;
    this.hardTimeout = spec.hardTimeout ?? 0;
    this.importance = spec.importance ?? 0;
    this.flags = spec.flags ?? 0;
  }

  /** Returns the match in full; a new copy every time. */
  expandedMatch(): Match {
    return expandMatch(this.match);
  }

  /** Counts packets that went through the rule at `nowMs`. */
  credit(packets: number, bytes: number, nowMs: number): void {
    this.packets += packets;
    this.bytes += bytes;
    if (nowMs > this.usedMs) this.usedMs = nowMs;
  }
}
