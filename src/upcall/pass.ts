// A pass over all megaflows of all PMDs that can stop at any place and go on later, while megaflows come and
// go and PMDs die and start anew.

import type { UpcallHandler } from "./handler.ts";
import type { Ukey } from "./ukey.ts";

/** How long work may go on. */
export interface Slice {
  /** When it ends, as performance.now() tells; Infinity for work that has to be done at once. */
  readonly deadline: number;
}

/** Megaflows visited between two looks at the clock, and places that are only looked at. */
const STRIDE = 16;
const LOOKED_AT = 2048;
/** Room that a stride's commands may need: below it the pass waits for the PMD. */
const ROOM_BYTES = 256 << 10;

type Visit = (handler: UpcallHandler, ukey: Ukey) => void;
type Next = (handler: UpcallHandler, from: number, end: number) => number;

/** Whether a slice is over. */
export function isOver({ deadline }: Slice): boolean {
  return deadline !== Number.POSITIVE_INFINITY && performance.now() >= deadline;
}

/** Whether the PMD has to take commands before it gets more: waiting here would stall everybody. */
export function isFull(handler: UpcallHandler, { deadline }: Slice): boolean {
  return deadline !== Number.POSITIVE_INFINITY && handler.channel.room < ROOM_BYTES;
}

/** See the head of the file. */
export class Pass {
  /** PMDs that were gone through, or are being. */
  readonly #begun = new Set<UpcallHandler>();
  /** How far to go, where only what was there when the pass was made needs a visit. */
  readonly #ends: ReadonlyMap<UpcallHandler, number> | undefined;
  #handler: UpcallHandler | undefined;
  #place = 0;
  #end = 0;

  /** `before`: visit only megaflows that are there now, in these PMDs. */
  constructor(before?: readonly UpcallHandler[]) {
    if (before !== undefined) this.#ends = new Map(before.map((handler) => [handler, handler.ukeys.length]));
  }

  /**
   * Goes on until it is through or the slice is over; returns whether it is through. `next` names the first place
   * worth a visit from a place on and before an end; that end where there is none.
   */
  run(handlers: readonly UpcallHandler[], slice: Slice, visit: Visit, next: Next = nextPlace): boolean {
    for (;;) {
      if (this.#handler !== undefined && !handlers.includes(this.#handler)) this.#handler = undefined;
      this.#handler ??= this.#next(handlers);
      if (this.#handler === undefined) return true;
      if (!this.#stride(this.#handler, slice, visit, next)) return false;
    }
  }

  /** Visits what is left of one PMD; returns whether that was all. */
  #stride(handler: UpcallHandler, slice: Slice, visit: Visit, next: Next): boolean {
    const { ukeys } = handler;
    while (this.#place < this.#end) {
      if (isOver(slice) || isFull(handler, slice)) return false;
      const stop = Math.min(this.#end, this.#place + LOOKED_AT);
      for (let visits = 0; visits < STRIDE && this.#place < stop; visits++) {
        this.#place = next(handler, this.#place, stop);
        if (this.#place === stop) break;
        const ukey = ukeys.at(this.#place++);
        if (ukey !== undefined) visit(handler, ukey);
      }
    }
    this.#handler = undefined;
    return true;
  }

  /** The next PMD; what comes into its table from now on needs no visit. */
  #next(handlers: readonly UpcallHandler[]): UpcallHandler | undefined {
    const next = handlers.find((handler) => !this.#begun.has(handler));
    if (next === undefined) return undefined;
    this.#begun.add(next);
    this.#place = 0;
    this.#end = this.#ends === undefined ? next.ukeys.length : (this.#ends.get(next) ?? 0);
    return next;
  }
}

function nextPlace(_handler: UpcallHandler, from: number): number {
  return from;
}
