// Tells which megaflows a change of the bridge can touch, so that the others need no second translation. A
// megaflow is touched by a rule that it went through and that is gone or another one now; by a new rule that
// some packet of it would meet in a table it looked up; by a group, a port or an address that it depends on.

import { KEY_IN_PORT, KEY_RECIRC_ID, KEY_WORD_COUNT } from "../../assembly/layout/flow-key.ts";
import type { OdpPort } from "../odp/action.ts";
import { FLOW_ACTSET_OUTPUT, FLOW_CONJ_ID, FLOW_OF_IN_PORT } from "../openflow/flow-layout.ts";
import { type OfPort, odpPortToOf } from "../openflow/port.ts";
import { reachOf } from "../xlate/action-reach.ts";
import type { Bridge } from "../xlate/bridge.ts";
import { type BridgeChanges, MAC_TAG_ANY } from "../xlate/changes.ts";
import type { TableRule } from "../xlate/table-rule.ts";
import type { Ukey } from "./ukey.ts";

const CONJ_ID_WORD = FLOW_CONJ_ID / 4;
const IN_PORT_WORD = FLOW_OF_IN_PORT / 4;
const ACTSET_WORD = FLOW_ACTSET_OUTPUT / 4;

/** From so many new rules on only tables and priorities are compared: a scan stays short. */
const COMPARED_RULES_MAX = 32;

/** What the filter reads of a megaflow. */
export type FilteredUkey = Pick<Ukey, "keyInto" | "mask" | "rules" | "someRule" | "missedTables" | "macTag">;

/** Key of the megaflow at hand. */
const key = new Uint32Array(KEY_WORD_COUNT);

/** New rules of a table, as a lookup that has found something meets them. */
interface TablePart {
  readonly tableId: number;
  /** A lookup that found a rule of higher priority does not see it; Infinity where conjunctions may. */
  readonly priority: number;
  /** Bit of the table among those that had nothing. */
  readonly missBit: number;
  /** Whether a lookup that found this rule may see the new one. */
  readonly yields: (found: TableRule) => boolean;
}

/** A new rule, as a lookup meets it. */
interface NewRule extends TablePart {
  readonly indexes: readonly number[];
  readonly bits: readonly number[];
  readonly values: readonly number[];
}

/** See the head of the file. */
export class ChangeFilter {
  readonly #changes: BridgeChanges;
  /** Rules that are gone or have other actions. */
  readonly #rules = new Set<TableRule>();
  readonly #groups: ReadonlySet<number>;
  readonly #newRules: NewRule[];
  /** Set instead of `#newRules` when they are too many: the highest priority of a new rule, by table. */
  readonly #newParts: TablePart[] | null = null;
  readonly #isChanged = (rule: TableRule): boolean => this.#rules.has(rule);

  constructor(bridge: Bridge, changes: BridgeChanges) {
    this.#changes = changes;
    for (const rule of changes.modified) this.#rules.add(rule);
    for (const { rule } of changes.removed) this.#rules.add(rule);
    this.#groups = withUsers(bridge, changes.groups);
    const clauses = [...this.#rules].filter((rule) => rule.conjunctions !== null);
    this.#newRules = [...changes.added, ...clauses].map(newRule);
    if (this.#newRules.length <= COMPARED_RULES_MAX) return;
    const priorities = new Map<number, number>();
    for (const { tableId, priority } of this.#newRules) {
      priorities.set(tableId, Math.max(priority, priorities.get(tableId) ?? -1));
    }
    this.#newParts = [...priorities].map(([tableId, priority]) => tablePart(tableId, priority));
  }

  /** Whether the megaflow's answer may be another one now. */
  touches(ukey: FilteredUkey): boolean {
    const changes = this.#changes;
    if (changes.all) return true;
    if (ukey.macTag !== 0 && this.#touchesMac(ukey.macTag)) return true;
    if (this.#rules.size > 0 && ukey.someRule(this.#isChanged)) return true;
    if (this.#newParts !== null) {
      for (const part of this.#newParts) if (meets(ukey, part)) return true;
    } else {
      for (const rule of this.#newRules) if (sees(ukey, rule)) return true;
    }
    return this.#groups.size + changes.ports.size > 0 && this.#touchesOutput(ukey);
  }

  #touchesMac(tag: number): boolean {
    const { macTags, rulesChanged } = this.#changes;
    return tag === MAC_TAG_ANY ? rulesChanged || macTags.size > 0 : macTags.has(tag);
  }

  /** Whether it uses a group or port that changed; behind a recirculation nobody knows. */
  #touchesOutput(ukey: FilteredUkey): boolean {
    ukey.keyInto(key);
    if (key[KEY_RECIRC_ID >>> 2] !== 0) return true;
    const { ports } = this.#changes;
    if (ports.has(odpPortToOf(key[KEY_IN_PORT >>> 2] as OdpPort))) return true;
    return ukey.rules.some(({ actions }) => {
      const reach = reachOf(actions);
      if (this.#groups.size > 0 && intersects(reach.groups, this.#groups)) return true;
      return ports.size > 0 && (reach.ports === null || intersects(reach.ports, ports));
    });
  }
}

/** Groups that changed, and those that lead to them. */
function withUsers(bridge: Bridge, changed: ReadonlySet<number>): ReadonlySet<number> {
  const found = new Set(changed);
  if (found.size === 0) return found;
  for (let before = -1; before !== found.size; ) {
    before = found.size;
    for (const { groupId, buckets } of bridge.groups.values()) {
      const leads = buckets.some(
        ({ actions, watchGroup }) => found.has(watchGroup) || intersects(reachOf(actions).groups, found),
      );
      if (leads) found.add(groupId);
    }
  }
  return found;
}

function newRule(rule: TableRule): NewRule {
  const { tableId, conjunctions, match } = rule;
  const { indexes, bits } = match.mask;
  const loose = conjunctions !== null || indexes.includes(CONJ_ID_WORD);
  const priority = loose ? Number.POSITIVE_INFINITY : rule.priority;
  return { ...tablePart(tableId, priority), indexes, bits, values: match.values };
}

function tablePart(tableId: number, priority: number): TablePart {
  const yields = (found: TableRule): boolean =>
    found.tableId === tableId &&
    (found.priority <= priority || found.match.mask.indexes.includes(CONJ_ID_WORD));
  return { tableId, priority, missBit: 1 << (tableId & 31), yields };
}

/** Whether the megaflow looked a table up and found nothing of a higher priority. */
function meets(ukey: FilteredUkey, { missBit, yields }: TablePart): boolean {
  return (ukey.missedTables & missBit) !== 0 || ukey.someRule(yields);
}

/** Whether some packet of the megaflow may match the new rule where it looks its table up. */
function sees(ukey: FilteredUkey, rule: NewRule): boolean {
  return meets(ukey, rule) && overlaps(ukey, rule);
}

function overlaps(ukey: FilteredUkey, { indexes, bits, values }: NewRule): boolean {
  const { mask } = ukey;
  ukey.keyInto(key);
  // Behind a recirculation the actions that went before are not among the rules.
  if (key[KEY_RECIRC_ID >>> 2] !== 0) return true;
  const writes = ukey.rules.map(({ actions }) => reachOf(actions).writes);
  for (let i = 0; i < indexes.length; i++) {
    const word = indexes[i] as number;
    if (word === CONJ_ID_WORD || word === ACTSET_WORD) continue;
    if (writes.some((written) => written === null || written.has(word))) continue;
    const value = values[i] as number;
    const bit = bits[i] as number;
    if (((startValue(word) ^ value) & bit & (word < KEY_WORD_COUNT ? (mask[word] as number) : -1)) !== 0) {
      return false;
    }
  }
  return true;
}

/** A word of the flow as the pipeline begins with it: what is only the pipeline's own is 0. */
function startValue(word: number): number {
  if (word < KEY_WORD_COUNT) return key[word] as number;
  return word === IN_PORT_WORD ? odpPortToOf(key[KEY_IN_PORT >>> 2] as OdpPort) : 0;
}

function intersects<T extends number | OfPort>(a: ReadonlySet<T>, b: ReadonlySet<T>): boolean {
  for (const item of a) if (b.has(item)) return true;
  return false;
}
