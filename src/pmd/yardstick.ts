// Times a fixed piece of work on the PMD's own thread, a few hundred microseconds every 10 ms, beside what the datapath takes
// for a packet in between: how fast the machine is at that moment. Only a bench asks for it.

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { PMD_REGIONS, PMD_RXQ_COUNT, RegionId } from "../../assembly/layout/pmd.ts";
import {
  RXQ_KIND,
  RXQ_SIZE,
  RXQ_SOURCE,
  RXQ_TRACE_COUNT,
  RXQ_TRACE_NEXT,
  RxqKind,
} from "../../assembly/layout/port.ts";
import {
  READING_BLOCK,
  READING_END,
  READING_PACKET,
  READING_SIZE,
  READING_SOURCE,
  YARDSTICK_BLOCKS,
  YARDSTICK_COUNT,
  YARDSTICK_READINGS,
  YARDSTICK_SLOTS,
  YARDSTICK_SPENT,
  YARDSTICK_WORK,
} from "../../assembly/layout/yardstick.ts";
import type { SwitchMemory } from "../datapath/memory.ts";
import { MegaflowError } from "../errors.ts";
import { projectFile } from "../project.ts";
import { type CycleCounter, cycleCounter } from "./cycle-counter.ts";

/** What a worker needs to run it. */
export interface YardstickTask {
  readonly module: WebAssembly.Module;
  /** Address of its region. */
  readonly base: number;
}

/** One reading: TSC cycles a block of the yardstick and a packet of the datapath, at about the same time. */
export interface YardstickReading {
  readonly end: number;
  readonly block: number;
  readonly packet: number;
  /** Of which copying the packet from the trace takes so much. */
  readonly source: number;
}

interface YardstickExports {
  yardstickInit(at: number): void;
  yardstickPass(at: number): void;
  yardstickSource(at: number, entries: number, count: number): void;
}

/** Time between two readings. */
const INTERVAL_NS = 10e6;
/** Passes of a reading; the first ones bring the memory back into the caches and do not count. */
const PASSES = 8;
const REMINDERS = 2;
/** A pass that took so many times the usual was interrupted. */
const INTERRUPTED = 2;
/** Pieces of the trace that are copied for a reading, and packets of each. */
const PIECES = 8;
const PIECE = 128;
/** Calls of the datapath that are looked at between two readings: the latest ones. */
const CALLS_MAX = 256;

let compiled: { module: WebAssembly.Module; version: string } | undefined;

/** The compiled yardstick, and what names it: results can be compared by it where these are equal. */
export function yardstickModule(): { module: WebAssembly.Module; version: string } {
  if (compiled === undefined) {
    const bytes = moduleBytes(projectFile("build/yardstick.wasm"));
    const digest = createHash("sha256").update(bytes).digest("hex").slice(0, 12);
    const [major, minor] = process.versions.v8.split(".");
    compiled = { module: new WebAssembly.Module(bytes), version: `${digest}, V8 ${major}.${minor}` };
  }
  return compiled;
}

function moduleBytes(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (cause) {
    const what = `${file} is not there: run "npm run build" in the package`;
    throw new MegaflowError("YARDSTICK_MISSING", what, { cause });
  }
}

/** The side of the PMD's thread. */
export class Yardstick {
  readonly #exports: YardstickExports;
  readonly #u32: Uint32Array;
  readonly #control: number;
  readonly #work: number;
  readonly #counter: CycleCounter = cycleCounter();
  readonly #count: Int32Array;
  readonly #spent: Float64Array;
  readonly #readings: Float64Array;
  readonly #passes = new Float64Array(PASSES);
  readonly #counted = this.#passes.subarray(REMINDERS);
  readonly #pieces = new Float64Array(PIECES);
  readonly #calls = new Float64Array(CALLS_MAX);
  #made = 0;
  #calm: number;
  #next: number;

  /** `control` is the PMD's control block. */
  constructor(memory: SwitchMemory, control: number, { module, base }: YardstickTask) {
    const { buffer } = memory.wasm;
    this.#u32 = memory.u32;
    this.#control = control;
    const abort = () => {
      throw new Error("the yardstick's own check failed");
    };
    const instance = new WebAssembly.Instance(module, { env: { memory: memory.wasm, abort } });
    this.#exports = instance.exports as unknown as YardstickExports;
    this.#work = base + YARDSTICK_WORK;
    this.#count = new Int32Array(buffer, base + YARDSTICK_COUNT, 1);
    this.#spent = new Float64Array(buffer, base + YARDSTICK_SPENT, 1);
    this.#readings = new Float64Array(
      buffer,
      base + YARDSTICK_READINGS,
      (YARDSTICK_SLOTS * READING_SIZE) / 8,
    );
    this.#exports.yardstickInit(this.#work);
    this.#calm = this.#counter.read();
    this.#next = this.#calm + INTERVAL_NS * this.#counter.ghz;
  }

  /** To be called after each call of the datapath with the packets that it took. */
  polled(packets: number): void {
    const { read, ghz } = this.#counter;
    const now = read();
    if (packets > 0) this.#calls[this.#made++ % CALLS_MAX] = (now - this.#calm) / packets;
    if (now >= this.#next) {
      this.#take(now);
      this.#next = read() + INTERVAL_NS * ghz;
    }
    this.#calm = read();
  }

  #take(start: number): void {
    const { read } = this.#counter;
    let before = start;
    for (let pass = 0; pass < PASSES; pass++) {
      this.#exports.yardstickPass(this.#work);
      const after = read();
      this.#passes[pass] = after - before;
      before = after;
    }
    const usual = quarterOf(this.#counted);
    // What an interruption took is not the yardstick's.
    for (const cycles of this.#passes) this.#spent[0]! += Math.min(cycles, INTERRUPTED * usual);
    const source = this.#copySource();
    if (this.#made > 0) this.#keep(before, usual / YARDSTICK_BLOCKS, source);
    this.#made = 0;
  }

  /** TSC cycles a packet of copying pieces of the trace from where the datapath has long not been; 0 without a trace. */
  #copySource(): number {
    const queue = this.#traceQueue();
    const packets = queue === undefined ? 0 : this.#u32[(queue + RXQ_TRACE_COUNT) >>> 2]!;
    if (queue === undefined || packets < PIECES * PIECE) return 0;
    const { read } = this.#counter;
    const next = this.#u32[(queue + RXQ_TRACE_NEXT) >>> 2]!;
    const first = Math.min((next + (packets >>> 1)) % packets, packets - PIECES * PIECE);
    const entries = this.#u32[(queue + RXQ_SOURCE) >>> 2]! + first * 8;
    let before = read();
    for (let piece = 0; piece < PIECES; piece++) {
      this.#exports.yardstickSource(this.#work, entries + piece * PIECE * 8, PIECE);
      const after = read();
      this.#pieces[piece] = (after - before) / PIECE;
      before = after;
    }
    const usual = quarterOf(this.#pieces);
    for (const cycles of this.#pieces) this.#spent[0]! += Math.min(cycles, INTERRUPTED * usual) * PIECE;
    return this.#pieces[PIECES >>> 1]!;
  }

  #traceQueue(): number | undefined {
    const queues = this.#u32[(this.#control + PMD_REGIONS) / 4 + RegionId.RXQS * 2]!;
    const count = this.#u32[(this.#control + PMD_RXQ_COUNT) >>> 2]!;
    for (let i = 0; i < count; i++) {
      const queue = queues + i * RXQ_SIZE;
      if (this.#u32[(queue + RXQ_KIND) >>> 2] === RxqKind.TRACE) return queue;
    }
    return undefined;
  }

  #keep(end: number, block: number, source: number): void {
    const number = Atomics.load(this.#count, 0) >>> 0;
    const slot = (number % YARDSTICK_SLOTS) * (READING_SIZE / 8);
    this.#readings[slot + READING_END / 8] = end;
    this.#readings[slot + READING_BLOCK / 8] = block;
    this.#readings[slot + READING_SOURCE / 8] = source;
    this.#readings[slot + READING_PACKET / 8] = quarterOf(
      this.#calls.subarray(0, Math.min(this.#made, CALLS_MAX)),
    );
    Atomics.store(this.#count, 0, number + 1);
  }
}

/** How far a yardstick is. */
export interface YardstickState {
  /** Readings made. */
  readonly count: number;
  /** TSC cycles that it took from the PMD, without interruptions. */
  readonly spent: number;
}

/** The state of the yardstick whose region lies at `base`. */
export function yardstickState(memory: SwitchMemory, base: number): YardstickState {
  const { buffer } = memory.wasm;
  const count = Atomics.load(new Int32Array(buffer, base + YARDSTICK_COUNT, 1), 0) >>> 0;
  return { count, spent: new Float64Array(buffer, base + YARDSTICK_SPENT, 1)[0]! };
}

/** Readings number `from` to `to` - 1, without those that the ring no longer holds. */
export function yardstickReadings(
  memory: SwitchMemory,
  base: number,
  from: number,
  to: number,
): YardstickReading[] {
  const ring = new Float64Array(
    memory.wasm.buffer,
    base + YARDSTICK_READINGS,
    (YARDSTICK_SLOTS * READING_SIZE) / 8,
  );
  const readings: YardstickReading[] = [];
  for (let number = Math.max(from, to - YARDSTICK_SLOTS + 1); number < to; number++) {
    const slot = (number % YARDSTICK_SLOTS) * (READING_SIZE / 8);
    readings.push({
      end: ring[slot + READING_END / 8]!,
      block: ring[slot + READING_BLOCK / 8]!,
      packet: ring[slot + READING_PACKET / 8]!,
      source: ring[slot + READING_SOURCE / 8]!,
    });
  }
  return readings;
}

/** The value that a quarter stays under: of times, what nobody disturbed. Sorts in place. */
function quarterOf(values: Float64Array): number {
  return values.sort()[(values.length - 1) >>> 2]!;
}
