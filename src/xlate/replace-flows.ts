// From the rules that a bridge has to those of a file with as little change as possible, as `ovs-ofctl
// replace-flows`: rules that stay the same keep their counters, and nobody sees half of the change.

import type { FlowMod } from "../openflow/flow-mod.ts";
import { GROUP_ANY } from "../openflow/group.ts";
import type { CompactMatch } from "../openflow/match.ts";
import { OFPP_ANY } from "../openflow/port.ts";
import type { Bridge } from "./bridge.ts";
import type { TableRule } from "./table-rule.ts";

/** The changes that lead to the rules wanted, and where each came from. */
export interface Replacement {
  readonly mods: FlowMod[];
  /** For each of `mods`: its index among the rules wanted; -1 for one that takes a rule out. */
  readonly origins: number[];
  /** Rules that are there already as they are wanted. */
  readonly unchanged: number;
}

/** Works out what has to be done so that a bridge has just the rules of `wanted`, which are all to be added. */
export function planReplacement(bridge: Bridge, wanted: readonly FlowMod[]): Replacement {
  const last = new Map<string, number>();
  for (let i = 0; i < wanted.length; i++) last.set(keyOf(wanted[i] as FlowMod), i);
  const kept = new Set<TableRule>();
  const adds: number[] = [];
  let unchanged = 0;
  for (const i of last.values()) {
    const mod = wanted[i] as FlowMod;
    const there = bridge.tables[tableOf(mod)]?.findExact(mod.match, mod.priority, bridge.version) ?? null;
    if (there !== null) kept.add(there);
    if (there !== null && isSame(there, mod)) unchanged++;
    else adds.push(i);
  }
  const mods: FlowMod[] = [];
  bridge.forEachRule((rule) => {
    if (!kept.has(rule)) mods.push(deletionOf(rule));
  });
  const origins: number[] = mods.map(() => -1);
  for (const i of adds) {
    mods.push(wanted[i] as FlowMod);
    origins.push(i);
  }
  return { mods, origins, unchanged };
}

function tableOf({ tableId }: FlowMod): number {
  return tableId === 255 ? 0 : tableId;
}

/** Equal for flows that cannot both be in a table. */
function keyOf(mod: FlowMod): string {
  return `${tableOf(mod)}/${mod.priority}/${maskNumber(mod.match)}/${mod.match.values.join()}`;
}

const maskNumbers = new WeakMap<object, number>();
let masks = 0;

/** A number for each mask; equal masks are the same object. */
function maskNumber({ mask }: CompactMatch): number {
  let number = maskNumbers.get(mask);
  if (number === undefined) {
    number = ++masks;
    maskNumbers.set(mask, number);
  }
  return number;
}

/** Whether adding the flow would change nothing but counters. */
function isSame(rule: TableRule, mod: FlowMod): boolean {
  return (
    rule.cookie === (mod.newCookie ?? 0n) &&
    rule.idleTimeout === mod.idleTimeout &&
    rule.hardTimeout === mod.hardTimeout &&
    rule.importance === mod.importance &&
    rule.flags === mod.flags &&
    (rule.actions === mod.actions || textOf(rule.actions) === textOf(mod.actions))
  );
}

function textOf(actions: unknown): string {
  return JSON.stringify(actions, (_name, value: unknown) =>
    typeof value === "bigint" ? `${value}n` : value,
  );
}

function deletionOf({ tableId, priority, match }: TableRule): FlowMod {
  return {
    command: "delete_strict",
    tableId,
    priority,
    match: { mask: match.mask, values: match.values },
    actions: [],
    newCookie: undefined,
    cookie: 0n,
    cookieMask: 0n,
    idleTimeout: 0,
    hardTimeout: 0,
    importance: 0,
    flags: 0,
    outPort: OFPP_ANY,
    outGroup: GROUP_ANY,
  };
}
