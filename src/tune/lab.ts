// A switch on the calling thread for experiments on its caches: a trace in linear memory, sent by hand. It
// learns the megaflows, records lookups, changes cache sizes and measures, all on the real datapath.

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
import { cycleCounter } from "../pmd/cycle-counter.ts";
import { InlineRunner } from "../pmd/inline-runner.ts";
import type { Pmd } from "../pmd/pmd.ts";
import { Switch } from "../switch.ts";
import { CallTimes } from "./call-times.ts";
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

/** Frames of the lab: what waits for upcalls, and no more, since they are used last in, first out. */
const FRAMES_MAX = 4096;
const SAMPLE_RING_BYTES = 4 << 20;
/** Turns between two looks at what the controller has to do: 512 packets, fewer than may wait for it. */
const LEARN_TURNS = 8;
const LEARN_ROUNDS = 4;
/** Turns a call, as a PMD's thread makes them. */
const TURNS = 64;
/** A trace up to this long is sent in whole rounds, so that every part of it counts alike. */
const WHOLE_ROUNDS = 1 << 18;
/** Calls that tell what is usual: where time is short and the system takes the core away, a few would not. */
const CALLS_LEAST = 16;
/** Calls that receive nothing before the trace is taken for silent. */
const IDLE_CALLS = 4;

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
    const settings = { ...options.settings, frames: Math.min(options.settings.frames, FRAMES_MAX) };
    super({ settings, exactMegaflows: options.exactMegaflows, seed: options.seed });
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
    this.#settle();
  }

  protected override changed(): void {
    this.#settle();
  }

  /** Gives the input port a trace, silent until somebody sends it. */
  setTrace(trace: TracePlacement): void {
    this.#trace = trace;
    const port = ofPortToOdp(this.#options.inPort as OfPort) as number;
    this.#pmd.addRxq([RxqKind.TRACE, port, trace.index.base, trace.packets, 0, 1, 1, 0]);
    this.#settle();
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
    this.#settle();
    ringInit(this.memory, this.#sampleRing);
    this.#pmd.channel.plain(Command.REGION, RegionId.SAMPLE_RING, base, size);
    this.#pmd.channel.plain(Command.SET, Setting.SAMPLE, sampling === 0 ? 0 : 1 + Math.log2(sampling));
    this.#settle();
    return new RingReader(this.memory, base);
  }

  /**
   * Sends the trace once and returns the lookups of one connection in `sampling`; `hashes` of whole keys are for the
   * exact mode alone.
   */
  record({ sampling = 1, hashes = true } = {}): Lookups {
    const reader = this.sample(sampling);
    const collector = new LookupCollector(Math.ceil(this.packets / sampling), hashes);
    this.#round(TURNS, () => reader.drain((record) => collector.add(this.memory.u32, record)));
    reader.drain((record) => collector.add(this.memory.u32, record));
    this.sample(0);
    return collector.lookups();
  }

  /** Gives the caches other sizes and policies; they are empty afterwards. */
  async configure(changes: Partial<Settings>): Promise<void> {
    await this.changeSettings({ "microflow.entries": 0, "maskCache.entries": 0 });
    await this.changeSettings({ ...changes, frames: this.settings.frames });
  }

  protected override async turn(): Promise<void> {
    this.#settle();
  }

  /** Sends the trace once with nobody looking; returns how many lookups each level answered. */
  once(): HitCounts {
    const before = this.counters.counters;
    this.#round(TURNS, () => {});
    return hitsBetween(before, this.counters.counters);
  }

  /** Sends so many packets from the trace's beginning with nobody looking. */
  fill(packets: number): void {
    this.#rewind(0);
    this.#send(packets, Number.POSITIVE_INFINITY, 0, () => {
      const received = this.#runner.datapath.poll(TURNS, this.#clock());
      this.#pmd.handler.drain();
      this.revalidator.turn({ deadline: Number.POSITIVE_INFINITY });
      return received;
    });
    this.#silence();
  }

  /**
   * Sends so many packets from where the trace was left, and returns what they took: in whole rounds, if it is short.
   * After `maxMs` it may end sooner, but not before a round of a short trace.
   */
  measure(packets: number, maxMs = Number.POSITIVE_INFINITY): Measured {
    const { read, ghz } = cycleCounter();
    const before = this.counters.counters;
    const calls = new CallTimes();
    const isShort = this.packets <= WHOLE_ROUNDS;
    const wanted = isShort ? Math.ceil(packets / this.packets) * this.packets : packets;
    this.#goOn();
    this.#send(wanted, maxMs, isShort ? this.packets : 0, () => {
      const start = read();
      const received = this.#runner.datapath.poll(TURNS, this.#clock());
      calls.add(read() - start, Math.max(1, received));
      return received;
    });
    const hits = hitsBetween(before, this.counters.counters);
    this.#silence();
    const cyclesPerPacket = calls.cyclesPerPacket();
    return { cyclesPerPacket, nsPerPacket: cyclesPerPacket / ghz, hits };
  }

  /** Cycles by stage of some packets from where the trace was left. Timing every stage costs a little by itself. */
  measureStages(packets: number, maxMs: number): StageSums {
    const stages = this.#stages;
    const deadline = performance.now() + maxMs;
    stages.reset();
    this.#goOn();
    const first = stages.received;
    for (let calls = 1; (stages.received - first) >>> 0 < packets; calls++) {
      for (let i = 0; i < TURNS; i++) stages.timeBatch();
      if (calls >= CALLS_LEAST && performance.now() > deadline) break;
    }
    this.#silence();
    return stages.sums();
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

  /** Calls until so many packets are sent, or `least` of them in enough calls and `maxMs` are gone, or none come. */
  #send(packets: number, maxMs: number, least: number, call: () => number): void {
    const deadline = performance.now() + maxMs;
    for (let sent = 0, idle = 0, calls = 1; sent < packets && idle < IDLE_CALLS; calls++) {
      const received = call();
      sent += received;
      idle = received === 0 ? idle + 1 : 0;
      if (sent >= least && calls >= CALLS_LEAST && performance.now() > deadline) return;
    }
  }

  /** The runner's turns see the lab's time: to a clock that jumps, every job of the PMD is overdue. */
  #settle(): void {
    this.#runner.clockMs = this.#clock();
    this.#runner.settle();
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

  /** Sends the trace for ever, from where it was left. */
  #goOn(): void {
    this.memory.u32[(this.#rxq() + RXQ_TRACE_LIMIT) >>> 2] = 0;
  }

  #silence(): void {
    const words = this.memory.u32;
    if (this.#trace !== undefined) words[(this.#rxq() + RXQ_TRACE_LIMIT) >>> 2] = 1;
    if (this.#trace !== undefined && this.#rounds() === 0) words[(this.#rxq() + RXQ_TRACE_ROUNDS) >>> 2] = 1;
    this.#settle();
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

/** What a measurement says. */
export interface Measured {
  /** TSC cycles a packet, and nanoseconds, without what the system interrupted. */
  readonly cyclesPerPacket: number;
  readonly nsPerPacket: number;
  readonly hits: HitCounts;
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
