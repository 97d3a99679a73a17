// Which megaflows have packets that new rules may match, told from a few words of each key. Rules are grouped
// by their masks, and for each mask of megaflows it is worked out once which bits both look at: a megaflow and
// a rule that differ in one of those share no packet.

import { KEY_WORD_COUNT } from "../../assembly/layout/flow-key.ts";
import { FLOW_OF_IN_PORT } from "../openflow/flow-layout.ts";
import type { SharedMask } from "../openflow/match.ts";
import { type OfPort, ofPortToOdp } from "../openflow/port.ts";
import type { MegaflowMask } from "../xlate/mask-limit.ts";
import type { TableRule } from "../xlate/table-rule.ts";
import type { KeyStore } from "./key-store.ts";

const IN_PORT_WORD = FLOW_OF_IN_PORT / 4;
/** So many rules of a group are compared one by one; more are looked up by hash. */
const COMPARED_MAX = 8;
/** Hashes made at most, in all and for one mask at a time: beyond that every megaflow counts as touched. */
const HASHES_MAX = 1 << 18;
const HASHES_AT_ONCE = 1 << 13;

/** A rule's match as the comparison needs it. */
interface Side {
  readonly words: readonly number[];
  readonly bits: readonly number[];
}

/** What megaflows of one mask are compared with; `never` and `always` where no word decides. */
interface Comparison {
  readonly words: readonly number[];
  readonly bits: readonly number[];
  /** Values of few rules, one after the other; or the hashes of many. */
  readonly values: readonly number[];
  readonly hashes: ReadonlySet<number> | null;
}

/** See the head of the file. Pipeline-only words are not looked at: what it lets through may still not match. */
export class OverlapTable {
  readonly #groups = new Map<SharedMask, TableRule[]>();
  /** By number of the mask; made for the mask in `#masks` that had the number then. */
  #comparisons: (readonly Comparison[] | null)[] = [];
  #masks: (MegaflowMask | undefined)[] = [];
  #hashesLeft = HASHES_MAX;

  /** A new rule. */
  add(rule: TableRule): void {
    const { mask } = rule.match;
    const group = this.#groups.get(mask);
    if (group === undefined) this.#groups.set(mask, [rule]);
    else group.push(rule);
  }

  /** Whether some rule may match a packet of the megaflow with this key and mask. */
  has(keys: KeyStore, keyNumber: number, mask: MegaflowMask): boolean {
    const comparisons =
      this.#masks[mask.number] === mask ? this.#comparisons[mask.number]! : this.#learn(mask);
    if (comparisons === null) return true;
    for (let i = 0; i < comparisons.length; i++) {
      if (agrees(comparisons[i] as Comparison, keys, keyNumber)) return true;
    }
    return false;
  }

  #learn(mask: MegaflowMask): readonly Comparison[] | null {
    const comparisons = this.#comparisonsOf(mask);
    this.#masks[mask.number] = mask;
    this.#comparisons[mask.number] = comparisons;
    return comparisons;
  }

  /** null where some rule matches whatever the key is. */
  #comparisonsOf(mask: MegaflowMask): readonly Comparison[] | null {
    const comparisons: Comparison[] = [];
    for (const [ruleMask, rules] of this.#groups) {
      const side = bothLookAt(ruleMask, mask);
      if (side.words.length === 0) return null;
      if (rules.length > COMPARED_MAX) this.#hashesLeft -= rules.length;
      if (this.#hashesLeft < 0 || rules.length > HASHES_AT_ONCE) return null;
      comparisons.push(comparisonOf(side, ruleMask, rules));
    }
    return comparisons;
  }
}

/** Whether all that rules with this mask look at is in the key, so that no comparison leaves anything out. */
export function isComparedWhole({ indexes, bits }: SharedMask): boolean {
  return indexes.every((word, i) => word < KEY_WORD_COUNT || isWholePort(word, bits[i] as number));
}

function isWholePort(word: number, bits: number): boolean {
  return word === IN_PORT_WORD && bits === -1;
}

/** The bits of the key that a rule's mask and a megaflow's have in common; a port is one of the datapath's there. */
function bothLookAt({ indexes, bits }: SharedMask, mask: MegaflowMask): Side {
  const words: number[] = [];
  const common: number[] = [];
  indexes.forEach((word, i) => {
    const isPort = isWholePort(word, bits[i] as number);
    if (word >= KEY_WORD_COUNT && !isPort) return;
    const both = isPort ? mask.bits[0]! | 0 : (bits[i] as number) & (mask.bits[word] as number);
    if (both === 0) return;
    words.push(word);
    common.push(both);
  });
  return { words, bits: common };
}

function comparisonOf({ words, bits }: Side, ruleMask: SharedMask, rules: readonly TableRule[]): Comparison {
  const places = words.map((word) => ruleMask.indexes.indexOf(word));
  const valuesOf = (rule: TableRule): number[] => {
    const { values } = rule.match;
    return places.map(
      (place, i) => valueAt(words[i] as number, values[place] as number) & (bits[i] as number),
    );
  };
  const keyWords = words.map((word) => (word === IN_PORT_WORD ? 0 : word));
  if (rules.length <= COMPARED_MAX) {
    return { words: keyWords, bits, values: rules.flatMap(valuesOf), hashes: null };
  }
  const hashes = new Set<number>();
  for (const rule of rules) hashes.add(valuesOf(rule).reduce(hashWord, 0));
  return { words: keyWords, bits, values: [], hashes };
}

function valueAt(word: number, value: number): number {
  return word === IN_PORT_WORD ? (ofPortToOdp((value >>> 0) as OfPort) ?? -1) : value;
}

function agrees({ words, bits, values, hashes }: Comparison, keys: KeyStore, keyNumber: number): boolean {
  const count = words.length;
  if (hashes !== null) {
    let hash = 0;
    for (let i = 0; i < count; i++) hash = hashWord(hash, keys.word(keyNumber, words[i]!) & bits[i]!);
    return hashes.has(hash);
  }
  for (let from = 0; from < values.length; from += count) {
    let i = 0;
    while (i < count && (keys.word(keyNumber, words[i]!) & bits[i]!) === values[from + i]) i++;
    if (i === count) return true;
  }
  return false;
}

function hashWord(hash: number, word: number): number {
  const mixed = Math.imul(hash ^ word, 0x9e3779b1);
  return mixed ^ (mixed >>> 15);
}
