// A flow mod: what a line of flow syntax asks of the flow tables.

import type { OfAction } from "./action.ts";
import type { CompactMatch } from "./match.ts";
import type { OfPort } from "./port.ts";
import { Rule } from "./rule.ts";

/** What to do with the rules that a flow mod names. */
export type FlowModCommand = "add" | "modify" | "modify_strict" | "delete" | "delete_strict";

/** One change to the flow tables. */
export interface FlowMod {
  readonly command: FlowModCommand;
  /** 255: none named; table 0 when adding, every table otherwise. */
  readonly tableId: number;
  readonly priority: number;
  readonly match: CompactMatch;
  readonly actions: readonly OfAction[];
  /** Cookie to give; undefined leaves that of a modified rule. */
  readonly newCookie: bigint | undefined;
  /** Rules to modify or delete have this cookie in the bits of `cookieMask`. */
  readonly cookie: bigint;
  readonly cookieMask: bigint;
  readonly idleTimeout: number;
  readonly hardTimeout: number;
  readonly importance: number;
  /** Union of FLOW_*. */
  readonly flags: number;
  /** Rules to delete output to this port; OFPP_ANY for any. */
  readonly outPort: OfPort;
  /** Rules to delete output to this group; GROUP_ANY for any. */
  readonly outGroup: number;
}

/** Returns the rule that an `add` adds, or that a `modify` adds where there is none. */
export function ruleOfFlowMod(mod: FlowMod): Rule {
  return new Rule({
    tableId: mod.tableId === 255 ? 0 : mod.tableId,
    priority: mod.priority,
    match: mod.match,
    actions: mod.actions,
    cookie: mod.newCookie ?? 0n,
    idleTimeout: mod.idleTimeout,
    hardTimeout: mod.hardTimeout,
    importance: mod.importance,
    flags: mod.flags,
  });
}
