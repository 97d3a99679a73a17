// The plain twin of the classifier: every rule in one list, matched one after the other.

import { FLOW_CONJ_ID } from "../../src/openflow/flow-layout.ts";
import type { Match } from "../../src/openflow/match.ts";
import type { ClassifiedRule } from "../../src/xlate/classifier/classifier.ts";

export interface OracleRule extends ClassifiedRule {
  readonly name: string;
  readonly match: Match;
}

export function matches({ words, mask }: Match, flow: Uint32Array): boolean {
  return words.every((word, i) => (((flow[i] as number) ^ word) & (mask[i] as number)) === 0);
}

/**
 * Priority of the best match, and the rules that may win at it. Among clauses of conjunctions the id
 * that wins is free to choose, and clauses hide behind identical rules of higher priority.
 */
export function linearLookup(rules: readonly OracleRule[], flow: Uint32Array): Set<string> {
  const hits = rules.filter((rule) => matches(rule.match, flow));
  const priorities = [...new Set(hits.map((rule) => rule.priority))].sort((a, b) => b - a);
  for (const priority of priorities) {
    const level = hits.filter((rule) => rule.priority === priority);
    const winners = new Set(level.filter((r) => r.conjunctions === null).map((r) => r.name));
    if (winners.size > 0) return winners;
    for (const id of new Set(level.flatMap((r) => (r.conjunctions ?? []).map((c) => c.id)))) {
      const clauses = level.flatMap((r) => (r.conjunctions ?? []).filter((c) => c.id === id));
      const needed = clauses[0]?.clauses ?? 0;
      if (new Set(clauses.map((c) => c.clause)).size < needed) continue;
      const changed = flow.slice();
      changed[FLOW_CONJ_ID / 4] = id;
      const plain = rules.filter(
        (rule) => rule.conjunctions === null && matches(rule.match, changed) && !hiddenByClause(rule, rules),
      );
      const top = Math.max(...plain.map((rule) => rule.priority));
      for (const rule of plain) if (rule.priority === top) winners.add(rule.name);
    }
    if (winners.size > 0) return winners;
  }
  return new Set();
}

/** Whether a clause of higher priority has the same match: it hides the rule, as in Open vSwitch. */
function hiddenByClause(rule: OracleRule, rules: readonly OracleRule[]): boolean {
  return rules.some(
    (other) =>
      other.conjunctions !== null &&
      other.priority > rule.priority &&
      other.match.mask.every((word, i) => word === rule.match.mask[i]) &&
      other.match.words.every((word, i) => word === rule.match.words[i]),
  );
}
