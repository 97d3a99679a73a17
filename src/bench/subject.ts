// What is measured: a switch on worker threads with a trace on one port and ports that only count behind it.
import { DropReason } from "../../assembly/layout/stat.ts";
import type { Settings } from "../config/settings.ts";
import type { PmdStats } from "../datapath/pmd-stats.ts";
import { loadNative } from "../native.ts";
import { type LoadedTrace, loadTrace, placeTrace } from "../netdev/trace.ts";
import type { OfPort } from "../openflow/port.ts";
import { readStageProfile, type StageProfile } from "../pmd/stage-profiler.ts";
import {
  type YardstickReading,
  type YardstickState,
  yardstickReadings,
  yardstickState,
} from "../pmd/yardstick.ts";
import { ThreadedSwitch } from "../threaded-switch.ts";
import type { FrameStore } from "./pipeline/frame-store.ts";

/** Rules in `ovs-ofctl` syntax with the file to name in messages. */
interface RuleSource {
  readonly file: string;
  readonly text: string;
}

/** What a switch to be measured is made of. */
export interface SubjectOptions {
  /** A capture file, or packets. */
  readonly trace: string | FrameStore;
  readonly flows: readonly RuleSource[];
  readonly groups?: readonly RuleSource[];
  readonly settings: Settings;
  readonly exactMegaflows: boolean;
  readonly seed: bigint;
  /** CPUs, one PMD each; every PMD has a receive queue that sends the whole trace. */
  readonly cores: readonly number[];
  /** Ports 1 to n. */
  readonly ports: number;
  /** Ports of these queues, PMD by PMD in turn. Each has the trace in memory of its own. */
  readonly inPorts: readonly number[];
  /** Frames are used first in, first out, as a NIC's descriptor ring does. */
  readonly fifoFrames?: boolean;
  readonly log: (line: string) => void;
}

/** Counters at one moment, over all PMDs. */
export interface SubjectCounters {
  readonly received: number;
  readonly transmitted: number;
  readonly dropped: number;
  readonly upcallLost: number;
  readonly upcalls: number;
  readonly hits: { microflow: number; maskCache: number; masked: number; upcall: number };
  readonly masksVisited: number;
  readonly megaflows: number;
  readonly masks: number;
}

/** Rounds after which a workload that always has misses is digested as it is. */
const DIGEST_ROUNDS_MAX = 20;

/** A running switch. */
export class BenchSubject {
  private constructor(
    private readonly owner: ThreadedSwitch,
    /** Packets of one round of the trace. */
    readonly packets: number,
  ) {}

  /** Starts the switch; packets flow when it resolves. Rejects as its parts do, with nothing left running. */
  static async start(options: SubjectOptions): Promise<BenchSubject> {
    const owner = new ThreadedSwitch({
      settings: options.settings,
      exactMegaflows: options.exactMegaflows,
      seed: options.seed,
      cores: options.cores,
      fifoFrames: options.fifoFrames === true,
      log: options.log,
      yardstick: true,
    });
    try {
      for (let number = 1; number <= options.ports; number++) {
        owner.addPort({ number: number as OfPort, name: `p${number}`, transmit: "null" });
      }
      for (const { text, file } of options.groups ?? []) owner.addGroups(text, file);
      for (const { text, file } of options.flows) owner.addFlows(text, file);
      const traces: LoadedTrace[] = [];
      for (const _ of options.inPorts) traces.push(await placed(owner, options));
      for (let i = 0; i < owner.cores.length; i++) {
        const turn = i % traces.length;
        owner.addTrace(options.inPorts[turn] as OfPort, traces[turn]!);
      }
      return new BenchSubject(owner, traces[0]!.packets);
    } catch (error) {
      await owner.close();
      throw error;
    }
  }

  /** Which PMD runs where. */
  get placement(): string[] {
    const native = loadNative();
    return this.owner.cores.map((core, pmd) => {
      if (core >= 0) return `PMD ${pmd} on CPU ${core}`;
      return `PMD ${pmd} not pinned${native.addon === undefined ? `: ${native.reason}` : ""}`;
    });
  }

  /** PMDs at work. */
  get pmdCount(): number {
    return this.owner.cores.length;
  }

  /** Changes settings while packets flow. */
  async changeSettings(changes: Partial<Settings>): Promise<void> {
    await this.owner.changeSettings(changes);
  }

  /** Rounds that the slowest queue has made. */
  rounds(): number {
    return this.owner.traceRounds();
  }

  /**
   * Sends the trace through once, alone, and returns a digest of every byte sent, in order. Again while packets had to
   * wait for their megaflows: those that wait are passed by packets of other connections, and the order is another.
   */
  async digest(): Promise<string> {
    for (let round = 1; ; round++) {
      const before = this.counters().hits.upcall;
      const digest = await this.owner.digestRound();
      if (this.counters().hits.upcall === before || round === DIGEST_ROUNDS_MAX)
        return digest.toString(16).padStart(16, "0");
    }
  }

  counters(): SubjectCounters {
    const all = this.owner.stats();
    const sum = (of: (stats: PmdStats) => number) => all.reduce((total, stats) => total + of(stats), 0);
    return {
      received: sum((stats) => stats.counters.RX),
      transmitted: sum((stats) => stats.counters.TX),
      dropped: sum((stats) => stats.counters.DROPPED),
      upcallLost: sum((stats) => stats.drops[DropReason.UPCALL_LOST] ?? 0),
      upcalls: sum((stats) => stats.counters.UPCALLS),
      hits: {
        microflow: sum((stats) => stats.counters.HIT_MICROFLOW),
        maskCache: sum((stats) => stats.counters.HIT_MASK_CACHE),
        masked: sum((stats) => stats.counters.HIT_MASKED),
        upcall: sum((stats) => stats.counters.MISS),
      },
      masksVisited: sum((stats) => stats.counters.MASKS_VISITED),
      megaflows: sum((stats) => stats.flows),
      masks: sum((stats) => stats.masks),
    };
  }

  /** What the PMDs' yardsticks have done so far. */
  yardsticks(): YardstickState[] {
    return this.owner.yardsticks.map(({ base }) => yardstickState(this.owner.memory, base));
  }

  /** What they read between two states, by PMD. */
  yardstickReadings(
    before: readonly YardstickState[],
    after: readonly YardstickState[],
  ): YardstickReading[][] {
    return this.owner.yardsticks.map(({ base }, i) =>
      yardstickReadings(this.owner.memory, base, before[i]!.count, after[i]!.count),
    );
  }

  /** Stage profiles of all PMDs, added up. */
  profile(): StageProfile {
    const all = this.owner.pmds.map((pmd) => readStageProfile(this.owner.memory, pmd.layout.control));
    const add = (of: (profile: StageProfile) => readonly number[]) =>
      all.map(of).reduce((sum, one) => sum.map((value, i) => value + one[i]!));
    return {
      cycles: add((profile) => profile.cycles),
      packets: all.reduce((sum, profile) => sum + profile.packets, 0),
      batches: all.reduce((sum, profile) => sum + profile.batches, 0),
      histogram: add((profile) => profile.histogram),
    };
  }

  async close(): Promise<void> {
    await this.owner.close();
  }
}

async function placed(owner: ThreadedSwitch, options: SubjectOptions): Promise<LoadedTrace> {
  if (typeof options.trace !== "string") {
    return { ...placeTrace(owner.memory, options.trace.packets()), leftOut: 0 };
  }
  const trace = await loadTrace(owner.memory, options.trace);
  if (trace.leftOut > 0) {
    options.log(`${options.trace}: ${trace.leftOut} packets left out, too short or too long to send`);
  }
  return trace;
}
