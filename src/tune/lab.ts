// A switch on the calling thread for experiments on its caches: a trace in linear memory, sent by hand. It
// learns the megaflows, records lookups, changes cache sizes and measures, all on the real datapath.

import { readFileSync } from "node:fs";
import { Command } from "../../assembly/layout/command.ts";
import { RegionId, Setting } from "../../assembly/layout/pmd.ts";
import { RXQ_TRACE_LIMIT, RXQ_TRACE_NEXT, RXQ_TRACE_ROUNDS, RxqKind } from "../../assembly/layout/port.ts";
import type { Settings } from "../config/settings.ts";
import type { Region } from "../datapath/memory.ts";
import type { PmdStats } from "../datapath/pmd-stats.ts";
import { RingReader, ringInit } from "../datapath/ring.ts";
import { MegaflowError } from "../errors.ts";
import { loadNative } from "../native.ts";
import { type OfPort, ofPortToOdp } from "../openflow/port.ts";
import { InlineRunner } from "../pmd/inline-runner.ts";
import type { Pmd } from "../pmd/pmd.ts";
import { Switch } from "../switch.ts";
import { LookupCollector, type Lookups } from "./lookups.ts";
import type { TracePlacement } from "./place-trace.ts";
import { StageClock, type StageSums } from "./stage-clock.ts";

/** What a lab is made with. */
export interface LabOptions {
  readonly settings: Settings;
  readonly exactMegaflows: boolean;
  readonly seed: bigint;
  /** Ports 1 to n, which count and recycle. */
  readonly ports: number;
  readonly inPort: number;
  /** CPU that the calling thread is pinned to. */
  readonly core?: number;
  /** The clock stands still. */
  readonly frozenClock?: boolean;
}

/** What learning a trace's megaflows took. */
export interface Learned {
  /** Packets of the first round that no megaflow matched. */
  readonly upcalls: number;
  /** Whether a whole round went by without an upcall in the end. */
  readonly settled: boolean;
  readonly megaflows: number;
  readonly masks: number;
}

const SAMPLE_RING_BYTES = 4 << 20;
/** Turns between two looks at what the controller has to do: 512 packets, fewer than may wait for it. */
const LEARN_TURNS = 8;
const LEARN_ROUNDS = 4;
/** Share of a core above which nobody else had a part of it. */
const UNDISTURBED = 0.93;
/** Turns a call, as a PMD's thread makes them. */
const TURNS = 64;

/** See the head of the file. */
export class Lab extends Switch {
  readonly #pmd: Pmd;
  readonly #runner: InlineRunner;
  readonly #options: LabOptions;
  readonly #started = performance.now();
  #trace: TracePlacement | undefined;
  #sampleRing: Region | undefined;
  readonly #stages: StageClock;

  constructor(options: LabOptions) {
    super({ settings: options.settings, exactMegaflows: options.exactMegaflows, seed: options.seed });
    this.#options = options;
    const { addon } = loadNative();
    addon?.adviseHugePages(this.memory.u8, 0, this.memory.u8.length);
    if (options.core !== undefined) addon?.setAffinity(options.core);
    this.#pmd = this.createPmd(0);
    this.pmds.push(this.#pmd);
    this.#runner = new InlineRunner(this.#pmd, this.revalidator);
    this.#stages = new StageClock(this.memory, this.#pmd.layout.control, this.#runner.datapath);
    for (let number = 1; number <= options.ports; number++)
      this.addPort({ number: number as OfPort, name: `p${number}`, transmit: "null" });
    for (const port of this.ports) this.givePort(this.#pmd, port);
    this.#runner.settle();
  }

  protected override changed(): void {
    this.#runner.settle();
  }

  /** Gives the input port a trace, silent until somebody sends it. */
  setTrace(trace: TracePlacement): void {
    this.#trace = trace;
    const port = ofPortToOdp(this.#options.inPort as OfPort) as number;
    this.#pmd.addRxq([RxqKind.TRACE, port, trace.index.base, trace.packets, 0, 1, 1, 0]);
    this.#runner.settle();
  }

  /** Packets of the trace. */
  get packets(): number {
    if (this.#trace === undefined) throw new MegaflowError("NO_TRACE", "the lab has no trace yet");
    return this.#trace.packets;
  }

  /** Counters since the start. */
  get counters(): PmdStats {
    return this.#pmd.stats;
  }

  /** Sends the trace until a whole round of it makes no upcall, four times at most. */
  learn(progress: (share: number) => void = () => {}): Learned {
    let upcalls = 0;
    let settled = false;
    for (let round = 0; round < LEARN_ROUNDS && !settled; round++) {
      const before = this.counters.counters.MISS;
      this.#round(LEARN_TURNS, () => progress(this.#position() / this.packets));
      const missed = this.counters.counters.MISS - before;
      if (round === 0) upcalls = missed;
      settled = missed === 0;
    }
    const { flows, masks } = this.counters;
    return { upcalls, settled, megaflows: flows, masks };
  }

  /** Writes the lookups of one connection in `sampling` (a power of two) into the sample ring from now on; 0 = none. */
  sample(sampling: number): RingReader {
    this.#sampleRing ??= this.memory.allocate(SAMPLE_RING_BYTES + 4096, "sample ring");
    const { base, size } = this.#sampleRing;
    this.#pmd.channel.plain(Command.SET, Setting.SAMPLE, 0);
    this.#runner.settle();
    ringInit(this.memory, this.#sampleRing);
    this.#pmd.channel.plain(Command.REGION, RegionId.SAMPLE_RING, base, size);
    this.#pmd.channel.plain(Command.SET, Setting.SAMPLE, sampling === 0 ? 0 : 1 + Math.log2(sampling));
    this.#runner.settle();
    return new RingReader(this.memory, base);
  }

  /** Sends the trace once and returns the lookups of one connection in `sampling`. */
  record(sampling = 1): Lookups {
    const reader = this.sample(sampling);
    const collector = new LookupCollector(Math.ceil(this.packets / sampling));
    this.#round(TURNS, () => reader.drain((record) => collector.add(this.memory.u32, record)));
    reader.drain((record) => collector.add(this.memory.u32, record));
    this.sample(0);
    return collector.lookups();
  }

  /** Gives the caches other sizes and policies; they are empty afterwards. */
  async configure(changes: Partial<Settings>): Promise<void> {
    await this.changeSettings({ "microflow.entries": 0, "maskCache.entries": 0 });
    await this.changeSettings(changes);
  }

  protected override async turn(): Promise<void> {
    this.#runner.settle();
  }

  /** Sends the trace once with nobody looking; returns the share of lookups that each level answered. */
  once(): HitCounts {
    const before = this.counters.counters;
    this.#round(TURNS, () => {});
    return hitsBetween(before, this.counters.counters);
  }

  /**
   * Sends the trace round and round for at least `seconds` and whole rounds; returns what it took. Only one
   * batch in many is timed by stages unless `everyBatch`.
   */
  measure(seconds: number, everyBatch = false): Measured {
    this.#rewind(0);
    const before = this.counters.counters;
    const stages = this.#stages;
    stages.reset();
    const from = performance.now();
    const ranFrom = ranMs();
    let rounds = 0;
    for (;;) {
      if (everyBatch) for (let i = 0; i < TURNS; i++) stages.timeBatch();
      else this.#runner.datapath.poll(TURNS, this.#clock());
      const elapsed = performance.now() - from;
      if (elapsed < seconds * 1000) continue;
      const now = this.#rounds();
      if (now !== rounds || this.packets > 1 << 18) break;
      if (elapsed > seconds * 4000) break;
      rounds = now;
    }
    // Where other processes take a share of the core, by the time that this thread ran, which the kernel counts in
    // ticks; else by the clock.
    const wall = performance.now() - from;
    const counted = ranMs() - ranFrom;
    const ran = counted < wall * UNDISTURBED ? counted : wall;
    const after = this.counters.counters;
    this.#silence();
    const packets = after.RX - before.RX;
    return {
      packets,
      nsPerPacket: (ran * 1e6) / Math.max(1, packets),
      hits: hitsBetween(before, after),
      stages: stages.sums(),
    };
  }

  /** Ends the lab. */
  async close(): Promise<void> {
    this.#silence();
    await this.#runner.stop();
    this.#pmd.release();
  }

  /** One round of the trace, `turns` turns between two calls of `look`. */
  #round(turns: number, look: () => void): void {
    this.#rewind(1);
    for (let idle = 0; idle < 3; ) {
      const worked = this.#runner.datapath.poll(turns, this.#clock());
      const answered = this.#pmd.handler.drain();
      this.revalidator.turn({ deadline: Number.POSITIVE_INFINITY });
      look();
      const busy = worked !== 0 || answered !== 0 || this.counters.inFlight !== 0;
      idle = busy ? 0 : idle + 1;
    }
  }

  #clock(): number {
    return this.#options.frozenClock === true ? 0 : Math.floor(performance.now() - this.#started);
  }

  #rewind(limit: number): void {
    const port = ofPortToOdp(this.#options.inPort as OfPort) as number;
    const trace = this.#trace as TracePlacement;
    const queue = [RxqKind.TRACE, port, trace.index.base, trace.packets, 0, 0, limit, 0];
    this.#pmd.channel.record(Command.RXQ, 0, queue);
    while (!this.#pmd.channel.idle) this.#runner.datapath.poll(1, this.#clock());
  }

  #silence(): void {
    const words = this.memory.u32;
    if (this.#trace !== undefined) words[(this.#rxq() + RXQ_TRACE_LIMIT) >>> 2] = 1;
    if (this.#trace !== undefined && this.#rounds() === 0) words[(this.#rxq() + RXQ_TRACE_ROUNDS) >>> 2] = 1;
    this.#runner.settle();
  }

  #rxq(): number {
    return this.#pmd.layout.regions.get(RegionId.RXQS)!.base;
  }

  #rounds(): number {
    return this.memory.u32[(this.#rxq() + RXQ_TRACE_ROUNDS) >>> 2]!;
  }

  #position(): number {
    return this.memory.u32[(this.#rxq() + RXQ_TRACE_NEXT) >>> 2]!;
  }
}

/** Lookups by the level that answered. */
export interface HitCounts {
  readonly lookups: number;
  readonly microflow: number;
  readonly maskCache: number;
  readonly masked: number;
  readonly upcall: number;
  /** Masks tried. */
  readonly visited: number;
}

/** What a measurement says; hits are of the measured time. */
export interface Measured {
  readonly packets: number;
  readonly nsPerPacket: number;
  readonly hits: HitCounts;
  readonly stages: StageSums;
}

/** Milliseconds that this thread has run, which the kernel counts; by the clock where it does not tell. */
function ranMs(): number {
  try {
    return Number(readFileSync("/proc/thread-self/schedstat", "utf8").split(" ")[0]) / 1e6;
  } catch {
    return performance.now();
  }
}

function hitsBetween(before: PmdStats["counters"], after: PmdStats["counters"]): HitCounts {
  return {
    lookups: after.PASSES - before.PASSES,
    microflow: after.HIT_MICROFLOW - before.HIT_MICROFLOW,
    maskCache: after.HIT_MASK_CACHE - before.HIT_MASK_CACHE,
    masked: after.HIT_MASKED - before.HIT_MASKED,
    upcall: after.MISS - before.MISS,
    visited: after.MASKS_VISITED - before.MASKS_VISITED,
  };
}
