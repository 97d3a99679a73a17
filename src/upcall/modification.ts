// What an installed megaflow is to become: the answer and what it depends on, out of a new translation.

import type { Translation } from "../xlate/translation.ts";
import type { Answer } from "./answers.ts";
import type { Dependence } from "./dependence-table.ts";

/** What a live megaflow becomes. A class: a change of rules makes tens of thousands of them. */
export class Modification implements Dependence {
  readonly answer: Answer;
  readonly rules: Dependence["rules"];
  readonly groups: Dependence["groups"];
  readonly hasEffects: boolean;
  readonly missedTables: number;
  readonly macTag: number;
  /** Block of program memory, as PmdCapacity counts it. */
  block: number;

  constructor(answer: Answer, translation: Translation, block: number) {
    this.answer = answer;
    this.rules = translation.rules;
    this.groups = translation.groups;
    this.hasEffects = translation.effects.length > 0;
    this.missedTables = translation.missedTables;
    this.macTag = translation.macTag;
    this.block = block;
  }
}

/** What an installed megaflow keeps of its translation besides the answer. */
export function dependenceOf({ rules, groups, effects, missedTables, macTag }: Translation): Dependence {
  return { rules, groups, hasEffects: effects.length > 0, missedTables, macTag };
}
