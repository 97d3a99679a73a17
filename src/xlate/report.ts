// The trace's lines about rules and actions.

import type { OfAction } from "../openflow/action.ts";
import type { Xlate } from "./context.ts";
import type { TableRule } from "./table-rule.ts";
import type { TraceNode } from "./trace-node.ts";

/** Records that a table was looked up, and what was found. */
export function reportRule(x: Xlate, rule: TableRule | null, tableId: number): TraceNode | null {
  if (x.trace === null) return null;
  const table = tableId.toString().padStart(2);
  if (rule === null) return x.report("table", `${table}. No match.`);
  return x.report("table", `${table}. ${describeRule(rule)}`);
}

/** `ip,nw_dst=10.0.0.1, priority 32768, cookie 0x5`. */
export function describeRule(rule: TableRule): string {
  const cookie = rule.cookie === 0n ? "" : `, cookie 0x${rule.cookie.toString(16)}`;
  return `priority ${rule.priority}${cookie}`;
}

/** Records an action that is about to be carried out. */
export function reportAction(x: Xlate, action: OfAction): void {
  x.report("action", action.type);
}

/** The fields that a mask has bits in, for a reader: `rules on eth_type, ip_dst`. */
export function describeMask(mask: Uint32Array): string {
  return `rules on ${mask.reduce((count, word) => count + (word === 0 ? 0 : 1), 0)} words`;
}
