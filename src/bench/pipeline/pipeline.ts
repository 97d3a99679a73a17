// The datapath in WebAssembly by itself, on the calling thread: a trace port, null ports, megaflows that are
// there from the start, no controller. For stages, comparisons with C, and tests of the benches.

import { Command } from "../../../assembly/layout/command.ts";
import { PMD_STATS } from "../../../assembly/layout/pmd.ts";
import {
  PORT_FLAG_DIGEST,
  PortKind,
  RXQ_TRACE_LIMIT,
  RXQ_TRACE_ROUNDS,
} from "../../../assembly/layout/port.ts";
import { PmdStat } from "../../../assembly/layout/stat.ts";
import { type DatapathExports, startDatapath } from "../../datapath/instance.ts";
import { type PmdStats, readPmdStats, readU64 } from "../../datapath/pmd-stats.ts";
import {
  PROFILE_BURST_INTERVAL,
  readStageProfile,
  type StageProfile,
  StageProfiler,
} from "../../pmd/stage-profiler.ts";
import { type PipelineInput, PreparedPmd } from "./prepared-pmd.ts";

/** Turns a call, as the PMD's thread makes them. */
const TURNS = 64;

/** What one pass of the trace did. */
export interface PassCheck {
  /** Fingerprint of every byte sent, in order. */
  readonly digest: string;
  readonly received: number;
  readonly sent: number;
  readonly misses: number;
}

/** See the head of the file. */
export class Pipeline {
  /** What the build exports. */
  readonly datapath: DatapathExports;
  private readonly pmd: PreparedPmd;
  private readonly ports: number;
  private readonly profiler: StageProfiler;

  constructor(input: PipelineInput) {
    let datapath: DatapathExports | undefined;
    const start = (pmd: PreparedPmd) => {
      datapath ??= startDatapath(pmd.memory, pmd.layout.control, input.module);
      return datapath;
    };
    const work = (pmd: PreparedPmd) => {
      start(pmd).poll(1, 0);
      pmd.channel.upcalls.drain(() => {});
    };
    this.ports = input.ports;
    this.pmd = new PreparedPmd(input, work);
    this.datapath = start(this.pmd);
    while (!this.pmd.channel.idle) work(this.pmd);
    this.profiler = new StageProfiler(this.pmd.memory, this.pmd.layout.control, this.datapath);
  }

  /** What the PMD has counted. */
  get stats(): PmdStats {
    return readPmdStats(this.pmd.memory, this.pmd.layout.control);
  }

  /** Sends the trace once and returns what came out; to be called first. */
  checkPass(): PassCheck {
    this.setPorts(PortKind.NULL | PORT_FLAG_DIGEST);
    this.setRounds(0, 1);
    while (this.datapath.poll(TURNS, 0) !== 0) this.pmd.channel.upcalls.drain(() => {});
    const { counters, digest } = this.stats;
    this.setPorts(PortKind.NULL);
    return {
      digest: BigInt.asUintN(64, digest).toString(16).padStart(16, "0"),
      received: counters.RX,
      sent: counters.TX,
      misses: counters.MISS,
    };
  }

  /** Packets a second over `seconds`, stages timed as a PMD's thread times them. */
  window(seconds: number): number {
    this.setRounds(0, 0);
    const before = this.received();
    const from = performance.now();
    const until = from + seconds * 1000;
    let now = from;
    while (now < until) {
      for (let i = 0; i < PROFILE_BURST_INTERVAL / TURNS; i++) this.datapath.poll(TURNS, now);
      this.profiler.timeBurst();
      now = performance.now();
    }
    return ((this.received() - before) / (now - from)) * 1000;
  }

  /** Stage costs since the start. */
  get profile(): StageProfile {
    return readStageProfile(this.pmd.memory, this.pmd.layout.control);
  }

  private received(): number {
    return readU64(this.pmd.memory, this.pmd.layout.control + PMD_STATS + PmdStat.RX * 8);
  }

  /** `limit` rounds of the trace from now on; 0 = for ever. */
  private setRounds(made: number, limit: number): void {
    const { u32 } = this.pmd.memory;
    u32[(this.pmd.rxq(0) + RXQ_TRACE_ROUNDS) / 4] = made;
    u32[(this.pmd.rxq(0) + RXQ_TRACE_LIMIT) / 4] = limit;
  }

  private setPorts(word: number): void {
    for (let port = 1; port <= this.ports; port++)
      this.pmd.channel.record(Command.PORT, port, [word, 0, 0, 0]);
  }
}
