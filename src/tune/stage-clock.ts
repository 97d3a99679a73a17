// Times every batch stage by stage, unlike src/pmd/stage-profiler.ts, which times a few: for calibrations
// of a fraction of a second.

import { PMD_STATS } from "../../assembly/layout/pmd.ts";
import { PmdStat } from "../../assembly/layout/stat.ts";
import type { DatapathExports } from "../datapath/instance.ts";
import type { SwitchMemory } from "../datapath/memory.ts";
import { cycleCounter } from "../pmd/cycle-counter.ts";
import { datapathStages } from "../pmd/stages.ts";

/** Cycles by stage, in the order of datapathStages, over `packets` packets. */
export interface StageSums {
  readonly cycles: readonly number[];
  readonly packets: number;
}

/**
 * What the stages have of `cycles`, in proportion to what was timed. With a packet a batch that can be less than what
 * timing itself takes: such a stage has nothing, and where all are such, they share alike.
 */
export function shareOut(cycles: number, { cycles: timed }: StageSums): number[] {
  const weights = timed.map((one) => Math.max(0, one));
  const sum = weights.reduce((total, one) => total + one, 0);
  return weights.map((one) => (sum === 0 ? 1 / weights.length : one / sum) * cycles);
}

/** A batch that took so many times the usual was interrupted, and is left out. */
const DISTURBED = 4;

/** See the head of the file. */
export class StageClock {
  readonly #memory: SwitchMemory;
  readonly #received: number;
  readonly #datapath: DatapathExports;
  readonly #run: ((context: number) => void)[];
  readonly #sums = new Float64Array(datapathStages.length);
  readonly #batch = new Float64Array(datapathStages.length);
  readonly #counter = cycleCounter();
  #packets = 0;
  #usual = 0;

  constructor(memory: SwitchMemory, control: number, datapath: DatapathExports) {
    this.#memory = memory;
    // The lower half of the counter is enough for a difference.
    this.#received = (control + PMD_STATS + PmdStat.RX * 8) >>> 2;
    this.#datapath = datapath;
    this.#run = datapathStages.slice(1).map((stage) => datapath[stage.name] as (context: number) => void);
  }

  /** Forgets what was timed. */
  reset(): void {
    this.#sums.fill(0);
    this.#packets = 0;
    this.#usual = 0;
  }

  /** Packets that the PMD has received, modulo 2^32. */
  get received(): number {
    return this.#memory.u32[this.#received]!;
  }

  /** Takes a batch of the first receive queue through the stages. */
  timeBatch(): void {
    const receivedBefore = this.received;
    const { read, overhead } = this.#counter;
    const start = read();
    const context = this.#datapath.stageReceive(0);
    let before = read();
    if (context === 0) return;
    const batch = this.#batch;
    batch[0] = before - start - overhead;
    for (let i = 0; i < this.#run.length; i++) {
      this.#run[i]!(context);
      const after = read();
      batch[i + 1] = after - before - overhead;
      before = after;
    }
    this.#keep((this.received - receivedBefore) >>> 0, (before - start) as number);
  }

  /** What was timed since the last reset. */
  sums(): StageSums {
    return { cycles: [...this.#sums], packets: this.#packets };
  }

  #keep(packets: number, total: number): void {
    const each = total / packets;
    if (this.#usual !== 0 && each > this.#usual * DISTURBED) {
      this.#usual *= 1.1;
      return;
    }
    this.#usual = this.#usual === 0 ? each : this.#usual + (each - this.#usual) / 16;
    for (let i = 0; i < this.#sums.length; i++) this.#sums[i]! += this.#batch[i]!;
    this.#packets += packets;
  }
}
