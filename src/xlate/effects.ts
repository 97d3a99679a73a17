// Applies what translated packets caused: learned addresses, learned rules, shortened time-outs.

import type { FlowMod } from "../openflow/flow-mod.ts";
import { GROUP_ANY } from "../openflow/group.ts";
import { OFPP_ANY } from "../openflow/port.ts";
import { Rule, type RuleSpec } from "../openflow/rule.ts";
import type { Bridge } from "./bridge.ts";
import { applyFlowMods } from "./flow-mod.ts";
import type { SideEffect } from "./translation.ts";

/** Applies effects in order at `nowMs`; returns whether answers given before may be stale now. */
export function applyEffects(bridge: Bridge, effects: readonly SideEffect[], nowMs: number): boolean {
  let changed = false;
  for (const effect of effects) if (applyEffect(bridge, effect, nowMs)) changed = true;
  return changed;
}

/** Applies one effect; returns whether it changed what packets do. */
export function applyEffect(bridge: Bridge, effect: SideEffect, nowMs: number): boolean {
  switch (effect.kind) {
    case "mac":
      return bridge.macs.learn(effect.mac, effect.vlan, effect.port, nowMs);
    case "learn":
      return learnRule(bridge, effect, nowMs);
    case "finTimeout":
      shorten(bridge, effect);
      return false;
  }
}

function learnRule(bridge: Bridge, effect: Extract<SideEffect, { kind: "learn" }>, nowMs: number): boolean {
  const { rule } = effect;
  if (effect.limit > 0 && !bridge.mayLearn(rule, effect.limit)) return false;
  const wanted = new Rule(rule);
  const there = bridge.tables[rule.tableId]?.findExact(wanted.match, rule.priority, bridge.version) ?? null;
  if (there !== null && sameRule(there, wanted)) {
    there.modifiedMs = Math.max(there.modifiedMs, nowMs);
    return false;
  }
  applyFlowMods(bridge, [flowModOf(rule)], nowMs);
  return true;
}

/** Whether learning the rule again changes nothing but when it was learned. */
function sameRule(there: Rule, wanted: Rule): boolean {
  return (
    there.cookie === wanted.cookie &&
    there.idleTimeout === wanted.idleTimeout &&
    there.hardTimeout === wanted.hardTimeout &&
    sameActions(there.actions, wanted.actions)
  );
}

function sameActions(a: unknown, b: unknown): boolean {
  const text = (value: unknown): string =>
    JSON.stringify(value, (_key, part: unknown) => (typeof part === "bigint" ? `${part}n` : part));
  return text(a) === text(b);
}

function flowModOf(spec: RuleSpec): FlowMod {
  const rule = new Rule(spec);
  return {
    command: "add",
    tableId: rule.tableId,
    priority: rule.priority,
    match: rule.match,
    actions: rule.actions,
    newCookie: rule.cookie,
    cookie: 0n,
    cookieMask: 0n,
    idleTimeout: rule.idleTimeout,
    hardTimeout: rule.hardTimeout,
    importance: rule.importance,
    flags: rule.flags,
    outPort: OFPP_ANY,
    outGroup: GROUP_ANY,
  };
}

function shorten(bridge: Bridge, effect: Extract<SideEffect, { kind: "finTimeout" }>): void {
  const { rule, idleTimeout, hardTimeout, closing } = effect;
  if (!closing || rule.subtable === null) return;
  if (idleTimeout > 0) rule.idleTimeout = reduced(rule.idleTimeout, idleTimeout);
  if (hardTimeout > 0) rule.hardTimeout = reduced(rule.hardTimeout, hardTimeout);
  if (rule.idleTimeout + rule.hardTimeout > 0) bridge.timed.add(rule);
}

/** The smaller of two time-outs, of which 0 is none. */
function reduced(present: number, limit: number): number {
  return present === 0 ? limit : Math.min(present, limit);
}
