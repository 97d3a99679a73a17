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
  /** Of that, the thread ran, and waited for a core that others had; NaN where nobody tells (see thread-clock.ts). */
  readonly ranMs: number;
  readonly waitedMs: number;
  /** By the clock, what was done; without what took less than a tenth of a millisecond. */
  readonly steps: Readonly<Partial<Record<SliceStep, number>>>;
}

/** Shorter slices were only a look whether there was anything to do. */
const IDLE_MS = 0.02;
/** Steps that took less are not told. */
const STEP_MIN_MS = 0.1;

/** See the head of the file. */
export class SliceWatch {
  /** Slices in microseconds by the clock, and what the thread ran in each. */
  readonly sliceUs = new Histogram();
  readonly ranUs = new Histogram();
  /** The slice that was longest by the clock, and the one in which the thread ran longest. */
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
    this.#clock.read();
    const ranMs = this.#clock.ranMs - this.#ranMs;
    if (!Number.isNaN(ranMs)) this.ranUs.add(ranMs * 1000);
    const isLongest = this.longest === null || ms > this.longest.ms;
    const isBusiest = this.busiest === null || ranMs > this.busiest.ranMs;
    if (!isLongest && !isBusiest) return;
    this.#account(nowMs);
    const waitedMs = this.#clock.waitedMs - this.#waitedMs;
    const steps: Partial<Record<SliceStep, number>> = {};
    for (const [step, spent] of this.#spent) if (spent >= STEP_MIN_MS) steps[step] = spent;
    const report = { ms, ranMs, waitedMs, steps };
    if (isLongest) this.longest = report;
    if (isBusiest) this.busiest = report;
  }

  #account(nowMs: number): void {
    this.#spent.set(this.#step, (this.#spent.get(this.#step) ?? 0) + nowMs - this.#sinceMs);
    this.#sinceMs = nowMs;
  }
}
