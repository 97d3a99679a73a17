// A sweep over all megaflows: their statistics go to the rules, what their packets learned is learned, and
// those without packets for too long go.

import type { UpcallHandler } from "./handler.ts";
import { Pass, type Slice } from "./pass.ts";
import type { RevalidatorCounters } from "./revalidator-stats.ts";
import type { Ukey } from "./ukey.ts";

/** See the head of the file. */
export class Sweep {
  /** All packets before this have been credited when the sweep is through. */
  readonly startMs: number;
  /** Milliseconds worked so far. */
  workMs = 0;
  readonly #maxIdleMs: number;
  readonly #counters: RevalidatorCounters;
  readonly #pass = new Pass();

  constructor(startMs: number, maxIdleMs: number, counters: RevalidatorCounters) {
    this.startMs = startMs;
    this.#maxIdleMs = maxIdleMs;
    this.#counters = counters;
  }

  /** Goes on; returns whether it is through. */
  run(handlers: readonly UpcallHandler[], slice: Slice): boolean {
    const start = performance.now();
    const through = this.#pass.run(handlers, slice, (handler, ukey) => this.#visit(handler, ukey));
    this.workMs += performance.now() - start;
    return through;
  }

  #visit(handler: UpcallHandler, ukey: Ukey): void {
    if (ukey.state !== "live") return;
    handler.credit(ukey);
    if (this.startMs - handler.usedMs(ukey) >= this.#maxIdleMs) {
      this.#counters.removed.idle++;
      this.#counters.ageMs.add(this.startMs - ukey.createdMs);
      handler.remove(ukey);
    } else if (handler.refresh(ukey)) this.#counters.effectsRefreshed++;
  }
}
