// The rules that megaflows came from, by number: what a megaflow depends on is then a few words in an array,
// and whether a change can touch it is told without looking at an object.

import { FLOW_CONJ_ID } from "../openflow/flow-layout.ts";
import { mayRewrite } from "../xlate/action-reach.ts";
import type { TableRule } from "../xlate/table-rule.ts";

const CONJ_ID_WORD = FLOW_CONJ_ID / 4;
const FIRST_SIZE = 1024;

/** A level is [flags][table: 8][priority: 16]. */
const LEVEL_TABLE_SHIFT = 16;
/** The rule looks at `conj_id`: what a conjunction's clauses are decides whether it is found. */
const LEVEL_CONJUNCTION = 1 << 24;
/** Its actions may write what a later lookup reads of the packet, its port included. */
const LEVEL_REWRITES = 1 << 25;

/** See the head of the file. One for all PMDs of a switch. */
export class RulesInUse {
  /** By number: the rule's level. */
  levels = new Uint32Array(FIRST_SIZE);
  /** By number: what a change means for the rule, 0 = nothing; the change filter's own. */
  marks = new Uint8Array(FIRST_SIZE);
  /** What the change at hand means for a rule that gets a number meanwhile. */
  markOf: (rule: TableRule) => number = () => 0;
  #uses = new Uint32Array(FIRST_SIZE);
  /** Number 0 is nobody's. */
  readonly #rules: (TableRule | undefined)[] = [undefined];
  readonly #free: number[] = [];
  readonly #ofTable = new Uint32Array(256);

  /** Rules of a table that megaflows came from. */
  ofTable(tableId: number): number {
    return this.#ofTable[tableId] as number;
  }

  /** The rule of a number that is in use. */
  at(number: number): TableRule {
    return this.#rules[number] as TableRule;
  }

  /** One more megaflow came from the rule; returns its number. */
  retain(rule: TableRule): number {
    const number = rule.useNumber === 0 ? this.#number(rule) : rule.useNumber;
    this.#uses[number]!++;
    return number;
  }

  /** One megaflow less came from it. */
  release(number: number): void {
    if (--this.#uses[number]! > 0) return;
    const rule = this.#rules[number] as TableRule;
    rule.useNumber = 0;
    this.#ofTable[rule.tableId]!--;
    this.#rules[number] = undefined;
    this.#free.push(number);
  }

  /** The rule has other actions now. */
  changed(rule: TableRule): void {
    if (rule.useNumber !== 0) this.levels[rule.useNumber] = levelOf(rule);
  }

  #number(rule: TableRule): number {
    const number = this.#free.pop() ?? this.#rules.length;
    if (number === this.levels.length) this.#grow();
    this.#rules[number] = rule;
    this.#ofTable[rule.tableId]!++;
    this.levels[number] = levelOf(rule);
    this.marks[number] = this.markOf(rule);
    rule.useNumber = number;
    return number;
  }

  #grow(): void {
    const size = this.levels.length * 2;
    this.levels = grown(this.levels, new Uint32Array(size));
    this.marks = grown(this.marks, new Uint8Array(size));
    this.#uses = grown(this.#uses, new Uint32Array(size));
  }
}

/** Copies an array into a larger one. */
export function grown<T extends Uint8Array | Uint16Array | Uint32Array>(old: T, into: T): T {
  into.set(old);
  return into;
}

function levelOf(rule: TableRule): number {
  const looksAtConjunction = rule.match.mask.indexes.includes(CONJ_ID_WORD);
  return (
    (mayRewrite(rule.actions) ? LEVEL_REWRITES : 0) |
    (looksAtConjunction ? LEVEL_CONJUNCTION : 0) |
    (rule.tableId << LEVEL_TABLE_SHIFT) |
    rule.priority
  );
}
