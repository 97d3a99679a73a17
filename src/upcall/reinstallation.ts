// The megaflows of a PMD that died, installed anew in the one that takes its place: translated again, since rules
// may have changed meanwhile, and in slices, since its command ring holds only some of them.

import type { UpcallHandler } from "./handler.ts";
import { isFull, isOver, type Slice } from "./pass.ts";

/** Megaflows between two looks at the clock. */
const STRIDE = 16;

/** See the head of the file. */
export class Reinstallation {
  readonly to: UpcallHandler;
  readonly #from: UpcallHandler;
  #place = 0;

  /** Closes the books of `from`, whose memory may be given back from then on. */
  constructor(from: UpcallHandler, to: UpcallHandler) {
    this.#from = from;
    this.to = to;
    from.retire();
  }

  /** Goes on; returns whether it is through. */
  run(slice: Slice): boolean {
    const { ukeys } = this.#from;
    while (this.#place < ukeys.length) {
      if (isOver(slice) || isFull(this.to, slice)) return false;
      const stop = Math.min(ukeys.length, this.#place + STRIDE);
      while (this.#place < stop) {
        const ukey = ukeys.at(this.#place++);
        if (ukey?.state === "live") this.to.reinstall(ukey);
      }
    }
    return true;
  }
}
