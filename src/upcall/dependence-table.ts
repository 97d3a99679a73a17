// What each megaflow of a PMD depends on, in columns by its place in the table of megaflows: the rules that it
// came from, the tables that had none, the address that was looked up, its mask and its key. A change looks
// through 200,000 of them in a few milliseconds, which as many objects in memory would not allow.

import { creditGroups, type GroupUse } from "../openflow/group.ts";
import { MAC_TAG_ANY } from "../xlate/changes.ts";
import type { MaskSet, MegaflowMask } from "../xlate/mask-limit.ts";
import type { TableRule } from "../xlate/table-rule.ts";
import type { KeyStore } from "./key-store.ts";
import { grown, type RulesInUse } from "./rules-in-use.ts";
import { WordLists } from "./word-lists.ts";

const FIRST_SIZE = 4096;
/** In a place's rules: a list's address, instead of one rule's number. */
const LIST = 0x80000000;

/** What a translation depended on: see Translation. */
export interface Dependence {
  readonly rules: readonly TableRule[];
  readonly groups: readonly GroupUse[];
  readonly hasEffects: boolean;
  readonly missedTables: number;
  readonly macTag: number;
}

/** `BUSY`: a reply is on its way that may change what stands here. */
export const PlaceState = { EMPTY: 0, LIVE: 1, BUSY: 2 } as const;

const NO_GROUPS: readonly GroupUse[] = [];

/** See the head of the file. */
export class DependenceTable {
  readonly inUse: RulesInUse;
  readonly keys: KeyStore;
  readonly masks: MaskSet;
  /** By place: one of PlaceState. */
  states = new Uint8Array(FIRST_SIZE);
  /** By place: `missedTables`, `macTag`, the mask's number, the key's number in `keys`. */
  missedTables = new Uint32Array(FIRST_SIZE);
  macTags = new Uint32Array(FIRST_SIZE);
  maskNumbers = new Uint16Array(FIRST_SIZE);
  keyNumbers = new Uint32Array(FIRST_SIZE);
  /** By place: 0 = no rule, a rule's number, or LIST and the address of a list of numbers. */
  #rules = new Uint32Array(FIRST_SIZE);
  readonly #lists = new WordLists();
  /** Groups that a place's packets go through, where there are any. */
  readonly #groups = new Map<number, readonly GroupUse[]>();
  /** Megaflows that looked up a table that had nothing, and those whose address no tag names. */
  missCount = 0;
  anyTagCount = 0;

  constructor(inUse: RulesInUse, keys: KeyStore, masks: MaskSet) {
    this.inUse = inUse;
    this.keys = keys;
    this.masks = masks;
  }

  /** A megaflow takes a place; its state is BUSY. */
  take(place: number, keyNumber: number, mask: MegaflowMask, on: Dependence): void {
    if (place >= this.states.length) this.#grow();
    this.states[place] = PlaceState.BUSY;
    this.keyNumbers[place] = keyNumber;
    this.maskNumbers[place] = mask.number;
    this.#rules[place] = this.#retain(on.rules);
    this.#setGroups(place, on.groups);
    if ((on.missedTables | on.macTag) !== 0) this.#setLookups(place, on.missedTables, on.macTag);
  }

  /** It depends on something else now. */
  change(place: number, on: Dependence): void {
    const before = this.#rules[place] as number;
    this.#rules[place] = this.#retain(on.rules);
    this.#release(before);
    this.#setGroups(place, on.groups);
    this.#setLookups(place, on.missedTables, on.macTag);
  }

  /** It leaves its place. */
  leave(place: number): void {
    this.forgetRules(place);
    this.#groups.delete(place);
    this.states[place] = PlaceState.EMPTY;
    this.#setLookups(place, 0, 0);
  }

  /** Its PMD is no more: no change will touch it any more. */
  forgetRules(place: number): void {
    this.#release(this.#rules[place] as number);
    this.#rules[place] = 0;
  }

  /** The rules that it came from, in order; a new list. */
  rules(place: number): TableRule[] {
    const cell = this.#rules[place] as number;
    if (cell === 0) return [];
    if (cell < LIST) return [this.inUse.at(cell)];
    const address = cell - LIST;
    const rules: TableRule[] = [];
    const count = this.#lists.length(address);
    for (let i = 0; i < count; i++) rules.push(this.inUse.at(this.#lists.at(address, i)));
    return rules;
  }

  /** The groups that its packets go through. */
  groups(place: number): readonly GroupUse[] {
    return this.#groups.get(place) ?? NO_GROUPS;
  }

  /** Counts packets for each of its rules and groups. */
  credit(place: number, packets: number, bytes: number, usedMs: number): void {
    if (this.#groups.size > 0) creditGroups(this.groups(place), packets, bytes);
    const cell = this.#rules[place] as number;
    if (cell === 0) return;
    if (cell < LIST) {
      this.inUse.at(cell).credit(packets, bytes, usedMs);
      return;
    }
    const address = cell - LIST;
    const count = this.#lists.length(address);
    for (let i = 0; i < count; i++) {
      this.inUse.at(this.#lists.at(address, i)).credit(packets, bytes, usedMs);
    }
  }

  /**
   * What its rules say together: the marks, and behind them (from bit 8 up) the flags of the levels; and
   * LEVEL_BELOW, where one of them has at most the priority that `ceilings` has for its table.
   */
  marks(place: number, ceilings: Int32Array): number {
    const cell = this.#rules[place] as number;
    if (cell === 0) return 0;
    if (cell < LIST) return this.#marksOf(cell, ceilings);
    const address = cell - LIST;
    const count = this.#lists.length(address);
    let marks = 0;
    for (let i = 0; i < count; i++) marks |= this.#marksOf(this.#lists.at(address, i), ceilings);
    return marks;
  }

  /** Whether it looked a table up and found nothing, or a rule of at most the priority that `ceilings` has for it. */
  meets(place: number, tableId: number, ceilings: Int32Array): boolean {
    if (((this.missedTables[place] as number) & (1 << (tableId & 31))) !== 0) return true;
    const { levels } = this.inUse;
    return this.someRule(place, (number) => {
      const isOfTable = (((levels[number] as number) >>> 16) & 0xff) === tableId;
      return isOfTable && (this.#marksOf(number, ceilings) & MARK_BELOW) !== 0;
    });
  }

  /** Whether one of its rules, which come as their numbers, passes the test. */
  someRule(place: number, test: (number: number) => boolean): boolean {
    const cell = this.#rules[place] as number;
    if (cell === 0) return false;
    if (cell < LIST) return test(cell);
    const address = cell - LIST;
    const count = this.#lists.length(address);
    for (let i = 0; i < count; i++) if (test(this.#lists.at(address, i))) return true;
    return false;
  }

  #setGroups(place: number, groups: readonly GroupUse[]): void {
    if (groups.length > 0) this.#groups.set(place, groups);
    else if (this.#groups.size > 0) this.#groups.delete(place);
  }

  #setLookups(place: number, missed: number, tag: number): void {
    this.missCount += sign(missed) - sign(this.missedTables[place] as number);
    this.anyTagCount += isAny(tag) - isAny(this.macTags[place] as number);
    this.missedTables[place] = missed;
    this.macTags[place] = tag;
  }

  #marksOf(number: number, ceilings: Int32Array): number {
    const level = this.inUse.levels[number] as number;
    const ceiling = ceilings[(level >>> 16) & 0xff] as number;
    const isBelow = ceiling >= (level & 0xffff) || (ceiling >= 0 && (level & (1 << 24)) !== 0);
    return (this.inUse.marks[number] as number) | ((level >>> 24) << 8) | (isBelow ? MARK_BELOW : 0);
  }

  #retain(rules: readonly TableRule[]): number {
    if (rules.length === 0) return 0;
    if (rules.length === 1) return this.inUse.retain(rules[0] as TableRule);
    const address = this.#lists.add(rules.length);
    const chunk = this.#lists.chunkOf(address);
    const first = this.#lists.firstOf(address);
    for (let i = 0; i < rules.length; i++) chunk[first + i] = this.inUse.retain(rules[i] as TableRule);
    return LIST + address;
  }

  #release(cell: number): void {
    if (cell === 0) return;
    if (cell < LIST) {
      this.inUse.release(cell);
      return;
    }
    const address = cell - LIST;
    const count = this.#lists.length(address);
    for (let i = 0; i < count; i++) this.inUse.release(this.#lists.at(address, i));
    this.#lists.remove(address);
  }

  #grow(): void {
    const size = this.states.length + Math.max(FIRST_SIZE, this.states.length >>> 2);
    this.states = grown(this.states, new Uint8Array(size));
    this.missedTables = grown(this.missedTables, new Uint32Array(size));
    this.macTags = grown(this.macTags, new Uint32Array(size));
    this.maskNumbers = grown(this.maskNumbers, new Uint16Array(size));
    this.keyNumbers = grown(this.keyNumbers, new Uint32Array(size));
    this.#rules = grown(this.#rules, new Uint32Array(size));
  }
}

function sign(word: number): number {
  return word === 0 ? 0 : 1;
}

function isAny(tag: number): number {
  return tag === MAC_TAG_ANY ? 1 : 0;
}

/** In `marks`: see LEVEL_REWRITES, and `marks` itself. */
export const MARK_REWRITES = 1 << 9;
export const MARK_BELOW = 1 << 16;
