// The datapath in WebAssembly by itself, on the calling thread: a trace port, null ports, megaflows that are
// there from the start, no controller. For stages, comparisons with C, and tests of the benches.

import { Command } from "../../../assembly/layout/command.ts";
import { PMD_STATS } from "../../../assembly/layout/pmd.ts";
import { PORT_FLAG_DIGEST, PortKind, RXQ_TRACE_LIMIT } from "../../../assembly/layout/port.ts";
import { PmdStat } from "../../../assembly/layout/stat.ts";
import { type DatapathExports, startDatapath } from "../../datapath/instance.ts";
import { type PmdStats, readPmdStats, readU64 } from "../../datapath/pmd-stats.ts";
import { cycleCounter } from "../../pmd/cycle-counter.ts";
import { datapathStages } from "../../pmd/stages.ts";
import { type PipelineInput, PreparedPmd } from "./prepared-pmd.ts";

/** One batch in so many is timed stage by stage. */
export const PROFILE_INTERVAL = 256;
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
  private readonly pmd: PreparedPmd;
  private readonly datapath: DatapathExports;
  private readonly ports: number;
  private readonly cycles = cycleCounter();
  private readonly stageCycles = new Float64Array(datapathStages.length);
  private profiledPackets = 0;

  constructor(input: PipelineInput) {
    let datapath: DatapathExports | undefined;
    const start = (pmd: PreparedPmd) => {
      datapath ??= startDatapath(pmd.memory, pmd.layout.control);
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
  }

  /** What the PMD has counted. */
  get stats(): PmdStats {
    return readPmdStats(this.pmd.memory, this.pmd.layout.control);
  }

  /** Sends the trace once, from where it stands, and returns what came out. */
  checkPass(): PassCheck {
    const limit = (this.pmd.rxq(0) + RXQ_TRACE_LIMIT) / 4;
    const { u32 } = this.pmd.memory;
    this.setPorts(PortKind.NULL | PORT_FLAG_DIGEST);
    u32[limit] = 1;
    while (this.datapath.poll(TURNS, 0) !== 0) this.pmd.channel.upcalls.drain(() => {});
    const { counters, digest } = this.stats;
    u32[limit] = 0;
    this.setPorts(PortKind.NULL);
    return {
      digest: BigInt.asUintN(64, digest).toString(16).padStart(16, "0"),
      received: counters.RX,
      sent: counters.TX,
      misses: counters.MISS,
    };
  }

  /** Packets a second over `seconds`, one batch in PROFILE_INTERVAL timed stage by stage. */
  window(seconds: number): number {
    const before = this.received();
    const from = performance.now();
    const until = from + seconds * 1000;
    let now = from;
    while (now < until) {
      for (let i = 0; i < PROFILE_INTERVAL / TURNS; i++) this.datapath.poll(TURNS, now);
      this.timedBatch();
      now = performance.now();
    }
    return ((this.received() - before) / (now - from)) * 1000;
  }

  /** Cycles a packet of each stage since the last call, in the order of `datapathStages`. */
  takeStageCycles(): number[] {
    const packets = Math.max(1, this.profiledPackets);
    const result = Array.from(this.stageCycles, (cycles) => cycles / packets);
    this.stageCycles.fill(0);
    this.profiledPackets = 0;
    return result;
  }

  private timedBatch(): void {
    const { datapath, stageCycles } = this;
    const { read, overhead } = this.cycles;
    const packets = this.received();
    const start = read();
    const context = datapath.stageReceive(0);
    let before = read();
    if (context === 0) return;
    stageCycles[0]! += before - start - overhead;
    for (let i = 1; i < datapathStages.length; i++) {
      (datapath[datapathStages[i]!.name] as (context: number) => void)(context);
      const after = read();
      stageCycles[i]! += after - before - overhead;
      before = after;
    }
    this.profiledPackets += this.received() - packets;
  }

  private received(): number {
    return readU64(this.pmd.memory, this.pmd.layout.control + PMD_STATS + PmdStat.RX * 8);
  }

  private setPorts(word: number): void {
    for (let port = 1; port <= this.ports; port++)
      this.pmd.channel.record(Command.PORT, port, [word, 0, 0, 0]);
  }
}
