// A rule as a table of a bridge holds it: with its place in the table's classifier.

import { Rule, type RuleSpec } from "../openflow/rule.ts";
import type { ClassifiedRule } from "./classifier/classifier.ts";
import type { Conjunction } from "./classifier/conjunction.ts";
import type { Subtable } from "./classifier/subtable.ts";

/** A rule of a bridge. */
export class TableRule extends Rule implements ClassifiedRule {
  conjunctions: readonly Conjunction[] | null;
  subtable: Subtable<ClassifiedRule> | null = null;
  slot = -1;

  constructor(spec: RuleSpec) {
    super(spec);
    this.conjunctions = conjunctionsOf(spec);
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
