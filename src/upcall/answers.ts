// What megaflows do, each list of actions there once however many megaflows share it: most of 200,000 do one
// of a few things.

import { Action } from "../../assembly/layout/action.ts";
import { DropReason } from "../../assembly/layout/stat.ts";
import type { OdpAction } from "../odp/action.ts";
import { encodeActionsInto } from "../odp/encode-actions.ts";

/** The parts of a translation that say what is done with a packet. */
export interface Doing {
  readonly actions: readonly OdpAction[];
  readonly dropReason: DropReason;
  readonly recircIds: readonly number[];
  readonly cookies: readonly number[];
}

/** What is done with the packets of megaflows. */
export class Answer {
  readonly actions: readonly OdpAction[];
  readonly dropReason: DropReason;
  /** The datapath's program: [words][actions ...]. */
  readonly program: Uint32Array;
  readonly recircIds: readonly number[];
  readonly cookies: readonly number[];
  /** Megaflows that have it. */
  users = 0;
  readonly hash: number;
  /** Next answer with the same hash; the table's own. */
  next: Answer | undefined = undefined;

  constructor(doing: Doing, program: Uint32Array, hash: number) {
    this.actions = doing.actions;
    this.dropReason = doing.dropReason;
    this.program = program;
    this.recircIds = doing.recircIds.length === 0 ? NO_IDS : doing.recircIds.slice();
    this.cookies = doing.cookies.length === 0 ? NO_IDS : doing.cookies.slice();
    this.hash = hash;
  }
}

const NO_IDS: readonly number[] = [];

/** Answers in use. */
export class AnswerTable {
  readonly #byHash = new Map<number, Answer>();
  readonly #words: number[] = [];
  #size = 0;

  /** Distinct answers in use. */
  get size(): number {
    return this.#size;
  }

  /** The answer that a translation gives; the same object for the same doing, as long as it is in use. */
  of(doing: Doing): Answer {
    const words = this.#words;
    programInto(doing, words);
    const hash = hashOf(words);
    for (let one = this.#byHash.get(hash); one !== undefined; one = one.next) {
      if (sameWords(one.program, words) && sameDoing(one, doing)) return one;
    }
    return new Answer(doing, Uint32Array.from(words), hash);
  }

  /** One more megaflow has it. */
  retain(answer: Answer): void {
    if (answer.users++ > 0) return;
    answer.next = this.#byHash.get(answer.hash);
    this.#byHash.set(answer.hash, answer);
    this.#size++;
  }

  /** One megaflow less has it. */
  release(answer: Answer): void {
    if (--answer.users > 0) return;
    this.#size--;
    const first = this.#byHash.get(answer.hash);
    if (first !== answer) {
      let before = first;
      while (before?.next !== undefined && before.next !== answer) before = before.next;
      if (before !== undefined) before.next = answer.next;
    } else if (answer.next === undefined) this.#byHash.delete(answer.hash);
    else this.#byHash.set(answer.hash, answer.next);
    answer.next = undefined;
  }
}

/** The datapath's program for a translation; a packet that goes nowhere gets its reason. */
function programInto({ actions, dropReason }: Doing, words: number[]): void {
  encodeActionsInto(actions, words);
  if (dropReason === DropReason.NONE) return;
  words.push(Action.DROP | (2 << 8), dropReason);
  words[0] = words.length - 1;
}

function sameWords(program: Uint32Array, words: readonly number[]): boolean {
  if (program.length !== words.length) return false;
  for (let i = 0; i < program.length; i++) if (program[i] !== (words[i] as number) >>> 0) return false;
  return true;
}

/** Programs leave out what only the text of an action says (that ports are UDP's, say). */
function sameDoing(answer: Answer, doing: Doing): boolean {
  return (
    answer.dropReason === doing.dropReason &&
    sameIds(answer.recircIds, doing.recircIds) &&
    sameIds(answer.cookies, doing.cookies) &&
    sameValue(answer.actions, doing.actions)
  );
}

function sameIds(a: readonly number[], b: readonly number[]): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** Whether two plain values are equal all the way down. */
function sameValue(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (Array.isArray(a) && a.length !== (b as unknown[]).length) return false;
  for (const name in a) {
    if (!sameValue((a as Record<string, unknown>)[name], (b as Record<string, unknown>)[name])) return false;
  }
  return true;
}

function hashOf(words: readonly number[]): number {
  let hash = words.length;
  for (let i = 0; i < words.length; i++) {
    hash = Math.imul(hash ^ (words[i] as number), 0x9e3779b1);
    hash ^= hash >>> 15;
  }
  return hash;
}
