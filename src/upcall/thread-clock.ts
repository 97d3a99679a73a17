// How much of its time a thread really had its core: what is long by the clock may be another thread's doing.
// The addon tells what it ran to the nanosecond; Linux in /proc (schedstat), to a scheduler's tick, and only
// there how long it waited; elsewhere nobody does.

import { openSync, readSync } from "node:fs";
import { loadNative } from "../native.ts";

/** Longest text of a schedstat: three numbers. */
const TEXT_BYTES = 96;

let clock: ThreadClock | undefined;

/** The clock of the calling thread. */
export function threadClock(): ThreadClock {
  clock ??= new ThreadClock();
  return clock;
}

/** Times of the thread that made it since that began, in milliseconds; NaN where the kernel does not tell. */
class ThreadClock {
  /** On the core, and ready to run while others had it. */
  ranMs = Number.NaN;
  waitedMs = Number.NaN;
  /** Missing in an addon that was built before there was such a function. */
  readonly #exactMs: (() => number) | undefined = loadNative().addon?.threadCpuMs;
  readonly #text = Buffer.alloc(TEXT_BYTES);
  #file: number | undefined;

  constructor() {
    try {
      this.#file = openSync("/proc/thread-self/schedstat", "r");
    } catch {
      this.#file = undefined;
    }
  }

  /** Reads both anew; takes a microsecond or two. */
  read(): void {
    if (this.#exactMs !== undefined) this.ranMs = this.#exactMs();
    if (this.#file === undefined) return;
    const length = readSync(this.#file, this.#text, 0, TEXT_BYTES, 0);
    const [ran, waited] = this.#text.toString("latin1", 0, length).split(" ");
    if (this.#exactMs === undefined) this.ranMs = Number(ran) / 1e6;
    this.waitedMs = Number(waited) / 1e6;
  }
}
