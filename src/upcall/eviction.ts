// Makes room in a PMD that has as many megaflows as it may: the least recently used go. A first pass counts
// how long ago each was used, a second one removes those on the far side of the line.

import type { UpcallHandler } from "./handler.ts";
import { Pass, type Slice } from "./pass.ts";
import type { RevalidatorCounters } from "./revalidator-stats.ts";
import type { Ukey } from "./ukey.ts";

/** Ages are told apart up to here; older ones are all the same. */
const AGE_MAX_MS = 16_383;
/** Share of the limit that is made room for at once. */
const SHARE = 1 / 16;

/** See the head of the file. */
export class Eviction {
  readonly handler: UpcallHandler;
  readonly #nowMs: number;
  readonly #limit: number;
  readonly #counters: RevalidatorCounters;
  readonly #ages = new Uint32Array(AGE_MAX_MS + 1);
  readonly #counting = new Pass();
  readonly #removing = new Pass();
  /** Age from which on megaflows go; undefined while counting. */
  #line: number | undefined;
  /** How many go that have exactly this age, and how many in all. */
  #onLine = 0;
  #left = 0;

  /** `limit`: megaflows that the PMD may have. */
  constructor(handler: UpcallHandler, limit: number, nowMs: number, counters: RevalidatorCounters) {
    this.handler = handler;
    this.#limit = limit;
    this.#nowMs = nowMs;
    this.#counters = counters;
  }

  /** Goes on; returns whether it is through. */
  run(slice: Slice): boolean {
    const handlers = [this.handler];
    if (this.#line === undefined) {
      if (!this.#counting.run(handlers, slice, (handler, ukey) => this.#count(handler, ukey))) return false;
      this.#drawLine();
    }
    return this.#removing.run(handlers, slice, (handler, ukey) => this.#remove(handler, ukey));
  }

  #count(handler: UpcallHandler, ukey: Ukey): void {
    if (ukey.state === "live") this.#ages[this.#age(handler, ukey)]!++;
  }

  #drawLine(): void {
    const room = Math.ceil(this.#limit * SHARE);
    this.#left = Math.max(0, this.handler.ukeys.size - this.#limit + room);
    let older = 0;
    let line = AGE_MAX_MS;
    while (line > 0 && older + this.#ages[line]! < this.#left) older += this.#ages[line--]!;
    this.#line = line;
    this.#onLine = this.#left - older;
  }

  #remove(handler: UpcallHandler, ukey: Ukey): void {
    if (ukey.state !== "live" || this.#left === 0) return;
    const age = this.#age(handler, ukey);
    if (age < this.#line! || (age === this.#line && this.#onLine === 0)) return;
    if (age === this.#line) this.#onLine--;
    this.#left--;
    this.#counters.removed.flowLimit++;
    this.#counters.ageMs.add(this.#nowMs - ukey.createdMs);
    handler.remove(ukey);
  }

  #age(handler: UpcallHandler, ukey: Ukey): number {
    return Math.min(AGE_MAX_MS, Math.max(0, this.#nowMs - handler.usedMs(ukey)));
  }
}
