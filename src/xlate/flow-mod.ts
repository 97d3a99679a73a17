// Changing a bridge's tables as OpenFlow says (OpenFlow 1.3 section 6.4): add, modify and delete, strict
// or not, one at a time or as a bundle that appears at once or not at all.

import { MegaflowError } from "../errors.ts";
import type { LearnAction, OfAction } from "../openflow/action.ts";
import { type FlowMod, ruleOfFlowMod } from "../openflow/flow-mod.ts";
import { GROUP_ANY } from "../openflow/group.ts";
import { expandMatch } from "../openflow/match.ts";
import { OFPP_ANY, type OfPort } from "../openflow/port.ts";
import { FLOW_CHECK_OVERLAP, FLOW_RESET_COUNTS } from "../openflow/rule.ts";
import type { Bridge } from "./bridge.ts";
import type { RuleRemovalReason } from "./changes.ts";
import { conjunctionsOf, TableRule } from "./table-rule.ts";

/** `tableId` of a modify or delete that means every table. */
const TABLE_ALL = 255;

/** How changes are made. */
export interface FlowModOptions {
  /** A modify that finds nothing adds, as in OpenFlow 1.0; default true. */
  readonly modifyAdds?: boolean;
  /** Says where a change came from, for errors: `file:line`. */
  readonly where?: (index: number) => string;
}

/** What a change did. */
export interface FlowModResult {
  readonly added: TableRule[];
  /** Rules whose actions, cookie or flags changed; the rule is the same object. */
  readonly modified: TableRule[];
  /** Rules that are gone, replaced ones included. */
  readonly removed: TableRule[];
  /** Those of `removed` that a rule with the same match and priority took the place of. */
  readonly replaced: TableRule[];
}

/** Adding a rule with FLOW_CHECK_OVERLAP met a rule of the same priority that overlaps. */
export class FlowOverlapError extends MegaflowError {
  constructor(message: string) {
    super("FLOW_OVERLAP", message);
  }
}

/** Applies changes in order; all of them appear to lookups at once. When one fails, none is made. */
export function applyFlowMods(
  bridge: Bridge,
  mods: readonly FlowMod[],
  nowMs: number,
  options: FlowModOptions = {},
): FlowModResult {
  const bundle = new Bundle(bridge, nowMs, options);
  let index = 0;
  try {
    for (; index < mods.length; index++) bundle.apply(mods[index] as FlowMod);
  } catch (error) {
    bundle.revert();
    if (!(error instanceof FlowOverlapError) || options.where === undefined) throw error;
    throw new FlowOverlapError(`${options.where(index)}: ${error.message}`);
  }
  return bundle.commit();
}

/**
 * Takes rules out, for instance those whose time is over, and what they learned if they said so. Returns
 * all that are gone.
 */
export function removeRules(
  bridge: Bridge,
  rules: Iterable<TableRule>,
  reason: RuleRemovalReason = "delete",
): TableRule[] {
  const removed: TableRule[] = [];
  for (const rule of rules) {
    if (rule.subtable === null) continue;
    bridge.tables[rule.tableId]?.remove(rule);
    bridge.timed.delete(rule);
    bridge.changes.removed.push({ rule, reason });
    removed.push(rule);
  }
  bridge.version++;
  removed.push(...removeLearned(bridge, removed.flatMap(deletingLearns)));
  return removed;
}

/**
 * Takes out what actions that are gone learned with `delete_learned`, once no rule is left that learns under the
 * same cookie into the same table.
 */
function removeLearned(bridge: Bridge, gone: readonly LearnAction[]): TableRule[] {
  const learned: TableRule[] = [];
  for (const { tableId, cookie } of gone) {
    let kept = false;
    bridge.forEachRule((rule) => {
      kept ||= deletingLearns(rule).some((learn) => learn.tableId === tableId && learn.cookie === cookie);
    });
    if (kept) continue;
    bridge.forEachRule((rule) => rule.cookie === cookie && learned.push(rule), undefined, tableId);
  }
  return learned.length === 0 ? [] : removeRules(bridge, learned);
}

function deletingLearns({ actions }: TableRule): LearnAction[] {
  return actions.filter((action): action is LearnAction => action.type === "learn" && action.deleteLearned);
}

interface Rewrite {
  readonly rule: TableRule;
  readonly mod: FlowMod;
}

/** Changes that are prepared in the version after the bridge's current one. */
class Bundle {
  readonly #bridge: Bridge;
  readonly #nowMs: number;
  readonly #modifyAdds: boolean;
  readonly #version: number;
  readonly #added = new Set<TableRule>();
  readonly #removed = new Set<TableRule>();
  /** What took the place of a rule. */
  readonly #successors = new Map<TableRule, TableRule>();
  readonly #rewrites: Rewrite[] = [];
  /** Rules that go on counting where another one left off. */
  readonly #heirs: [old: TableRule, rule: TableRule][] = [];

  constructor(bridge: Bridge, nowMs: number, options: FlowModOptions) {
    this.#bridge = bridge;
    this.#modifyAdds = options.modifyAdds ?? true;
    this.#nowMs = nowMs;
    this.#version = bridge.version + 1;
  }

  apply(mod: FlowMod): void {
    switch (mod.command) {
      case "add":
        this.#add(mod);
        break;
      case "modify":
      case "modify_strict":
        this.#modify(mod);
        break;
      case "delete":
      case "delete_strict":
        for (const rule of this.#select(mod)) this.#remove(rule);
        break;
    }
  }

  commit(): FlowModResult {
    const { changes, timed } = this.#bridge;
    for (const rule of this.#removed) {
      this.#bridge.tables[rule.tableId]?.remove(rule);
      timed.delete(rule);
      if (this.#added.has(rule)) continue;
      changes.removed.push({ rule, reason: this.#isReplaced(rule) ? "replaced" : "delete" });
    }
    const learns = [...this.#removed].flatMap(deletingLearns);
    const modified = this.#rewrite(learns);
    for (const [old, rule] of this.#heirs) if (this.#isReplaced(old)) old.heir = rule;
    this.#bridge.version = this.#version;
    const removed = [...this.#removed].filter((rule) => !this.#added.has(rule));
    const replaced = removed.filter((rule) => this.#isReplaced(rule));
    removed.push(...removeLearned(this.#bridge, learns));
    const added = [...this.#added].filter((rule) => !this.#removed.has(rule));
    for (const rule of added) {
      changes.added.add(rule);
      if (rule.idleTimeout + rule.hardTimeout > 0) timed.add(rule);
    }
    return { added, modified: [...modified], removed, replaced };
  }

  /** Whether a rule with its match and priority is there at the end. */
  #isReplaced(rule: TableRule): boolean {
    let next = this.#successors.get(rule);
    while (next !== undefined && this.#removed.has(next)) next = this.#successors.get(next);
    return next !== undefined;
  }

  /** Gives rules their other actions; returns those that were there before. The `learns` that they lose are added. */
  #rewrite(learns: LearnAction[]): Set<TableRule> {
    const { changes } = this.#bridge;
    // What packets have counted until now is not to come back after a counter went to 0.
    if (this.#rewrites.some(({ mod }) => (mod.flags & FLOW_RESET_COUNTS) !== 0)) this.#bridge.creditRules();
    const modified = new Set<TableRule>();
    for (const { rule, mod } of this.#rewrites) {
      const wasClause = rule.conjunctions !== null;
      learns.push(...deletingLearns(rule));
      rewrite(rule, mod, this.#nowMs);
      if (this.#added.has(rule) || this.#removed.has(rule)) continue;
      modified.add(rule);
      changes.modified.add(rule);
      // What the clauses of a conjunction decide does not show in the rules that packets went through.
      if (wasClause || rule.conjunctions !== null) changes.added.add(rule);
    }
    return modified;
  }

  revert(): void {
    for (const rule of this.#added) this.#bridge.tables[rule.tableId]?.remove(rule);
    for (const rule of this.#removed) {
      if (!this.#added.has(rule)) this.#bridge.tables[rule.tableId]?.unhide(rule);
    }
  }

  #add(mod: FlowMod): void {
    const spec = ruleOfFlowMod(mod);
    const { priority, flags } = spec;
    const table = this.#bridge.table(spec.tableId);
    const { match } = mod;
    if ((flags & FLOW_CHECK_OVERLAP) !== 0 && table.findOverlap(match, priority, this.#version) !== null) {
      throw new FlowOverlapError(
        `table ${spec.tableId} has a rule of priority ${priority} that overlaps the one to add`,
      );
    }
    const rule = new TableRule(spec);
    rule.createdMs = this.#nowMs;
    rule.modifiedMs = this.#nowMs;
    rule.usedMs = this.#nowMs;
    const old = table.findExact(match, spec.priority, this.#version);
    if (old !== null) {
      this.#remove(old);
      this.#successors.set(old, rule);
      if ((flags & FLOW_RESET_COUNTS) === 0) {
        rule.credit(old.packets, old.bytes, old.usedMs);
        this.#heirs.push([old, rule]);
      }
    }
    table.insert(rule, match, this.#version);
    rule.placed();
    this.#added.add(rule);
  }

  #modify(mod: FlowMod): void {
    const rules = this.#select(mod);
    for (const rule of rules) this.#rewrites.push({ rule, mod });
    if (rules.length === 0 && this.#modifyAdds && mod.cookieMask === 0n) this.#add(mod);
  }

  #remove(rule: TableRule): void {
    this.#bridge.table(rule.tableId).hide(rule, this.#version);
    this.#removed.add(rule);
  }

  /** The rules that a modify or delete means, as the bundle has left them so far. */
  #select(mod: FlowMod): TableRule[] {
    const strict = mod.command === "modify_strict" || mod.command === "delete_strict";
    const match = strict ? undefined : expandMatch(mod.match);
    const found: TableRule[] = [];
    this.#bridge.tables.forEach((table, id) => {
      if (table === undefined || (mod.tableId !== TABLE_ALL && mod.tableId !== id)) return;
      if (strict) {
        const rule = table.findExact(mod.match, mod.priority, this.#version);
        if (rule !== null && isMeant(rule, mod)) found.push(rule);
      } else {
        table.forEach(this.#version, (rule) => isMeant(rule, mod) && found.push(rule), match);
      }
    });
    return found;
  }
}

/** Whether a rule passes a modify's or delete's filters on cookie, port and group. */
function isMeant(rule: TableRule, mod: FlowMod): boolean {
  if (((rule.cookie ^ mod.cookie) & mod.cookieMask) !== 0n) return false;
  const { outPort, outGroup } = mod;
  if (outPort !== OFPP_ANY && !usesPort(rule.actions, outPort)) return false;
  return outGroup === GROUP_ANY || usesGroup(rule.actions, outGroup);
}

/** Whether a list of actions outputs to a port, directly. */
function usesPort(actions: readonly OfAction[], port: OfPort): boolean {
  return actions.some((action) => {
    switch (action.type) {
      case "output":
      case "outputTrunc":
      case "enqueue":
        return action.port === port;
      case "writeActions":
      case "clone":
        return usesPort(action.actions, port);
      default:
        return false;
    }
  });
}

/** Whether a list of actions uses a group. */
export function usesGroup(actions: readonly OfAction[], groupId: number): boolean {
  return actions.some((action) => {
    if (action.type === "group") return action.groupId === groupId;
    const nested = action.type === "writeActions" || action.type === "clone";
    return nested && usesGroup(action.actions, groupId);
  });
}

function rewrite(rule: TableRule, mod: FlowMod, nowMs: number): void {
  rule.actions = mod.actions;
  rule.conjunctions = conjunctionsOf(mod);
  if (mod.newCookie !== undefined) rule.cookie = mod.newCookie;
  rule.modifiedMs = nowMs;
  if ((mod.flags & FLOW_RESET_COUNTS) !== 0) {
    rule.packets = 0;
    rule.bytes = 0;
  }
}
