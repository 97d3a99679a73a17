// A rule as a table of a bridge holds it: with its place in the table's classifier, which also keeps the
// values it matches, so that they are not there twice.

import type { CompactMatch, SharedMask } from "../openflow/match.ts";
import { Rule, type RuleSpec } from "../openflow/rule.ts";
import type { ClassifiedRule } from "./classifier/classifier.ts";
import type { Conjunction } from "./classifier/conjunction.ts";
import type { Subtable } from "./classifier/subtable.ts";

/** A rule of a bridge. */
export class TableRule extends Rule implements ClassifiedRule {
  conjunctions: readonly Conjunction[] | null;
  subtable: Subtable<ClassifiedRule> | null = null;
  slot = -1;
  /** Its number among the rules that megaflows came from; 0 where none did. */
  useNumber = 0;
  /** The rule that took this one's place and its counters: what is counted late is counted there. */
  heir: TableRule | null = null;

  constructor(spec: RuleSpec) {
    super(spec);
    this.conjunctions = conjunctionsOf(spec);
  }

  override credit(packets: number, bytes: number, nowMs: number): void {
    if (this.heir !== null) this.heir.credit(packets, bytes, nowMs);
    else super.credit(packets, bytes, nowMs);
  }

  /** The rule was put into its table: from now on its match is read from there. */
  placed(): void {
    replaceMatch(this, new PlacedMatch(this));
  }

  leaving(): void {
    const { mask, values } = this.match;
    replaceMatch(this, { mask, values });
  }
}

function replaceMatch(rule: { match: CompactMatch }, match: CompactMatch): void {
  rule.match = match;
}

/** A match that lies in a classifier. */
class PlacedMatch implements CompactMatch {
  readonly #rule: TableRule;

  constructor(rule: TableRule) {
    this.#rule = rule;
  }

  get mask(): SharedMask {
    return this.#place().shared;
  }

  get values(): readonly number[] {
    return this.#place().valuesAt(this.#rule.slot);
  }

  #place(): Subtable<ClassifiedRule> {
    const { subtable } = this.#rule;
    if (subtable === null) throw new RangeError("the rule is not in a table any more");
    return subtable;
  }
}

/** The conjunctions that a rule's actions make it a clause of; null when it is an ordinary rule. */
export function conjunctionsOf({ actions }: Pick<RuleSpec, "actions">): readonly Conjunction[] | null {
  let found: Conjunction[] | null = null;
  for (const action of actions) {
    if (action.type !== "conjunction") continue;
    found ??= [];
    found.push({ id: action.id, clause: action.clause, clauses: action.clauseCount });
  }
  return found;
}
