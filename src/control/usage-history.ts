// What the switch did in the last minute, for pmd-rxq-show, and in the last hour, for coverage/show: readings of
// cumulative counters, one every five seconds, as Open vSwitch keeps them.

import type { Snapshot } from "../observe/snapshot.ts";
import { coverageOf } from "./coverage.ts";

/** Time between two readings. */
const STEP_MS = 5000;
/** Readings kept: an hour of them. */
const READINGS_MAX = 721;

/** One reading. */
export interface UsageReading {
  readonly timeMs: number;
  readonly pmds: readonly {
    readonly index: number;
    readonly busy: number;
    readonly total: number;
    /** Cycles by queue, where they are measured, and packets. */
    readonly rxqs: readonly { readonly cycles: number; readonly packets: number }[];
  }[];
  readonly coverage: ReadonlyMap<string, number>;
  readonly megaflows: number;
}

/** See the head of the file. */
export class UsageHistory {
  readonly #take: () => Snapshot;
  readonly #readings: UsageReading[] = [];
  readonly #timer: NodeJS.Timeout;

  /** `take`: takes a snapshot of the switch. */
  constructor(take: () => Snapshot) {
    this.#take = take;
    this.#readings.push(this.now());
    this.#timer = setInterval(() => this.#step(), STEP_MS);
    this.#timer.unref();
  }

  /** The reading of this moment, which is not kept. */
  now(): UsageReading {
    const snapshot = this.#take();
    return {
      timeMs: snapshot.timeMs,
      pmds: snapshot.pmds.map(({ index, time, rxqs }) => ({
        index,
        busy: time.busy,
        total: time.busy + time.idle + time.asleep,
        rxqs: rxqs.map(({ cycles, packets }) => ({ cycles, packets })),
      })),
      coverage: coverageOf(snapshot),
      megaflows: snapshot.megaflows,
    };
  }

  /** The reading that is nearest to so many seconds ago; the oldest there is where none is as old. */
  ago(seconds: number): UsageReading {
    const wanted = Date.now() - seconds * 1000;
    const best = this.#readings.findLast((reading) => reading.timeMs <= wanted + STEP_MS / 2);
    return best ?? (this.#readings[0] as UsageReading);
  }

  /** Average and most megaflows of the readings and of `now`. */
  megaflows(now: number): { average: number; most: number } {
    const counts = [...this.#readings.map((reading) => reading.megaflows), now];
    const sum = counts.reduce((all, count) => all + count, 0);
    return { average: Math.round(sum / counts.length), most: Math.max(...counts) };
  }

  /** Ends the readings. */
  close(): void {
    clearInterval(this.#timer);
  }

  #step(): void {
    this.#readings.push(this.now());
    if (this.#readings.length > READINGS_MAX) this.#readings.shift();
  }
}
