// The controller's shadow of an installed megaflow (Open vSwitch's udpif_key): what was translated, where
// it lies, and how much of its traffic the rules have been credited with. Whatever megaflows have in common
// is shared between them, and their keys lie in a KeyStore: see docs/life-of-a-megaflow.md for the bytes.

import { KEY_WORD_COUNT } from "../../assembly/layout/flow-key.ts";
import type { DropReason } from "../../assembly/layout/stat.ts";
import type { OdpAction } from "../odp/action.ts";
import { ufidOf } from "../odp/ufid.ts";
import type { MegaflowMask } from "../xlate/mask-limit.ts";
import type { TableRule } from "../xlate/table-rule.ts";
import type { Answer } from "./answers.ts";
import type { KeyStore } from "./key-store.ts";

/**
 * `putting`: the PMD has not answered; `modifying`: other actions are on the way; `deleting`: its final
 * counters are; `gone`: nobody has it any more.
 */
export type UkeyState = "putting" | "live" | "modifying" | "deleting" | "gone";

/** What else a translation depended on: see Translation. */
export interface Dependence {
  readonly rules: readonly TableRule[];
  readonly hasEffects: boolean;
  readonly missedTables: number;
  readonly macTag: number;
}

/** One megaflow of one PMD. */
export class Ukey {
  /** The controller's number for it, unique in the PMD as long as it lives. */
  readonly cookie: number;
  readonly shape: MegaflowMask;
  readonly #keys: KeyStore;
  /** Number of the key in the store, which is this megaflow's to give back. */
  readonly keyNumber: number;
  /** What it does; shared. */
  answer: Answer;
  /** The rule, or the rules where there are several. */
  #rules: TableRule | readonly TableRule[];
  /** Block of program memory, as PmdCapacity counts it. */
  block: number;
  state: UkeyState = "putting";
  /** Address of the record; 0 until the PMD has answered. */
  flow = 0;
  /** What the rules have been credited with. */
  packets = 0;
  bytes = 0;
  /** Whether its packets have effects beyond themselves: they learn, or shorten time-outs. */
  hasEffects: boolean;
  /** Packets whose effects have been applied. */
  effectPackets = 0;
  #missedTables: number;
  #macTag: number;
  readonly createdMs: number;

  constructor(init: UkeyInit) {
    this.cookie = init.cookie;
    this.shape = init.shape;
    this.#keys = init.keys;
    this.keyNumber = init.keyNumber;
    this.answer = init.answer;
    this.#rules = compact(init.rules);
    this.block = init.block;
    this.hasEffects = init.hasEffects;
    this.#missedTables = init.missedTables | 0;
    this.#macTag = init.macTag | 0;
    this.createdMs = init.createdMs;
  }

  /** KEY_WORD_COUNT words, shared: not to be changed. */
  get mask(): Uint32Array {
    return this.shape.bits;
  }

  /** Lanes of the datapath's record. */
  get lanes(): readonly number[] {
    return this.shape.lanes;
  }

  /**
   * KEY_WORD_COUNT words, a new copy every time: the whole key of the packet that missed. What the mask
   * leaves out has to fit together when the key is translated again.
   */
  get key(): Uint32Array {
    const key = new Uint32Array(KEY_WORD_COUNT);
    this.#keys.read(this.keyNumber, key);
    return key;
  }

  /** The same, into an array of the caller's. */
  keyInto(key: Uint32Array): void {
    this.#keys.read(this.keyNumber, key);
  }

  /** Whether it answers for a packet with this key. */
  covers(key: Uint32Array): boolean {
    return this.#keys.agrees(this.keyNumber, key, this.shape);
  }

  /** Computed every time. */
  get ufid(): Uint32Array {
    return ufidOf(this.key, this.mask);
  }

  get actions(): readonly OdpAction[] {
    return this.answer.actions;
  }

  get dropReason(): DropReason {
    return this.answer.dropReason;
  }

  get program(): Uint32Array {
    return this.answer.program;
  }

  get recircIds(): readonly number[] {
    return this.answer.recircIds;
  }

  get cookies(): readonly number[] {
    return this.answer.cookies;
  }

  get rules(): readonly TableRule[] {
    return Array.isArray(this.#rules) ? this.#rules : [this.#rules as TableRule];
  }

  /** Whether a rule passes the test, without making a list of one. */
  someRule(test: (rule: TableRule) => boolean): boolean {
    const rules = this.#rules;
    if (!Array.isArray(rules)) return test(rules as TableRule);
    for (let i = 0; i < rules.length; i++) if (test(rules[i] as TableRule)) return true;
    return false;
  }

  /** Tables whose lookup found nothing: see Translation. */
  get missedTables(): number {
    return this.#missedTables >>> 0;
  }

  /** The address that was looked up: see Translation. */
  get macTag(): number {
    return this.#macTag >>> 0;
  }

  /** It was translated again, or stands in for another one. */
  dependOn(on: Dependence): void {
    this.#rules = compact(on.rules);
    this.hasEffects = on.hasEffects;
    this.#missedTables = on.missedTables | 0;
    this.#macTag = on.macTag | 0;
  }

  /** Counts packets, of which the last came at `usedMs`, for every rule that they went through. */
  creditRules(packets: number, bytes: number, usedMs: number): void {
    if (Array.isArray(this.#rules)) {
      for (const rule of this.#rules as readonly TableRule[]) rule.credit(packets, bytes, usedMs);
    } else (this.#rules as TableRule).credit(packets, bytes, usedMs);
  }
}

/** What a megaflow is made with. */
export interface UkeyInit extends Dependence {
  readonly cookie: number;
  readonly shape: MegaflowMask;
  readonly keys: KeyStore;
  readonly keyNumber: number;
  readonly answer: Answer;
  readonly block: number;
  readonly createdMs: number;
}

/** The key under the mask, as the datapath has it. */
export function maskedKey({ key, mask }: Pick<Ukey, "key" | "mask">): Uint32Array {
  return key.map((word, i) => word & (mask[i] as number));
}

/** A list of one is not worth a list, and the others are cut to their length. */
function compact(rules: readonly TableRule[]): TableRule | readonly TableRule[] {
  if (rules.length === 1) return rules[0] as TableRule;
  return rules.length === 0 ? NO_RULES : rules.slice();
}

const NO_RULES: readonly TableRule[] = [];
