// What the thread of a PMD spends its cycles on: packets, looking for packets in vain, sleep. The sums lie in
// the control block for whoever wants to read them; they cost two readings of the cycle counter a call of 64 turns.

import { PMD_PROFILE } from "../../assembly/layout/pmd.ts";
import { PROFILE_TIME, PROFILE_TIME_COUNT } from "../../assembly/layout/profile.ts";
import type { SwitchMemory } from "../datapath/memory.ts";
import { cycleCounter } from "./cycle-counter.ts";

/** Cycles of a PMD's thread since its start. */
export interface PmdTime {
  /** In calls that received packets or applied commands. */
  readonly busy: number;
  /** In calls that found nothing to do. */
  readonly idle: number;
  readonly asleep: number;
  /** How often it slept; no cycles. */
  readonly sleeps: number;
  /** Longest time awake between two looks at commands and queues; also grows when the thread loses its core. */
  readonly longest: number;
}

const BUSY = 0;
const IDLE = 1;
const ASLEEP = 2;
const SLEEPS = 3;
const LONGEST = 4;

/** Gives every cycle since the last call to one of the three. */
export class TimeAccount {
  readonly #sums: Float64Array;
  readonly #read = cycleCounter().read;
  #last: number;

  constructor(memory: SwitchMemory, control: number) {
    this.#sums = sumsAt(memory, control);
    this.#last = this.#read();
  }

  /** The time since the last call went into a call of the datapath. */
  polled(worked: boolean): void {
    const took = this.#give(worked ? BUSY : IDLE);
    if (took > this.#sums[LONGEST]!) this.#sums[LONGEST] = took;
  }

  /** The time since the last call was slept. */
  slept(): void {
    this.#give(ASLEEP);
    this.#sums[SLEEPS]!++;
  }

  #give(to: number): number {
    const now = this.#read();
    const took = now - this.#last;
    this.#sums[to]! += took;
    this.#last = now;
    return took;
  }
}

/** Reads the account of the PMD whose control block lies at `control`. */
export function readPmdTime(memory: SwitchMemory, control: number): PmdTime {
  const sums = sumsAt(memory, control);
  return {
    busy: sums[BUSY]!,
    idle: sums[IDLE]!,
    asleep: sums[ASLEEP]!,
    sleeps: sums[SLEEPS]!,
    longest: sums[LONGEST]!,
  };
}

/** Begins to look for the longest turn anew. */
export function forgetLongest(memory: SwitchMemory, control: number): void {
  sumsAt(memory, control)[LONGEST] = 0;
}

function sumsAt(memory: SwitchMemory, control: number): Float64Array {
  return new Float64Array(memory.wasm.buffer, control + PMD_PROFILE + PROFILE_TIME, PROFILE_TIME_COUNT);
}
