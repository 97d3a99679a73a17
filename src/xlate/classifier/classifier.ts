// Tuple space search: finds the rule of highest priority that matches a flow, and says which bits of
// the flow it had to look at.
//
// Rules are grouped into subtables by mask; subtables are visited by falling priority. The wildcards
// follow Open vSwitch's lib/classifier.h: priority sorting, staged lookup, prefix tries and port tries
// each leave bits out that cannot change the answer. False 0-bits would misroute packets; false
// 1-bits only cost megaflows.

import { swap32 } from "../../odp/flow-key.ts";
import { FLOW_CONJ_ID } from "../../openflow/flow-layout.ts";
import { type CompactMatch, expandMatch, type Match, type SharedMask } from "../../openflow/match.ts";
import { type Conjunction, completeConjunctions } from "./conjunction.ts";
import { hasPrefixField, PORTS_WORD, PREFIX_FIELDS } from "./flow-segments.ts";
import { CLASSIFIER_DEFAULTS, type ClassifierOptions } from "./options.ts";
import { PrefixTrie } from "./prefix-trie.ts";
import { Subtable, spreadOut } from "./subtable.ts";
import { covers, fold, hasPrefixBits, setPrefixBits } from "./wildcards.ts";

const CONJ_ID_WORD = FLOW_CONJ_ID / 4;

/** What a classifier needs to know of a rule; the rule keeps its place in the classifier. */
export interface ClassifiedRule {
  readonly priority: number;
  /** The conjunctions the rule is a clause of; null for an ordinary rule. */
  readonly conjunctions: readonly Conjunction[] | null;
  /** Where the rule is; owned by the classifier. */
  subtable: Subtable<ClassifiedRule> | null;
  slot: number;
  /** Called while the rule is still in the classifier, right before it is taken out. */
  leaving?(): void;
}

/** Told what every visited subtable contributed to the mask; used by trace. */
export interface LookupObserver {
  /** `how` is what ended the visit; the mask given to `lookup` holds what was added. */
  visited(subtable: { readonly mask: Uint32Array; readonly count: number }, how: string): void;
}

/** The rules of one OpenFlow table. */
export class Classifier<R extends ClassifiedRule> {
  readonly options: ClassifierOptions;
  readonly #subtables = new Map<SharedMask, Subtable<R>>();
  /** Subtables by falling highest priority. */
  readonly #order: Subtable<R>[] = [];
  readonly #tries = PREFIX_FIELDS.map(() => new PrefixTrie());
  readonly #trieLengths = PREFIX_FIELDS.map(() => new Uint32Array(4));
  readonly #trieBits = new Uint16Array(PREFIX_FIELDS.length);
  readonly #trieDone = new Uint8Array(PREFIX_FIELDS.length);
  readonly #value = new Uint32Array(4);
  readonly #lengths = new Uint32Array(4);
  #sequence = 0;
  #count = 0;

  constructor(options: ClassifierOptions = CLASSIFIER_DEFAULTS) {
    this.options = options;
  }

  /** Rules held, visible or not. */
  get count(): number {
    return this.#count;
  }

  /** Distinct masks. */
  get maskCount(): number {
    return this.#order.length;
  }

  /** Bytes of the typed arrays: what the rules cost besides their own objects. */
  get bytes(): number {
    let total = 0;
    for (const trie of this.#tries) total += trie.bytes;
    for (const subtable of this.#order) total += subtable.bytes;
    return total;
  }

  /** Adds a rule that lookups in `version` and later see. No equal rule may be visible there. */
  insert(rule: R, match: CompactMatch, version: number): void {
    let subtable = this.#subtables.get(match.mask);
    if (subtable === undefined) {
      subtable = new Subtable<R>(match.mask, this.options, this.#sequence++);
      this.#subtables.set(match.mask, subtable);
    }
    const before = subtable.priorities.max;
    const [slot, fresh] = subtable.insert(rule, match, rule.priority, version);
    if (subtable.priorities.max !== before) {
      if (before >= 0) this.#order.splice(this.#order.indexOf(subtable), 1);
      this.#place(subtable);
    }
    rule.subtable = subtable as unknown as Subtable<ClassifiedRule>;
    rule.slot = slot;
    this.#count++;
    if (fresh) this.#updateTries(subtable, spreadOut(match), 1);
  }

  /** Takes a rule out at once, for every version. */
  remove(rule: R): void {
    const subtable = this.#subtableOf(rule);
    rule.leaving?.();
    const before = subtable.priorities.max;
    const words = subtable.remove(rule.slot);
    rule.subtable = null;
    rule.slot = -1;
    this.#count--;
    if (words !== null) this.#updateTries(subtable, words, -1);
    if (subtable.count === 0) {
      this.#order.splice(this.#order.indexOf(subtable), 1);
      this.#subtables.delete(subtable.shared);
    } else if (subtable.priorities.max !== before) {
      this.#order.splice(this.#order.indexOf(subtable), 1);
      this.#place(subtable);
    }
  }

  /** Hides a rule from lookups in `version` and later; `remove` it once no lookup uses an older one. */
  hide(rule: R, version: number): void {
    this.#subtableOf(rule).setRemoved(rule.slot, version);
  }

  /** Undoes `hide`. */
  unhide(rule: R): void {
    this.#subtableOf(rule).setRemoved(rule.slot);
  }

  isVisible(rule: R, version: number): boolean {
    return rule.subtable?.isVisible(rule.slot, version) ?? false;
  }

  /**
   * Finds the visible rule of highest priority that matches `flow`; null when none does. Bits of the
   * flow that were looked at are added to `wildcards` unless it is null. `flow` is changed and restored
   * while a conjunction is looked up.
   */
  lookup(
    flow: Uint32Array,
    version: number,
    wildcards: Uint32Array | null,
    observer?: LookupObserver,
  ): R | null {
    this.#trieDone.fill(0);
    return this.#search(flow, version, wildcards, true, observer);
  }

  /** The visible rule with exactly this match and priority, or null. */
  findExact(match: CompactMatch, priority: number, version: number): R | null {
    const subtable = this.#subtables.get(match.mask);
    if (subtable === undefined) return null;
    const slot = subtable.findExact(match, priority, version);
    return slot < 0 ? null : subtable.ruleAt(slot);
  }

  /** A visible rule of the same priority that some packet of `match` would match too, or null. */
  findOverlap(match: CompactMatch, priority: number, version: number): R | null {
    const { words, mask } = expandMatch(match);
    for (const subtable of this.#order) {
      if (subtable.priorities.max < priority) break;
      let found: R | null = null;
      subtable.forEachSlot((slot) => {
        if (found !== null || subtable.priorityAt(slot) !== priority) return;
        if (!subtable.isVisible(slot, version)) return;
        if (subtable.agrees(slot, words, mask)) found = subtable.ruleAt(slot);
      });
      if (found !== null) return found;
    }
    return null;
  }

  /**
   * Calls `visit` with every visible rule that is at least as specific as `match` and agrees with it
   * (OpenFlow's non-strict selection); with every visible rule when `match` is left out.
   */
  forEach(version: number, visit: (rule: R) => void, match?: Match): void {
    for (const subtable of [...this.#order]) {
      if (match !== undefined && !covers(subtable.mask, match.mask)) continue;
      subtable.forEachSlot((slot) => {
        if (!subtable.isVisible(slot, version)) return;
        if (match !== undefined && !subtable.agrees(slot, match.words, match.mask)) return;
        visit(subtable.ruleAt(slot));
      });
    }
  }

  /** The match of a rule that is in the classifier. */
  matchOf(rule: R): CompactMatch {
    const subtable = this.#subtableOf(rule);
    return { mask: subtable.shared, values: subtable.valuesAt(rule.slot) };
  }

  #search(
    flow: Uint32Array,
    version: number,
    wildcards: Uint32Array | null,
    conjunctive: boolean,
    observer: LookupObserver | undefined,
  ): R | null {
    const sorted = this.options.prioritySorting;
    let hard: R | null = null;
    let hardPriority = -1;
    let soft: SoftMatch<R>[] | null = null;
    for (const subtable of this.#order) {
      if (sorted && subtable.priorities.max <= hardPriority) break;
      const slot = this.#visit(subtable, flow, version, wildcards, observer);
      if (slot < 0) continue;
      const priority = subtable.priorityAt(slot);
      if (priority <= hardPriority) continue;
      const rule = subtable.ruleAt(slot);
      if (rule.conjunctions === null) {
        hard = rule;
        hardPriority = priority;
      } else if (conjunctive) {
        soft ??= [];
        soft.push({ subtable, slot, priority });
      }
    }
    if (soft === null) return hard;
    return this.#resolveSoft(soft, hard, flow, version, wildcards, observer);
  }

  /**
   * Finds out whether soft matches (clauses of conjunctions) add up to a match of higher priority than
   * the hard one, from the highest priority down.
   */
  #resolveSoft(
    matches: SoftMatch<R>[],
    certain: R | null,
    flow: Uint32Array,
    version: number,
    wildcards: Uint32Array | null,
    observer: LookupObserver | undefined,
  ): R | null {
    let soft = matches;
    let hard = certain;
    for (;;) {
      const floor = hard?.priority ?? -1;
      soft = soft.filter((match) => match.priority > floor);
      if (soft.length === 0) return hard;
      const top = soft.reduce((max, match) => Math.max(max, match.priority), -1);
      const best = soft.filter((match) => match.priority === top);
      const sets = best.map((match) => match.subtable.ruleAt(match.slot).conjunctions ?? []);
      for (const id of completeConjunctions(sets)) {
        const rule = this.#lookupConjunction(id, flow, version, wildcards, observer);
        if (rule !== null) return rule;
      }
      soft = soft.filter((match) => match.priority !== top);
      for (const { subtable, slot } of best) {
        const next = subtable.nextBelow(slot, version);
        if (next < 0) continue;
        const rule = subtable.ruleAt(next);
        const priority = subtable.priorityAt(next);
        if (rule.conjunctions !== null) soft.push({ subtable, slot: next, priority });
        else if (priority > (hard?.priority ?? -1)) hard = rule;
      }
    }
  }

  #lookupConjunction(
    id: number,
    flow: Uint32Array,
    version: number,
    wildcards: Uint32Array | null,
    observer: LookupObserver | undefined,
  ): R | null {
    const saved = flow[CONJ_ID_WORD] as number;
    flow[CONJ_ID_WORD] = id;
    const rule = this.#search(flow, version, wildcards, false, observer);
    flow[CONJ_ID_WORD] = saved;
    return rule;
  }

  /** Looks one subtable up: the slot of the matching rule, or -1; adds what was looked at. */
  #visit(
    subtable: Subtable<R>,
    flow: Uint32Array,
    version: number,
    wildcards: Uint32Array | null,
    observer: LookupObserver | undefined,
  ): number {
    const { stages } = subtable;
    // A rule that matches is one that no stage and no trie could have ruled out: they need not be asked.
    const slot = subtable.find(flow, subtable.hashRange(flow, 0, subtable.words.length, 0), version);
    if (wildcards === null) return slot;
    if (slot >= 0) {
      fold(wildcards, subtable, subtable.words.length);
      observer?.visited(subtable, "hit");
      return slot;
    }
    let hash = 0;
    let start = 0;
    for (const stage of stages) {
      for (const { field, length } of stage.prefixes) {
        if (!this.#prefixRulesOut(field, length, flow, wildcards)) continue;
        fold(wildcards, subtable, start);
        observer?.visited(subtable, `no ${PREFIX_FIELDS[field]?.name} prefix of /${length}`);
        return -1;
      }
      hash = subtable.hashRange(flow, start, stage.end, hash);
      if (stage.index !== null && !stage.index.has(hash)) {
        fold(wildcards, subtable, stage.end);
        observer?.visited(subtable, "miss in an early stage");
        return -1;
      }
      start = stage.end;
    }
    if (this.#portsRuleOut(subtable, flow, wildcards)) {
      fold(wildcards, subtable, (stages[stages.length - 2] as { end: number } | undefined)?.end ?? 0);
      observer?.visited(subtable, "no such port");
      return -1;
    }
    fold(wildcards, subtable, subtable.words.length);
    observer?.visited(subtable, "miss");
    return -1;
  }

  /**
   * Whether the trie shows that no rule has a prefix of `length` bits that matches the flow, without
   * looking at more bits than the subtable itself would, or than were looked at already.
   */
  #prefixRulesOut(index: number, length: number, flow: Uint32Array, wildcards: Uint32Array): boolean {
    const field = PREFIX_FIELDS[index] as (typeof PREFIX_FIELDS)[number];
    const lengths = this.#trieLengths[index] as Uint32Array;
    if (this.#trieDone[index] === 0) {
      this.#trieDone[index] = 1;
      lengths.fill(0);
      if (!hasPrefixField(flow, field)) {
        lengths.fill(0xffffffff);
        this.#trieBits[index] = 0;
      } else {
        for (let i = 0; i < field.words; i++) this.#value[i] = swap32(flow[field.word + i] as number);
        const trie = this.#tries[index] as PrefixTrie;
        this.#trieBits[index] = trie.lookup(this.#value, field.words * 32, lengths);
      }
    }
    const last = length - 1;
    if (((lengths[last >>> 5] as number) & (0x80000000 >>> (last & 31))) !== 0) return false;
    const bits = this.#trieBits[index] as number;
    if (bits <= length) {
      setPrefixBits(wildcards, field.word, bits);
      return true;
    }
    return hasPrefixBits(wildcards, field.word, bits);
  }

  /** Whether the ports alone show that nothing in the subtable matches; adds the bits that do. */
  #portsRuleOut(subtable: Subtable<R>, flow: Uint32Array, wildcards: Uint32Array): boolean {
    if (subtable.portsTrie === null) return false;
    const mask = subtable.mask[PORTS_WORD] as number;
    this.#value[0] = swap32(((flow[PORTS_WORD] as number) & mask) >>> 0);
    this.#lengths.fill(0);
    const bits = subtable.portsTrie.lookup(this.#value, subtable.portsLength, this.#lengths);
    if (this.#lengths[0] !== 0) return false;
    const looked = bits === 0 ? 0 : swap32((0xffffffff << (32 - bits)) >>> 0);
    wildcards[PORTS_WORD] = ((wildcards[PORTS_WORD] as number) | (mask & looked)) >>> 0;
    return true;
  }

  #subtableOf(rule: R): Subtable<R> {
    if (rule.subtable === null) throw new RangeError("the rule is not in a classifier");
    return rule.subtable as unknown as Subtable<R>;
  }

  #updateTries(subtable: Subtable<R>, words: Uint32Array, change: 1 | -1): void {
    if (!this.options.tries) return;
    PREFIX_FIELDS.forEach((field, index) => {
      const length = subtable.prefixLengths[index] as number;
      if (length === 0) return;
      for (let i = 0; i < field.words; i++) {
        const bits = (words[field.word + i] as number) & (subtable.mask[field.word + i] as number);
        this.#value[i] = swap32(bits >>> 0);
      }
      const trie = this.#tries[index] as PrefixTrie;
      if (change === 1) trie.insert(this.#value, length);
      else trie.remove(this.#value, length);
    });
  }

  /** Puts a subtable where its highest priority belongs; equal ones stay in order of creation. */
  #place(subtable: Subtable<R>): void {
    const { max } = subtable.priorities;
    let low = 0;
    let high = this.#order.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const other = this.#order[middle] as Subtable<R>;
      const before =
        other.priorities.max > max || (other.priorities.max === max && other.sequence < subtable.sequence);
      if (before) low = middle + 1;
      else high = middle;
    }
    this.#order.splice(low, 0, subtable);
  }
}

interface SoftMatch<R> {
  readonly subtable: Subtable<R>;
  readonly slot: number;
  readonly priority: number;
}
