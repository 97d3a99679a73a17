// Makes megaflows true again after a change: those that it can touch are translated once more, and changed in
// place, or removed where the new answer looks at more than their mask has.

import { KEY_WORD_COUNT } from "../../assembly/layout/flow-key.ts";
import type { ChangeFilter } from "./change-filter.ts";
import type { UpcallHandler } from "./handler.ts";
import { isFull, isOver, Pass, type Slice } from "./pass.ts";
import type { RevalidatorCounters } from "./revalidator-stats.ts";
import type { Ukey } from "./ukey.ts";

/** Megaflows between two looks at the clock. */
const STRIDE = 16;

/** See the head of the file. */
export class ChangeRound {
  /** Milliseconds worked so far. */
  workMs = 0;
  /** Of these, with megaflows, and not with what has changed. */
  megaflowsMs = 0;
  /** Megaflows translated again. */
  retranslated = 0;
  readonly #filter: ChangeFilter;
  readonly #counters: RevalidatorCounters;
  /** Later megaflows were translated after the change. */
  readonly #pass: Pass;
  #prepared = false;
  #passed = false;
  /** The slice ended before all were seen that PMDs have answered for. */
  #cutShort = false;
  /** Megaflows that the PMD had not answered for when the pass came by. */
  #unanswered: { readonly handler: UpcallHandler; readonly ukey: Ukey }[] = [];

  constructor(filter: ChangeFilter, counters: RevalidatorCounters, handlers: readonly UpcallHandler[]) {
    this.#filter = filter;
    this.#pass = new Pass(handlers);
    this.#prepared = handlers.every(({ ukeys }) => ukeys.size === 0);
    this.#counters = counters;
  }

  /** Whether only PMDs' answers are missing. */
  get waiting(): boolean {
    return this.#passed && !this.#cutShort;
  }

  /** Goes on; returns whether every megaflow has been seen to. What was sent to PMDs may be on its way. */
  run(handlers: readonly UpcallHandler[], slice: Slice): boolean {
    const start = performance.now();
    const isPrepared = this.#prepare(handlers, slice);
    const preparedMs = performance.now();
    if (isPrepared) {
      this.#passed ||= this.#pass.run(handlers, slice, this.#visitOne, this.#next);
      if (this.#passed) this.#visitAnswered(handlers, slice);
    }
    const endMs = performance.now();
    this.workMs += endMs - start;
    this.megaflowsMs += endMs - preparedMs;
    if (!this.#passed || this.#unanswered.length > 0) return false;
    for (const handler of handlers) handler.adopted = null;
    return true;
  }

  /** Takes the changes in; returns whether that is done. */
  #prepare(handlers: readonly UpcallHandler[], slice: Slice): boolean {
    if (this.#prepared) return true;
    while (!this.#filter.prepare()) if (isOver(slice)) return false;
    this.#prepared = true;
    for (const handler of handlers) handler.adopted = [];
    return true;
  }

  readonly #visitOne = (handler: UpcallHandler, ukey: Ukey): void => this.#visit(handler, ukey);

  readonly #next = (handler: UpcallHandler, from: number, end: number): number => {
    const { dependences } = handler;
    if (handler.isModifying || this.#filter.mayTouchAny(dependences)) {
      return this.#filter.next(dependences, from, end);
    }
    return end;
  };

  /** Those that the PMD has answered for meanwhile, and those that took others' actions over. */
  #visitAnswered(handlers: readonly UpcallHandler[], slice: Slice): void {
    for (const handler of handlers) {
      for (const ukey of handler.adopted?.splice(0) ?? []) this.#unanswered.push({ handler, ukey });
    }
    const before = this.#unanswered;
    this.#unanswered = [];
    this.#cutShort = false;
    for (let i = 0; i < before.length; i++) {
      const one = before[i]!;
      if (i % STRIDE === 0 && (isOver(slice) || isFull(one.handler, slice))) {
        for (const one of before.slice(i)) this.#unanswered.push(one);
        this.#cutShort = true;
        return;
      }
      if (handlers.includes(one.handler)) this.#visit(one.handler, one.ukey);
    }
  }

  #visit(handler: UpcallHandler, ukey: Ukey): void {
    switch (ukey.state) {
      case "live":
        this.#examine(handler, ukey);
        return;
      case "putting":
      case "modifying":
        this.#unanswered.push({ handler, ukey });
        return;
      default:
    }
  }

  #examine(handler: UpcallHandler, ukey: Ukey): void {
    const counters = this.#counters;
    counters.examined++;
    if (!this.#filter.touches(handler.dependences, ukey.place)) return;
    this.retranslated++;
    counters.retranslated++;
    const translation = handler.retranslate(ukey);
    if (!translation.cacheable || looksAtMore(translation.mask, ukey.mask)) {
      counters.removed.changed++;
      handler.remove(ukey);
    } else if (handler.replace(ukey, translation)) counters.changed++;
  }
}

/** Whether `mask` has bits that `than` has not: then the installed mask is too wide to be true. */
function looksAtMore(mask: Uint32Array, than: Uint32Array): boolean {
  for (let i = 0; i < KEY_WORD_COUNT; i++) if ((mask[i]! & ~than[i]!) !== 0) return true;
  return false;
}
