// All rules of a classifier that have one mask: a hash table of masked values, with an index for
// every stage of the lookup and a trie over the ports.
//
// Rules lie in parallel arrays ("slots"); the value of a slot is only the mask's words. Slots with
// equal values form a list by falling priority; only its head is in the hash table, the indices and
// the tries. `mask`, `words` and `masks` say the same thing twice: whole, and as the list of words.

import { swap32 } from "../../odp/flow-key.ts";
import { flowCreate } from "../../openflow/flow-layout.ts";
import type { CompactMatch, SharedMask } from "../../openflow/match.ts";
import { PORTS_WORD, PREFIX_FIELDS } from "./flow-segments.ts";
import type { ClassifierOptions } from "./options.ts";
import { PrefixTrie } from "./prefix-trie.ts";
import { PriorityCounts } from "./priority-counts.ts";
import { mixHash, planStages, prefixLength, type Stage, trailingZeros } from "./stages.ts";

const NONE = -1;
const NEVER = 0xffffffff;

/** A compact match spread out over a flow's words; only the words of its mask are meaningful. */
const spread = flowCreate();

/** Rules of one mask. `R` is opaque here. */
export class Subtable<R> {
  /** Which bits the rules match, over the whole flow, and the same in compact form. */
  readonly mask: Uint32Array;
  readonly shared: SharedMask;
  /** Indices of the flow's words that the mask has bits in, in stage order; a word may be there twice. */
  readonly words: Uint16Array;
  /** The bits of each of `words`. */
  readonly masks: Uint32Array;
  readonly stages: readonly Stage[];
  /** Prefix length of the mask on each of PREFIX_FIELDS; 0 where it is no prefix. */
  readonly prefixLengths: readonly number[];
  /** Ports of the mask: leading bits that hold all of it, and the trie over them; 0 and null for none. */
  readonly portsLength: number;
  readonly portsTrie: PrefixTrie | null;
  /** Order of creation, which breaks ties of priority. */
  readonly sequence: number;
  readonly priorities = new PriorityCounts();

  readonly #width: number;
  #capacity = 4;
  #top = 0;
  #free = NONE;
  #count = 0;
  #values: Uint32Array;
  #hashes = new Uint32Array(4);
  #chain = new Int32Array(4).fill(NONE);
  #below = new Int32Array(4).fill(NONE);
  #priority = new Int32Array(4);
  #added = new Uint32Array(4);
  #removed = new Uint32Array(4);
  #rules: (R | null)[] = [];
  #buckets = new Int32Array(8).fill(NONE);
  #heads = 0;

  constructor(shared: SharedMask, options: ClassifierOptions, sequence: number) {
    const mask = flowCreate();
    shared.indexes.forEach((word, i) => {
      mask[word] = shared.bits[i] as number;
    });
    this.mask = mask;
    this.shared = shared;
    this.sequence = sequence;
    this.prefixLengths = PREFIX_FIELDS.map((field) => prefixLength(mask, field.word, field.words));
    const { words, masks, stages } = planStages(mask, options, this.prefixLengths);
    this.words = Uint16Array.from(words);
    this.masks = Uint32Array.from(masks);
    this.stages = stages;
    const ports = swap32(mask[PORTS_WORD] as number);
    this.portsLength = options.portTries && ports !== 0 ? 32 - trailingZeros(ports) : 0;
    this.portsTrie = this.portsLength === 0 ? null : new PrefixTrie();
    this.#width = words.length;
    this.#values = new Uint32Array(this.#capacity * this.#width);
  }

  /** Rules held, visible or not. */
  get count(): number {
    return this.#count;
  }

  /** Bytes of the typed arrays. */
  get bytes(): number {
    let total = this.#values.byteLength + this.#capacity * 24 + this.#buckets.byteLength;
    total += this.#rules.length * 8 + this.mask.byteLength + (this.portsTrie?.bytes ?? 0);
    for (const stage of this.stages) total += stage.index?.bytes ?? 0;
    return total;
  }

  ruleAt(slot: number): R {
    return this.#rules[slot] as R;
  }

  priorityAt(slot: number): number {
    return this.#priority[slot] as number;
  }

  isVisible(slot: number, version: number): boolean {
    return (this.#added[slot] as number) <= version && version < (this.#removed[slot] as number);
  }

  /** Whether the slot's rule goes away in some version. */
  isLeaving(slot: number): boolean {
    return this.#removed[slot] !== NEVER;
  }

  /** The rule stops being visible in `version`; NEVER (default) undoes that. */
  setRemoved(slot: number, version: number = NEVER): void {
    this.#removed[slot] = version;
  }

  /** Hash of the words up to `end`, continuing `basis`, of a flow or a match. */
  hashRange(flow: Uint32Array, start: number, end: number, basis: number): number {
    let hash = basis;
    for (let i = start; i < end; i++) {
      const value = (flow[this.words[i] as number] as number) & (this.masks[i] as number);
      hash = mixHash(hash, value);
    }
    return hash;
  }

  /** Slot of the visible rule of highest priority that matches `flow`, or -1. `hash` is of all words. */
  find(flow: Uint32Array, hash: number, version: number): number {
    for (let slot = this.#headOf(flow, hash); slot !== NONE; slot = this.#below[slot] as number) {
      if (this.isVisible(slot, version)) return slot;
    }
    return NONE;
  }

  /** The next visible slot of lower priority with the same value, or -1. */
  nextBelow(slot: number, version: number): number {
    let next = this.#below[slot] as number;
    while (next !== NONE && !this.isVisible(next, version)) next = this.#below[next] as number;
    return next;
  }

  /** Slot of the rule with exactly this value and priority that is visible, or -1. */
  findExact(match: CompactMatch, priority: number, version: number): number {
    const words = spreadOut(match);
    const hash = this.hashRange(words, 0, this.#width, 0);
    let slot = this.#headOf(words, hash);
    while (slot !== NONE && (this.#priority[slot] as number) >= priority) {
      if (this.#priority[slot] === priority && this.isVisible(slot, version)) return slot;
      slot = this.#below[slot] as number;
    }
    return NONE;
  }

  /** Adds a rule from `version` on. Returns its slot and whether its value is new to the subtable. */
  insert(rule: R, match: CompactMatch, priority: number, version: number): [slot: number, fresh: boolean] {
    const words = spreadOut(match);
    const hash = this.hashRange(words, 0, this.#width, 0);
    const head = this.#headOf(words, hash);
    const slot = this.#allocate(rule, words, priority, version, hash);
    this.priorities.add(priority);
    if (head === NONE) {
      this.#link(slot);
      this.#countStages(words, 1);
      this.portsTrie?.insert(this.#ports(words), this.portsLength);
      return [slot, true];
    }
    let previous = NONE;
    let next = head;
    while (next !== NONE && (this.#priority[next] as number) >= priority) {
      previous = next;
      next = this.#below[next] as number;
    }
    this.#below[slot] = next;
    if (previous === NONE) this.#replaceHead(head, slot);
    else this.#below[previous] = slot;
    return [slot, false];
  }

  /** Takes a rule out. Returns its words when no rule with its value is left, for the tries; else null. */
  remove(slot: number): Uint32Array | null {
    const words = this.wordsAt(slot);
    const head = this.#headOf(words, this.#hashes[slot] as number);
    const below = this.#below[slot] as number;
    let gone: Uint32Array | null = null;
    if (head !== slot) {
      let previous = head;
      while (this.#below[previous] !== slot) previous = this.#below[previous] as number;
      this.#below[previous] = below;
    } else if (below !== NONE) {
      this.#replaceHead(slot, below);
    } else {
      this.#unlink(slot);
      this.#countStages(words, -1);
      this.portsTrie?.remove(this.#ports(words), this.portsLength);
      gone = words;
    }
    this.priorities.remove(this.#priority[slot] as number);
    this.#release(slot);
    return gone;
  }

  /** The value of a slot as the words of a whole flow. */
  wordsAt(slot: number): Uint32Array {
    const flow = new Uint32Array(this.mask.length);
    const base = slot * this.#width;
    for (let i = 0; i < this.#width; i++) {
      const word = this.words[i] as number;
      flow[word] = (flow[word] as number) | (this.#values[base + i] as number);
    }
    return flow;
  }

  /** The value of a slot in compact form, as a new array. */
  valuesAt(slot: number): number[] {
    const words = this.wordsAt(slot);
    return this.shared.indexes.map((word) => (words[word] as number) | 0);
  }

  /** Whether the slot's value agrees with `words` under those bits of `mask` that the subtable has. */
  agrees(slot: number, words: Uint32Array, mask: Uint32Array): boolean {
    const base = slot * this.#width;
    for (let i = 0; i < this.#width; i++) {
      const word = this.words[i] as number;
      const looked = (mask[word] as number) & (this.masks[i] as number);
      if (((words[word] as number) ^ (this.#values[base + i] as number)) & looked) return false;
    }
    return true;
  }

  /** Calls `visit` with every slot in use, visible or not; it may remove the slot it is given. */
  forEachSlot(visit: (slot: number) => void): void {
    for (let slot = 0; slot < this.#top; slot++) {
      if (this.#rules[slot] !== null) visit(slot);
    }
  }

  #headOf(flow: Uint32Array, hash: number): number {
    const buckets = this.#buckets;
    for (
      let slot = buckets[hash & (buckets.length - 1)] as number;
      slot !== NONE;
      slot = this.#chain[slot] as number
    ) {
      if (this.#hashes[slot] === hash && this.#equals(slot, flow)) return slot;
    }
    return NONE;
  }

  #equals(slot: number, flow: Uint32Array): boolean {
    const base = slot * this.#width;
    for (let i = 0; i < this.#width; i++) {
      const value = (flow[this.words[i] as number] as number) & (this.masks[i] as number);
      if ((value ^ (this.#values[base + i] as number)) !== 0) return false;
    }
    return true;
  }

  #countStages(flow: Uint32Array, change: 1 | -1): void {
    let hash = 0;
    let start = 0;
    for (const stage of this.stages) {
      if (stage.index === null) return;
      hash = this.hashRange(flow, start, stage.end, hash);
      start = stage.end;
      if (change === 1) stage.index.add(hash);
      else stage.index.remove(hash);
    }
  }

  #ports(flow: Uint32Array): Uint32Array {
    return Uint32Array.of(swap32(((flow[PORTS_WORD] as number) & (this.mask[PORTS_WORD] as number)) >>> 0));
  }

  #link(slot: number): void {
    this.#heads++;
    if (this.#heads > this.#buckets.length) this.#rehash();
    const bucket = (this.#hashes[slot] as number) & (this.#buckets.length - 1);
    this.#chain[slot] = this.#buckets[bucket] as number;
    this.#buckets[bucket] = slot;
  }

  #unlink(slot: number): void {
    this.#heads--;
    this.#replaceInBucket(slot, this.#chain[slot] as number);
  }

  #replaceHead(old: number, slot: number): void {
    this.#chain[slot] = this.#chain[old] as number;
    this.#replaceInBucket(old, slot);
    this.#chain[old] = NONE;
  }

  #replaceInBucket(old: number, slot: number): void {
    const bucket = (this.#hashes[old] as number) & (this.#buckets.length - 1);
    if (this.#buckets[bucket] === old) {
      this.#buckets[bucket] = slot;
      return;
    }
    let at = this.#buckets[bucket] as number;
    while (this.#chain[at] !== old) at = this.#chain[at] as number;
    this.#chain[at] = slot;
  }

  #rehash(): void {
    const old = this.#buckets;
    this.#buckets = new Int32Array(old.length * 2).fill(NONE);
    const mask = this.#buckets.length - 1;
    for (const first of old) {
      for (let slot = first; slot !== NONE; ) {
        const next = this.#chain[slot] as number;
        const bucket = (this.#hashes[slot] as number) & mask;
        this.#chain[slot] = this.#buckets[bucket] as number;
        this.#buckets[bucket] = slot;
        slot = next;
      }
    }
  }

  #allocate(rule: R, words: Uint32Array, priority: number, version: number, hash: number): number {
    let slot = this.#free;
    if (slot !== NONE) {
      this.#free = this.#chain[slot] as number;
    } else {
      if (this.#top === this.#capacity) this.#grow();
      slot = this.#top++;
    }
    const base = slot * this.#width;
    for (let i = 0; i < this.#width; i++) {
      this.#values[base + i] = (words[this.words[i] as number] as number) & (this.masks[i] as number);
    }
    this.#hashes[slot] = hash;
    this.#chain[slot] = NONE;
    this.#below[slot] = NONE;
    this.#priority[slot] = priority;
    this.#added[slot] = version;
    this.#removed[slot] = NEVER;
    this.#rules[slot] = rule;
    this.#count++;
    return slot;
  }

  #release(slot: number): void {
    this.#rules[slot] = null;
    this.#chain[slot] = this.#free;
    this.#free = slot;
    this.#count--;
  }

  #grow(): void {
    const capacity = Math.ceil(this.#capacity * 1.5);
    this.#values = copyInto(this.#values, new Uint32Array(capacity * this.#width));
    this.#hashes = copyInto(this.#hashes, new Uint32Array(capacity));
    this.#chain = copyInto(this.#chain, new Int32Array(capacity));
    this.#below = copyInto(this.#below, new Int32Array(capacity));
    this.#priority = copyInto(this.#priority, new Int32Array(capacity));
    this.#added = copyInto(this.#added, new Uint32Array(capacity));
    this.#removed = copyInto(this.#removed, new Uint32Array(capacity));
    this.#capacity = capacity;
  }
}

/** The words of a match in `spread`, until the next call. */
export function spreadOut({ mask, values }: CompactMatch): Uint32Array {
  const { indexes } = mask;
  for (let i = 0; i < indexes.length; i++) spread[indexes[i] as number] = values[i] as number;
  return spread;
}

function copyInto<T extends Uint32Array | Int32Array>(from: T, to: T): T {
  to.set(from);
  return to;
}
