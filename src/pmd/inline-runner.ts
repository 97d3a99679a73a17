// Runs a PMD on the calling thread, a turn at a time: deterministic, for replays, tests and tools.

import { PMD_CLOCK_US } from "../../assembly/layout/pmd.ts";
import { clockUs } from "../datapath/clock-us.ts";
import { type DatapathExports, startDatapath } from "../datapath/instance.ts";
import type { Revalidator } from "../upcall/revalidator.ts";
import type { Pmd, PmdRunner } from "./pmd.ts";

/** Turns a settling makes at most before it is taken for endless. */
const SETTLE_TURNS_MAX = 1_000_000;

/** Revalidation is done when the call returns. */
const AT_ONCE = { deadline: Number.POSITIVE_INFINITY };

/** See the head of the file. */
export class InlineRunner implements PmdRunner {
  readonly datapath: DatapathExports;
  /** Milliseconds since the switch started, as the next turn sees them. */
  clockMs = 0;
  readonly #pmd: Pmd;
  readonly #revalidator: Revalidator;

  constructor(pmd: Pmd, revalidator: Revalidator) {
    this.#pmd = pmd;
    this.#revalidator = revalidator;
    this.datapath = startDatapath(pmd.memory, pmd.layout.control);
    pmd.runner = this;
  }

  relieve(): void {
    this.#poll(1);
    // Replies need room: take them in, or commands would wait for ever.
    this.#pmd.handler.drain();
  }

  /**
   * Works until nothing is left to do: packets received, upcalls answered, megaflows revalidated.
   * @throws Error when that does not end: packets that cause ever more upcalls.
   */
  settle(): void {
    for (let turn = 0; turn < SETTLE_TURNS_MAX; turn++) {
      const worked = this.#poll(64);
      const answered = this.#pmd.handler.drain();
      const more = this.#revalidator.turn(AT_ONCE);
      if (worked !== 0 || answered !== 0 || more || !this.#pmd.channel.idle) continue;
      if (!this.#revalidator.refreshEffects() && !this.#revalidator.isRevalidating) return;
    }
    throw new Error(`the switch did not settle in ${SETTLE_TURNS_MAX} turns`);
  }

  async stop(): Promise<void> {
    this.settle();
  }

  #poll(turns: number): number {
    const { memory, layout } = this.#pmd;
    memory.u32[(layout.control + PMD_CLOCK_US) / 4] = clockUs();
    return this.datapath.poll(turns, this.clockMs);
  }
}
