// Makes megaflows true again after a change: those that it can touch are translated once more, and changed in
// place, or removed where the new answer looks at more than their mask has.

import { KEY_WORD_COUNT } from "../../assembly/layout/flow-key.ts";
import type { ChangeFilter } from "./change-filter.ts";
import type { UpcallHandler } from "./handler.ts";
import { isOver, Pass, type Slice } from "./pass.ts";
import type { RevalidatorCounters } from "./revalidator-stats.ts";
import type { Ukey } from "./ukey.ts";

/** See the head of the file. */
export class ChangeRound {
  /** Milliseconds worked so far. */
  workMs = 0;
  /** Megaflows translated again. */
  retranslated = 0;
  readonly #filter: ChangeFilter;
  readonly #counters: RevalidatorCounters;
  readonly #pass = new Pass();
  #passed = false;
  /** Megaflows that the PMD had not answered for when the pass came by. */
  #unanswered: { readonly handler: UpcallHandler; readonly ukey: Ukey }[] = [];

  constructor(filter: ChangeFilter, counters: RevalidatorCounters) {
    this.#filter = filter;
    this.#counters = counters;
  }

  /** Whether only PMDs' answers are missing. */
  get waiting(): boolean {
    return this.#passed;
  }

  /** Goes on; returns whether every megaflow has been seen to. What was sent to PMDs may be on its way. */
  run(handlers: readonly UpcallHandler[], slice: Slice): boolean {
    const start = performance.now();
    this.#passed ||= this.#pass.run(handlers, slice, (handler, ukey) => this.#visit(handler, ukey));
    if (this.#passed && !isOver(slice)) this.#visitAnswered(handlers);
    this.workMs += performance.now() - start;
    return this.#passed && this.#unanswered.length === 0;
  }

  #visitAnswered(handlers: readonly UpcallHandler[]): void {
    const before = this.#unanswered;
    this.#unanswered = [];
    for (const one of before) if (handlers.includes(one.handler)) this.#visit(one.handler, one.ukey);
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
    if (!this.#filter.touches(ukey)) return;
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
