// learn: makes a rule out of the packet. Translation only works the rule out; whoever receives the
// translation installs it.

import type { LearnAction, LearnSpec, OfAction } from "../../openflow/action.ts";
import { subfieldGet, subfieldMask } from "../../openflow/field-value.ts";
import { matchCreate, matchRequire, matchSetSubfield } from "../../openflow/match.ts";
import {
  OFPP_ALL,
  OFPP_FLOOD,
  OFPP_IN_PORT,
  OFPP_LOCAL,
  OFPP_MAX,
  type OfPort,
} from "../../openflow/port.ts";
import { FLOW_SEND_FLOW_REM, type RuleSpec } from "../../openflow/rule.ts";
import { MAC_TAG_ANY } from "../changes.ts";
import type { Xlate } from "../context.ts";
import { writeSubfield } from "./set-field.ts";

/** Ports besides ordinary ones that a learned rule may output to. */
const RESERVED_OUTPUTS: ReadonlySet<number> = new Set([OFPP_IN_PORT, OFPP_FLOOD, OFPP_LOCAL, OFPP_ALL]);

/** `learn(...)`. */
export function learn(x: Xlate, action: LearnAction): void {
  for (const { src } of action.specs) if (src !== undefined) subfieldMask(x.state.settled, src);
  x.explainer?.note("fields that learn reads");
  const rule = learnedRule(x, action);
  const { limit } = action;
  if (limit !== 0) x.macTag = MAC_TAG_ANY;
  const success = limit === 0 || x.env.bridge.mayLearn(rule, limit);
  if (success) {
    const { finIdleTimeout, finHardTimeout, deleteLearned } = action;
    x.effects.push({ kind: "learn", rule, limit, finIdleTimeout, finHardTimeout, deleteLearned });
  } else {
    x.report("detail", "Limit exceeded, learn failed");
  }
  if (action.resultDst !== undefined) writeSubfield(x, action.resultDst, success ? 1n : 0n);
}

function learnedRule(x: Xlate, action: LearnAction): RuleSpec {
  const match = matchCreate();
  const actions: OfAction[] = [];
  if (action.finIdleTimeout !== 0 || action.finHardTimeout !== 0) {
    actions.push({
      type: "finTimeout",
      idleTimeout: action.finIdleTimeout,
      hardTimeout: action.finHardTimeout,
    });
  }
  for (const spec of action.specs) {
    const value = spec.src === undefined ? (spec.immediate ?? 0n) : subfieldGet(x.state.flow, spec.src);
    const { dst } = spec;
    if (spec.kind === "output") {
      const port = outputPortOf(value);
      if (port !== null) actions.push({ type: "output", port, maxLen: 0 });
    } else if (dst !== undefined) {
      const shifted = value << BigInt(dst.offset);
      const mask = bitsOf(spec) << BigInt(dst.offset);
      if (spec.kind === "match") {
        matchSetSubfield(match, dst, value);
        matchRequire(match, dst.field);
      } else actions.push({ type: "setField", field: dst.field, value: shifted & mask, mask, load: true });
    }
  }
  return {
    tableId: action.tableId,
    priority: action.priority,
    match,
    actions,
    cookie: action.cookie,
    idleTimeout: action.idleTimeout,
    hardTimeout: action.hardTimeout,
    flags: action.sendFlowRem ? FLOW_SEND_FLOW_REM : 0,
  };
}

function bitsOf({ width }: LearnSpec): bigint {
  return (1n << BigInt(width)) - 1n;
}

/** A 16-bit port number as OpenFlow 1.0 writes it, where a rule may output to it. */
function outputPortOf(value: bigint): OfPort | null {
  if (value > 0xffffn) return null;
  const short = Number(value);
  const port = short >= 0xff00 ? (0xffff0000 | short) >>> 0 : short;
  return port < OFPP_MAX || RESERVED_OUTPUTS.has(port) ? (port as OfPort) : null;
}
