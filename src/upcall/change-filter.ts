// Tells which megaflows a change of the bridge can touch, so that the others need no second translation. A
// megaflow is touched by a rule that it came from and that is gone or another one now; by a new rule that
// some packet of it would meet in a table it looked up; by a group, a port or an address that it depends on.

import { KEY_IN_PORT, KEY_RECIRC_ID, KEY_WORD_COUNT } from "../../assembly/layout/flow-key.ts";
import type { OdpPort } from "../odp/action.ts";
import { FLOW_ACTSET_OUTPUT, FLOW_CONJ_ID, FLOW_OF_IN_PORT } from "../openflow/flow-layout.ts";
import type { CompactMatch } from "../openflow/match.ts";
import { type OfPort, odpPortToOf } from "../openflow/port.ts";
import { reachOf } from "../xlate/action-reach.ts";
import type { Bridge } from "../xlate/bridge.ts";
import { type BridgeChanges, MAC_TAG_ANY } from "../xlate/changes.ts";
import type { TableRule } from "../xlate/table-rule.ts";
import { type DependenceTable, MARK_BELOW, MARK_REWRITES, PlaceState } from "./dependence-table.ts";
import { isComparedWhole, OverlapTable } from "./overlap.ts";
import type { RulesInUse } from "./rules-in-use.ts";

const CONJ_ID_WORD = FLOW_CONJ_ID / 4;
const IN_PORT_WORD = FLOW_OF_IN_PORT / 4;
const ACTSET_WORD = FLOW_ACTSET_OUTPUT / 4;

/** Of so many new rules each is compared with a megaflow in full; of more only the words of the key. */
const COMPARED_RULES_MAX = 32;
/** Changes taken in at once. */
const PREPARED_AT_ONCE = 256;
/** Priority of a new rule that lookups see whatever else they found. */
const ANY_PRIORITY = 0xffff;

/** Marks of rules that megaflows came from. */
const CHANGED = 1;
const LOOKED_AT = 2;
const LEADS_THERE = 4;

/** What the columns tell of a megaflow; `PERHAPS` where its rules have to be asked. */
const Touched = { NO: 0, PERHAPS: 1, YES: 2 } as const;

/** Key of the megaflow at hand. */
const key = new Uint32Array(KEY_WORD_COUNT);

/** See the head of the file. */
export class ChangeFilter {
  readonly #changes: BridgeChanges;
  readonly #inUse: RulesInUse;
  /** Rules that are gone or have other actions. */
  readonly #rules = new Set<TableRule>();
  readonly #groups: ReadonlySet<number>;
  /** New rules, and how each is met, as long as they are few. */
  readonly #newRules: NewRule[] = [];
  #newRuleCount = 0;
  readonly #newTables: NewTable[] = [];
  /** Whether the columns alone tell if a megaflow meets a new rule, where no action wrote to its packets. */
  #isPlain = true;
  /** By table: the highest priority of a new rule; -1 = there is none. */
  readonly #ceilings = new Int32Array(256).fill(-1);
  /** `missedTables` of megaflows that a new rule may concern. */
  #missBits = 0;
  readonly #outputs: boolean;
  readonly #preparing: Iterator<void>;
  #prepared = false;
  /** Whether a changed rule is one that megaflows came from. */
  #used = false;

  constructor(bridge: Bridge, changes: BridgeChanges, inUse: RulesInUse) {
    this.#changes = changes;
    this.#inUse = inUse;
    this.#groups = withUsers(bridge, changes.groups);
    this.#outputs = this.#groups.size + changes.ports.size > 0;
    inUse.marks.fill(0);
    inUse.markOf = (rule) => this.#markOf(rule);
    this.#preparing = this.#prepare();
  }

  /** Takes the changes in, some hundreds a call; returns whether it is through, and may be asked. */
  prepare(): boolean {
    this.#prepared ||= this.#preparing.next().done === true;
    return this.#prepared;
  }

  /** Whether a look at the megaflows of a PMD is worth while: most changes of rules concern none of them. */
  mayTouchAny(table: DependenceTable): boolean {
    const { all, macTags, rulesChanged } = this.#changes;
    if (all || this.#used || this.#outputs || macTags.size > 0) return true;
    if (rulesChanged && table.anyTagCount > 0) return true;
    if (this.#newRuleCount === 0) return false;
    return table.missCount > 0 || this.#ceilings.some((most, id) => most >= 0 && this.#inUse.ofTable(id) > 0);
  }

  /** The first place from `from` on with a megaflow that the change may touch; `end` where there is none before. */
  next(table: DependenceTable, from: number, end: number): number {
    const { states } = table;
    for (let place = from; place < end; place++) {
      const state = states[place];
      if (state === PlaceState.BUSY) return place;
      if (state === PlaceState.LIVE && this.#judge(table, place) !== Touched.NO) return place;
    }
    return end;
  }

  /** Whether the answer of the megaflow in that place may be another one now. */
  touches(table: DependenceTable, place: number): boolean {
    const judged = this.#judge(table, place);
    return judged === Touched.YES || (judged === Touched.PERHAPS && this.#meetsNew(table, place));
  }

  #judge(table: DependenceTable, place: number): number {
    if (this.#changes.all) return Touched.YES;
    const tag = table.macTags[place] as number;
    if (tag !== 0 && this.#touchesMac(tag)) return Touched.YES;
    const marks = table.marks(place, this.#ceilings);
    if ((marks & CHANGED) !== 0) return Touched.YES;
    if (this.#outputs && this.#touchesOutput(table, place)) return Touched.YES;
    const missed = (table.missedTables[place] as number) & this.#missBits;
    if (((marks & MARK_BELOW) | missed) === 0) return Touched.NO;
    if ((marks & MARK_REWRITES) !== 0 || wordOf(table, place, KEY_RECIRC_ID) !== 0) return Touched.PERHAPS;
    if (!this.#mayOverlap(table, place)) return Touched.NO;
    return this.#isPlain ? Touched.YES : Touched.PERHAPS;
  }

  #mayOverlap(table: DependenceTable, place: number): boolean {
    const mask = table.masks.at(table.maskNumbers[place] as number);
    const keyNumber = table.keyNumbers[place] as number;
    for (const { tableId, rules } of this.#newTables) {
      const isMet = this.#newTables.length === 1 || table.meets(place, tableId, this.#ceilings);
      if (isMet && rules.has(table.keys, keyNumber, mask)) return true;
    }
    return false;
  }

  /** Whether some packet of the megaflow may match a new rule; all of them where these are too many. */
  #meetsNew(table: DependenceTable, place: number): boolean {
    if (this.#newRuleCount > COMPARED_RULES_MAX) return true;
    const rules = table.rules(place);
    const missed = table.missedTables[place] as number;
    return this.#newRules.some((one) => meets(rules, missed, one) && overlaps(table, place, rules, one));
  }

  #touchesMac(tag: number): boolean {
    const { macTags, rulesChanged } = this.#changes;
    return tag === MAC_TAG_ANY ? rulesChanged || macTags.size > 0 : macTags.has(tag);
  }

  /** Whether it uses a group or port that changed; behind a recirculation nobody knows. */
  #touchesOutput(table: DependenceTable, place: number): boolean {
    if (wordOf(table, place, KEY_RECIRC_ID) !== 0) return true;
    const { ports } = this.#changes;
    if (ports.has(odpPortToOf(wordOf(table, place, KEY_IN_PORT) as OdpPort))) return true;
    return table.someRule(place, (number) => this.#leadsThere(number));
  }

  /** Whether a rule leads to a group or port that changed; worked out once a rule. */
  #leadsThere(number: number): boolean {
    const { marks } = this.#inUse;
    const known = marks[number] as number;
    if ((known & LOOKED_AT) !== 0) return (known & LEADS_THERE) !== 0;
    const leads = this.#reaches(this.#inUse.at(number));
    marks[number] = known | LOOKED_AT | (leads ? LEADS_THERE : 0);
    return leads;
  }

  #reaches({ actions }: TableRule): boolean {
    const reach = reachOf(actions);
    if (this.#groups.size > 0 && intersects(reach.groups, this.#groups)) return true;
    const { ports } = this.#changes;
    return ports.size > 0 && (reach.ports === null || intersects(reach.ports, ports));
  }

  *#prepare(): Generator<void> {
    const { modified, removed, added } = this.#changes;
    let count = 0;
    for (const rule of modified) {
      this.#inUse.changed(rule);
      this.#markChanged(rule);
      if (++count % PREPARED_AT_ONCE === 0) yield;
    }
    for (const { rule } of removed) {
      this.#markChanged(rule);
      if (++count % PREPARED_AT_ONCE === 0) yield;
    }
    for (const rule of added) {
      this.#takeNew(rule);
      if (++count % PREPARED_AT_ONCE === 0) yield;
    }
    for (const rule of this.#rules) {
      if (rule.conjunctions !== null) this.#takeNew(rule);
      if (++count % PREPARED_AT_ONCE === 0) yield;
    }
  }

  /** The mark of a rule that comes into use: by a megaflow that was being changed when the rule was still there. */
  #markOf(rule: TableRule): number {
    if (!this.#rules.has(rule)) return 0;
    this.#used = true;
    return CHANGED;
  }

  #markChanged(rule: TableRule): void {
    this.#rules.add(rule);
    if (rule.useNumber === 0) return;
    this.#inUse.marks[rule.useNumber]! |= CHANGED;
    this.#used = true;
  }

  #takeNew(rule: TableRule): void {
    const { tableId, conjunctions, match } = rule;
    const loose = conjunctions !== null || match.mask.indexes.includes(CONJ_ID_WORD);
    const priority = loose ? ANY_PRIORITY : rule.priority;
    this.#ceilings[tableId] = Math.max(this.#ceilings[tableId] as number, priority);
    this.#missBits |= 1 << (tableId & 31);
    let of = this.#newTables.find((one) => one.tableId === tableId);
    if (of === undefined) {
      of = { tableId, rules: new OverlapTable() };
      this.#newTables.push(of);
    }
    of.rules.add(rule);
    if (++this.#newRuleCount > COMPARED_RULES_MAX) return;
    const { mask, values } = match;
    this.#newRules.push({ tableId, priority, match: { mask, values } });
    const first = this.#newRules[0] as NewRule;
    const isLevel = first.tableId === tableId && first.priority === priority;
    this.#isPlain &&= isLevel && isComparedWhole(mask);
  }
}

/** The new rules of a table. */
interface NewTable {
  readonly tableId: number;
  readonly rules: OverlapTable;
}

/** A new rule, as a lookup meets it. */
interface NewRule {
  readonly tableId: number;
  /** A lookup that found a rule of higher priority does not see it. */
  readonly priority: number;
  /** A copy: a table spreads a rule's match out anew for everybody who asks. */
  readonly match: CompactMatch;
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

/** Whether a megaflow looked the rule's table up and found nothing of a higher priority. */
function meets(found: readonly TableRule[], missed: number, { tableId, priority }: NewRule): boolean {
  if ((missed & (1 << (tableId & 31))) !== 0) return true;
  return found.some(
    (one) =>
      one.tableId === tableId && (one.priority <= priority || one.match.mask.indexes.includes(CONJ_ID_WORD)),
  );
}

/** Whether some packet of the megaflow may match the new rule. */
function overlaps(
  table: DependenceTable,
  place: number,
  rules: readonly TableRule[],
  { match }: NewRule,
): boolean {
  const mask = table.masks.at(table.maskNumbers[place] as number).bits;
  table.keys.read(table.keyNumbers[place] as number, key);
  // Behind a recirculation the actions that went before are not among the rules.
  if (key[KEY_RECIRC_ID >>> 2] !== 0) return true;
  const { values } = match;
  const { indexes, bits } = match.mask;
  const writes = rules.map(({ actions }) => reachOf(actions).writes);
  for (let i = 0; i < indexes.length; i++) {
    const word = indexes[i] as number;
    if (word === CONJ_ID_WORD || word === ACTSET_WORD) continue;
    if (writes.some((written) => written === null || written.has(word))) continue;
    const seen = word < KEY_WORD_COUNT ? (mask[word] as number) : -1;
    if (((startValue(word) ^ (values[i] as number)) & (bits[i] as number) & seen) !== 0) return false;
  }
  return true;
}

/** A word of the flow as the pipeline begins with it: what is only the pipeline's own is 0. */
function startValue(word: number): number {
  if (word < KEY_WORD_COUNT) return key[word] as number;
  return word === IN_PORT_WORD ? odpPortToOf(key[KEY_IN_PORT >>> 2] as OdpPort) : 0;
}

function wordOf(table: DependenceTable, place: number, offset: number): number {
  return table.keys.word(table.keyNumbers[place] as number, offset >>> 2);
}

function intersects<T extends number | OfPort>(a: ReadonlySet<T>, b: ReadonlySet<T>): boolean {
  for (const item of a) if (b.has(item)) return true;
  return false;
}
