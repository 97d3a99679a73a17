// Watches the revalidator's slices: how long they are by the clock, how much of that the thread really ran, and
// what it did meanwhile. A slice that is long by the clock alone was kept from its core by others.

import { Histogram } from "./histogram.ts";
import { threadClock } from "./thread-clock.ts";

/** What the revalidator may be doing. */
export type SliceStep =
  | "commands"
  | "choosing"
  | "translating"
  | "reinstalling"
  | "making room"
  | "reading statistics"
  | "expiring rules"
  | "sweeping registries"
  | "telling listeners";

/** A slice; times in milliseconds. */
export interface SliceReport {
  /** By the clock. */
  readonly ms: number;
  /** Of that, the thread ran, and waited for a core that others had; NaN where the kernel does not tell. To a tick, about 4 ms. */
  readonly ranMs: number;
  readonly waitedMs: number;
  /** By the clock, what was done; without what took less than a tenth of a millisecond. */
  readonly steps: Readonly<Partial<Record<SliceStep, number>>>;
}

/** Shorter slices were only a look whether there was anything to do. */
const IDLE_MS = 0.02;
/** Longer ones are looked at closely. */
const LONG_MS = 20;
/** Steps that took less are not told. */
const STEP_MIN_MS = 0.1;

/** See the head of the file. */
export class SliceWatch {
  /** Slices in microseconds by the clock, and what the thread ran in those over LONG_MS. */
  readonly sliceUs = new Histogram();
  /** The slice in which the thread ran longest, and the one that was longest by the clock. */
  longest: SliceReport | null = null;
  busiest: SliceReport | null = null;
  readonly #clock = threadClock();
  readonly #spent = new Map<SliceStep, number>();
  #step: SliceStep = "commands";
  #startMs = 0;
  #sinceMs = 0;
  #ranMs = 0;
  #waitedMs = 0;

  /** A slice begins. */
  begin(): void {
    this.#spent.clear();
    this.#clock.read();
    this.#ranMs = this.#clock.ranMs;
    this.#waitedMs = this.#clock.waitedMs;
    this.#startMs = performance.now();
    this.#sinceMs = this.#startMs;
    this.#step = "commands";
  }

  /** From here on it does something else. */
  now(step: SliceStep): void {
    if (step === this.#step) return;
    this.#account(performance.now());
    this.#step = step;
  }

  /** The slice is over. */
  end(): void {
    const nowMs = performance.now();
    const ms = nowMs - this.#startMs;
    if (ms <= IDLE_MS) return;
    this.sliceUs.add(ms * 1000);
    if (ms < LONG_MS && this.longest !== null && ms <= this.longest.ms) return;
    this.#account(nowMs);
    this.#clock.read();
    const ranMs = this.#clock.ranMs - this.#ranMs;
    const waitedMs = this.#clock.waitedMs - this.#waitedMs;
    const steps: Partial<Record<SliceStep, number>> = {};
    for (const [step, spent] of this.#spent) if (spent >= STEP_MIN_MS) steps[step] = spent;
    const report = { ms, ranMs, waitedMs, steps };
    if (this.longest === null || ms > this.longest.ms) this.longest = report;
    if (this.busiest === null || ranMs > this.busiest.ranMs) this.busiest = report;
  }

  #account(nowMs: number): void {
    this.#spent.set(this.#step, (this.#spent.get(this.#step) ?? 0) + nowMs - this.#sinceMs);
    this.#sinceMs = nowMs;
  }
}
