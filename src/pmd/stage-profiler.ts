// Times one batch in PROFILE_INTERVAL stage by stage, in short bursts, on the PMD's own thread, and keeps the sums in the
// control block for whoever wants to read them. Costs under 1 % of a saturated core.
import { PMD_PROFILE, PMD_RXQ_COUNT, PMD_STATS } from "../../assembly/layout/pmd.ts";
import {
  PROFILE_BATCHES,
  PROFILE_BUCKETS,
  PROFILE_BUCKETS_PER_OCTAVE,
  PROFILE_CYCLES,
  PROFILE_HISTOGRAM,
  PROFILE_INTERVAL,
  PROFILE_PACKETS,
} from "../../assembly/layout/profile.ts";
import { PmdStat } from "../../assembly/layout/stat.ts";
import type { DatapathExports } from "../datapath/instance.ts";
import type { SwitchMemory } from "../datapath/memory.ts";
import { cycleCounter } from "./cycle-counter.ts";
import { datapathStages } from "./stages.ts";

/** Batches of a burst, and how many of them at its start are not counted. */
const BURST = 8;
const REMINDERS = 2;
/** Batches between two bursts. */
export const PROFILE_BURST_INTERVAL = PROFILE_INTERVAL * (BURST - REMINDERS);
/** A batch that took so many times the usual was interrupted: it counts in the histogram only. */
const DISTURBED = 4;
/** Weight of a new batch in what is usual. */
const NOVELTY = 1 / 16;

/** What the profile of a PMD says; all counts since its start. */
export interface StageProfile {
  /** Cycles by stage. */
  readonly cycles: readonly number[];
  readonly packets: number;
  readonly batches: number;
  /** Timed batches by cycles: bucket i begins at 2^(i / 8). */
  readonly histogram: readonly number[];
}

/** See the head of the file. */
export class StageProfiler {
  private readonly datapath: DatapathExports;
  private readonly memory: SwitchMemory;
  private readonly control: number;
  private readonly sums: Float64Array;
  private readonly counter = cycleCounter();
  private readonly batch = new Float64Array(datapathStages.length);
  private readonly run: ((context: number) => void)[];
  private nextRxq = 0;
  private usual = 0;

  constructor(memory: SwitchMemory, control: number, datapath: DatapathExports) {
    this.datapath = datapath;
    this.memory = memory;
    this.control = control;
    this.sums = new Float64Array(memory.wasm.buffer, control + PMD_PROFILE, PROFILE_HISTOGRAM / 8);
    this.run = datapathStages.slice(1).map((stage) => datapath[stage.name] as (context: number) => void);
  }

  /**
   * Takes a few batches of the next receive queue through the stages. Between two bursts the processor has
   * forgotten this code, so the first batches of a burst only remind it.
   */
  timeBurst(): void {
    for (let i = 0; i < BURST; i++) this.timeBatch(i >= REMINDERS);
  }

  private timeBatch(counts: boolean): void {
    const queues = this.memory.u32[(this.control + PMD_RXQ_COUNT) >>> 2]!;
    if (queues === 0) return;
    this.nextRxq = this.nextRxq + 1 < queues ? this.nextRxq + 1 : 0;
    const packetsBefore = this.received();
    const { read, overhead } = this.counter;
    const start = read();
    const context = this.datapath.stageReceive(this.nextRxq);
    let before = read();
    if (context === 0) return;
    this.batch[0] = Math.max(0, before - start - overhead);
    for (let i = 0; i < this.run.length; i++) {
      this.run[i]!(context);
      const after = read();
      this.batch[i + 1] = Math.max(0, after - before - overhead);
      before = after;
    }
    if (counts) this.keep((this.received() - packetsBefore) >>> 0);
  }

  private keep(packets: number): void {
    let total = 0;
    for (const cycles of this.batch) total += cycles;
    const bucket = Math.min(
      PROFILE_BUCKETS - 1,
      Math.floor(Math.log2(Math.max(1, total)) * PROFILE_BUCKETS_PER_OCTAVE),
    );
    this.memory.u32[((this.control + PMD_PROFILE + PROFILE_HISTOGRAM) >>> 2) + bucket]!++;
    const each = total / packets;
    if (this.usual !== 0 && each > this.usual * DISTURBED) {
      // What is usual may have changed for good: let it come nearer.
      this.usual *= 1 + NOVELTY;
      return;
    }
    this.usual = this.usual === 0 ? each : this.usual + (each - this.usual) * NOVELTY;
    for (let i = 0; i < this.batch.length; i++) this.sums[PROFILE_CYCLES / 8 + i]! += this.batch[i]!;
    this.sums[PROFILE_PACKETS / 8]! += packets;
    this.sums[PROFILE_BATCHES / 8]!++;
  }

  private received(): number {
    // The lower half is enough for a difference.
    return this.memory.u32[(this.control + PMD_STATS + PmdStat.RX * 8) >>> 2]!;
  }
}

/** Reads the profile of the PMD whose control block lies at `control`. */
export function readStageProfile(memory: SwitchMemory, control: number): StageProfile {
  const sums = new Float64Array(memory.wasm.buffer, control + PMD_PROFILE, PROFILE_HISTOGRAM / 8);
  const histogram = (control + PMD_PROFILE + PROFILE_HISTOGRAM) >>> 2;
  return {
    cycles: datapathStages.map((_, i) => sums[PROFILE_CYCLES / 8 + i]!),
    packets: sums[PROFILE_PACKETS / 8]!,
    batches: sums[PROFILE_BATCHES / 8]!,
    histogram: Array.from(memory.u32.subarray(histogram, histogram + PROFILE_BUCKETS)),
  };
}

/** What was added between two readings. */
export function profileBetween(before: StageProfile, after: StageProfile): StageProfile {
  return combine(before, after, (x, y) => y - x);
}

/** The sum of two profiles. */
export function addProfiles(first: StageProfile, second: StageProfile): StageProfile {
  return combine(first, second, (x, y) => x + y);
}

function combine(
  first: StageProfile,
  second: StageProfile,
  of: (x: number, y: number) => number,
): StageProfile {
  return {
    cycles: first.cycles.map((value, i) => of(value, second.cycles[i]!)),
    packets: of(first.packets, second.packets),
    batches: of(first.batches, second.batches),
    histogram: first.histogram.map((value, i) => of(value, second.histogram[i]!)),
  };
}
