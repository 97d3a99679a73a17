// The controller's shadow of an installed megaflow (Open vSwitch's udpif_key): what was translated, where
// it lies, and how much of its traffic the rules have been credited with. Whatever megaflows have in common
// is shared between them, and their keys lie in a KeyStore: see docs/life-of-a-megaflow.md for the bytes.

import { KEY_WORD_COUNT } from "../../assembly/layout/flow-key.ts";
import type { DropReason } from "../../assembly/layout/stat.ts";
import type { OdpAction } from "../odp/action.ts";
import { ufidOf } from "../odp/ufid.ts";
import type { GroupUse } from "../openflow/group.ts";
import type { MegaflowMask } from "../xlate/mask-limit.ts";
import type { TableRule } from "../xlate/table-rule.ts";
import type { Answer } from "./answers.ts";
import type { Dependence, DependenceTable } from "./dependence-table.ts";
import type { Modification } from "./modification.ts";

/**
 * `putting`: the PMD has not answered; `modifying`: other actions are on the way; `deleting`: its final
 * counters are; `gone`: nobody has it any more.
 */
export type UkeyState = "putting" | "live" | "modifying" | "deleting" | "gone";

/** One megaflow of one PMD. */
export class Ukey {
  /** The controller's number for it, unique in the PMD as long as it lives. */
  readonly cookie: number;
  readonly shape: MegaflowMask;
  /** What it depends on and its key, in place `cookie - 1`. */
  readonly #table: DependenceTable;
  /** What it does; shared. */
  answer: Answer;
  /** What it is becoming, while it is `modifying`. */
  next: Modification | undefined = undefined;
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
  readonly createdMs: number;

  constructor(init: UkeyInit) {
    this.cookie = init.cookie;
    this.shape = init.shape;
    this.#table = init.table;
    this.answer = init.answer;
    this.block = init.block;
    this.hasEffects = init.hasEffects;
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
    this.keyInto(key);
    return key;
  }

  /** The same, into an array of the caller's. */
  keyInto(key: Uint32Array): void {
    this.#table.keys.read(this.keyNumber, key);
  }

  /** Whether it answers for a packet with this key. */
  covers(key: Uint32Array): boolean {
    return this.#table.keys.agrees(this.keyNumber, key, this.shape);
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

  /** Place in the PMD's table. */
  get place(): number {
    return this.cookie - 1;
  }

  /** Number of the key in the store, which is this megaflow's to give back. */
  get keyNumber(): number {
    return this.#table.keyNumbers[this.place] as number;
  }

  /** The rules that it came from, in order; a new list every time. */
  get rules(): readonly TableRule[] {
    return this.#table.rules(this.place);
  }

  /** The groups that its packets go through. */
  get groups(): readonly GroupUse[] {
    return this.#table.groups(this.place);
  }

  /** Tables whose lookup found nothing: see Translation. */
  get missedTables(): number {
    return this.#table.missedTables[this.place] as number;
  }

  /** The address that was looked up: see Translation. */
  get macTag(): number {
    return this.#table.macTags[this.place] as number;
  }

  /** It was translated again, or stands in for another one. */
  dependOn(on: Dependence): void {
    this.hasEffects = on.hasEffects;
    this.#table.change(this.place, on);
  }

  /** Counts packets, of which the last came at `usedMs`, for every rule that they went through. */
  creditRules(packets: number, bytes: number, usedMs: number): void {
    this.#table.credit(this.place, packets, bytes, usedMs);
  }
}

/** What a megaflow is made with. */
interface UkeyInit {
  readonly cookie: number;
  readonly shape: MegaflowMask;
  readonly table: DependenceTable;
  readonly answer: Answer;
  readonly hasEffects: boolean;
  readonly block: number;
  readonly createdMs: number;
}

/** The key under the mask, as the datapath has it. */
export function maskedKey({ key, mask }: Pick<Ukey, "key" | "mask">): Uint32Array {
  return key.map((word, i) => word & (mask[i] as number));
}
