// Looking the packet up in a table and carrying out the rule that is found: resubmit, goto_table and
// output to TABLE.

import { KEY_NW_FRAG, NW_FRAG_ANY } from "../../../assembly/layout/flow-key.ts";
import { DropReason } from "../../../assembly/layout/stat.ts";
import { getU8 } from "../../odp/flow-key.ts";
import { TABLE_CURRENT } from "../../openflow/action.ts";
import { FLOW_OF_IN_PORT } from "../../openflow/flow-layout.ts";
import { OFPP_IN_PORT, type OfPort } from "../../openflow/port.ts";
import type { LookupObserver } from "../classifier/classifier.ts";
import { PORTS_WORD } from "../classifier/flow-segments.ts";
import { ACTIONS_MAX, DEPTH_MAX, RESUBMITS_MAX, STACK_BYTES_MAX, type Xlate } from "../context.ts";
import { triggerFreeze } from "../freeze.ts";
import { describeMask, reportRule } from "../report.ts";
import type { TableRule } from "../table-rule.ts";

const IN_PORT_WORD = FLOW_OF_IN_PORT >>> 2;

/** `resubmit(port,table)`. */
export function resubmit(x: Xlate, inPort: OfPort, tableId: number, last: boolean): void {
  const port = inPort === OFPP_IN_PORT ? x.inPort : inPort;
  lookUpTable(x, port, tableId === TABLE_CURRENT ? x.tableId : tableId, last);
}

/** Looks the packet up in a table, as if it had come from `inPort`, and carries out what is found. */
export function lookUpTable(x: Xlate, inPort: OfPort, tableId: number, last: boolean): void {
  if (x.wasMpls) {
    triggerFreeze(x);
    return;
  }
  if (!checkLimits(x)) return;
  const from = x.tableId;
  x.tableId = tableId;
  const rule = findRule(x, inPort, tableId);
  const outer = x.enter(reportRule(x, rule, tableId));
  x.resubmits++;
  if (rule === null) {
    x.dropHint = DropReason.NO_RULE;
    x.report("action", "drop");
  } else {
    runRule(x, rule, tableId <= from ? 1 : 0, last);
  }
  x.trace = outer;
  x.tableId = from;
}

/** The lookup that begins a translation: no resubmit, and no action list around it. */
export function lookUpFirstTable(x: Xlate, tableId: number): void {
  x.tableId = tableId;
  const rule = findRule(x, x.inPort, tableId);
  // The action set's steps are told below this rule's, so the trace stays inside it.
  x.enter(reportRule(x, rule, tableId));
  if (rule === null) {
    x.dropHint = DropReason.NO_RULE;
    x.report("action", "drop");
  } else {
    // The action set is carried out in this rule's name, wherever it was written.
    x.rule = rule;
    x.ruleCookie = rule.cookie;
    runRule(x, rule, 0, true);
  }
}

function runRule(x: Xlate, rule: TableRule, deepens: 0 | 1, last: boolean): void {
  const { rule: oldRule, ruleCookie } = x;
  x.depth += deepens;
  x.rule = rule;
  x.ruleCookie = rule.cookie;
  x.rules.push(rule);
  x.run(x, rule.actions, last, false);
  x.depth -= deepens;
  x.rule = oldRule;
  x.ruleCookie = ruleCookie;
}

/** Whether another table may be looked up; ends the translation otherwise. */
export function checkLimits(x: Xlate): boolean {
  if (x.depth >= DEPTH_MAX) {
    x.fail(DropReason.RESUBMIT_DEPTH, `over max translation depth ${DEPTH_MAX}`);
  } else if (x.resubmits >= RESUBMITS_MAX) {
    x.fail(DropReason.RESUBMIT_LIMIT, `over ${RESUBMITS_MAX} resubmit actions`);
  } else if (x.out.length > ACTIONS_MAX) {
    x.report("error", "resubmits yielded over 64 kB of actions");
    x.exit = true;
  } else if (x.stackBytes >= STACK_BYTES_MAX) {
    x.fail(DropReason.STACK_LIMIT, "resubmits yielded over 64 kB of stack");
  } else {
    return true;
  }
  return false;
}

/**
 * The rule of a table for the packet. Fragments, the first included, match as if they had no transport
 * ports (frags=normal); that they are fragments is in every mask, so the ports need not be.
 */
function findRule(x: Xlate, inPort: OfPort, tableId: number): TableRule | null {
  const table = x.env.bridge.tables[tableId];
  if (table === undefined) {
    noteMiss(x, tableId);
    return null;
  }
  const { flow, settled } = x.state;
  const ownPort = flow[IN_PORT_WORD] as number;
  flow[IN_PORT_WORD] = inPort;
  const fragment = (getU8(flow, KEY_NW_FRAG) & NW_FRAG_ANY) !== 0;
  const ports = flow[PORTS_WORD] as number;
  const settledPorts = settled[PORTS_WORD] as number;
  if (fragment) flow[PORTS_WORD] = 0;
  const rule = table.lookup(flow, x.env.bridge.version, settled, observerOf(x, tableId));
  if (fragment) {
    flow[PORTS_WORD] = ports;
    settled[PORTS_WORD] = settledPorts;
  }
  flow[IN_PORT_WORD] = ownPort;
  if (rule === null) noteMiss(x, tableId);
  return rule;
}

function noteMiss(x: Xlate, tableId: number): void {
  x.missedTables = (x.missedTables | (1 << (tableId & 31))) >>> 0;
}

function observerOf(x: Xlate, tableId: number): LookupObserver | undefined {
  const { explainer } = x;
  if (explainer === null) return undefined;
  return {
    visited: (subtable, how) =>
      explainer.note(`table ${tableId}: ${how} among rules on ${describeMask(subtable.mask)}`),
  };
}
