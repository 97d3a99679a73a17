// One PMD as the controller sees it: its memory, its channel, its upcall handler, and whoever runs it: the
// calling thread (inline) or a worker.

import { Command } from "../../assembly/layout/command.ts";
import { RXQ_MAX } from "../../assembly/layout/limits.ts";
import { PMD_BIG_FRAMES, PMD_SMALL_FRAMES } from "../../assembly/layout/pmd.ts";
import { DropReason, PmdStat } from "../../assembly/layout/stat.ts";
import type { Settings } from "../config/settings.ts";
import type { Region, SwitchMemory } from "../datapath/memory.ts";
import { PmdChannel } from "../datapath/pmd-channel.ts";
import { layOutPmd, type PmdMemory, type PmdOptions } from "../datapath/pmd-memory.ts";
import { type PmdStats, readPmdStats } from "../datapath/pmd-stats.ts";
import { RingReader, ringInit } from "../datapath/ring.ts";
import { type HandlerOptions, UpcallHandler } from "../upcall/handler.ts";

/** What makes a PMD turn. */
export interface PmdRunner {
  /** Gives the PMD a chance to work its commands off. */
  relieve(): void;
  /** Ends it; resolves when it no longer touches memory. */
  stop(): Promise<void>;
}

/** A port as every PMD knows it. */
export interface PmdPortRecord {
  readonly number: number;
  /** Words of the record up to PORT_CONFIG_SIZE. */
  readonly words: readonly number[];
}

const TX_RING_BYTES = 4 << 20;

/** See the head of the file. */
export class Pmd {
  readonly index: number;
  readonly options: PmdOptions;
  readonly memory: SwitchMemory;
  readonly layout: PmdMemory;
  readonly channel: PmdChannel;
  readonly handler: UpcallHandler;
  /** What this PMD sends out of ports that the controller drains. */
  readonly txRing: Region;
  readonly tx: RingReader;
  /** Receive queue records in use, and those among them that are free again. */
  private rxqs = 0;
  private readonly freeRxqs: number[] = [];
  runner: PmdRunner | undefined;

  constructor(memory: SwitchMemory, settings: Settings, options: PmdOptions, handler: HandlerOptions) {
    this.index = options.index;
    this.options = options;
    this.memory = memory;
    this.layout = layOutPmd(memory, settings, options);
    this.txRing = memory.allocate(TX_RING_BYTES + 4096, `PMD ${options.index}: transmit ring`);
    this.layout.owned.push(this.txRing);
    ringInit(memory, this.txRing);
    this.tx = new RingReader(memory, this.txRing.base);
    this.channel = new PmdChannel(memory, this.layout, () => this.runner?.relieve());
    this.handler = new UpcallHandler(this.channel, handler, settings.maskLimit);
  }

  get stats(): PmdStats {
    return readPmdStats(this.memory, this.layout.control);
  }

  /** Frames of each pool, free or not. */
  get frames(): { frames: number; bigFrames: number } {
    const word = (offset: number): number => this.memory.u32[(this.layout.control + offset) / 4]!;
    return { frames: word(PMD_SMALL_FRAMES), bigFrames: word(PMD_BIG_FRAMES) };
  }

  /** Makes a port known. */
  setPort(port: PmdPortRecord): void {
    this.channel.record(Command.PORT, port.number, port.words);
  }

  /** Gives the PMD another receive queue; `words` are its record. */
  addRxq(words: readonly number[]): number {
    const index = this.freeRxqs.pop() ?? this.rxqs;
    if (index === RXQ_MAX) throw new RangeError(`a PMD polls at most ${RXQ_MAX} receive queues`);
    this.channel.record(Command.RXQ, index, words);
    this.rxqs = Math.max(this.rxqs, index + 1);
    return index;
  }

  /** Takes a receive queue away; it is no longer polled once the command is applied. */
  removeRxq(index: number): void {
    this.channel.record(Command.RXQ, index, [0, 0, 0, 0, 0, 0, 0, 0]);
    this.freeRxqs.push(index);
  }

  /** Final counters of a PMD that died: what it had in hand is dropped as `pmd lost`. */
  lastStats(): PmdStats {
    const stats = this.stats;
    const lost = stats.inFlight;
    const drops = [...stats.drops];
    drops[DropReason.PMD_LOST]! += lost;
    const counters = { ...stats.counters };
    counters[PmdStat[PmdStat.DROPPED] as "DROPPED"] += lost;
    // It may have died between counting a batch's passes and counting who answered them.
    const { HIT_MICROFLOW, HIT_MASK_CACHE, HIT_MASKED, MISS } = counters;
    counters.PASSES = HIT_MICROFLOW + HIT_MASK_CACHE + HIT_MASKED + MISS;
    return { ...stats, counters, drops, inFlight: 0, flows: 0, masks: 0, parked: 0 };
  }

  /** Gives all memory back. The runner has stopped. */
  release(): void {
    for (const region of this.layout.owned) this.memory.release(region);
    this.layout.owned.length = 0;
  }
}
