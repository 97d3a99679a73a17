// What it costs this core to read a cache line at random, by the memory that is read: once where reads overlap,
// as in the datapath's passes over a batch, and once where each waits for the one before.

import { readFileSync } from "node:fs";
import type { SwitchMemory } from "../datapath/memory.ts";

/** One footprint. */
export interface MemoryPoint {
  readonly bytes: number;
  /** Nanoseconds of a read among others, and of one that is waited for. */
  readonly overlapped: number;
  readonly waiting: number;
}

/** Reads by footprint, in rising order. */
export type MemoryCurve = readonly MemoryPoint[];

/** Data caches of a core: name and bytes. */
export interface CpuCache {
  readonly name: string;
  readonly bytes: number;
}

const LINE = 64;
const SMALLEST = 16 << 10;
/** The largest mask cache is as large as the largest footprint: 8 MiB. */
const STEPS = 10;
const LARGEST = SMALLEST << (STEPS - 1);
const READS = 30_000;
const TRIES = 3;

/** Measures the curve in under 100 ms; the memory is given back. */
export function measureMemory(memory: SwitchMemory): MemoryCurve {
  const region = memory.allocate(LARGEST, "memory measurement");
  const reader = new Reader(memory.u32, region.base >>> 2);
  try {
    const sizes = Array.from({ length: STEPS }, (_, i) => SMALLEST << i);
    const points = sizes.map((bytes) => ({ bytes, overlapped: Infinity, waiting: Infinity }));
    for (let pass = 0; pass < TRIES; pass++) {
      for (const point of points) {
        if (pass === 0) reader.touch(point.bytes);
        point.overlapped = Math.min(point.overlapped, reader.readAtRandom(point.bytes));
        point.waiting = Math.min(point.waiting, reader.readInTurn(point.bytes));
      }
    }
    // Noise must not make a smaller footprint dearer.
    for (let i = points.length - 2; i >= 0; i--) {
      const next = points[i + 1]!;
      points[i]!.overlapped = Math.min(points[i]!.overlapped, next.overlapped);
      points[i]!.waiting = Math.min(points[i]!.waiting, next.waiting);
    }
    return points;
  } finally {
    memory.release(region);
  }
}

/** Cost of an overlapped read above that from the smallest footprint, interpolated. */
export function extraCost(curve: MemoryCurve, bytes: number): number {
  const first = curve[0]!;
  for (let i = 1; i < curve.length; i++) {
    const low = curve[i - 1]!;
    const high = curve[i]!;
    if (bytes > high.bytes) continue;
    const share = Math.max(0, Math.log2(bytes / low.bytes));
    return low.overlapped + share * (high.overlapped - low.overlapped) - first.overlapped;
  }
  return curve[curve.length - 1]!.overlapped - first.overlapped;
}

/** Data caches that the kernel knows of this core, smallest first; empty where it tells nothing. */
export function cpuCaches(): CpuCache[] {
  const caches: CpuCache[] = [];
  for (let index = 0; index < 8; index++) {
    const folder = `/sys/devices/system/cpu/cpu0/cache/index${index}`;
    try {
      const read = (file: string): string => readFileSync(`${folder}/${file}`, "utf8").trim();
      const size = /^(\d+)([KM])$/.exec(read("size"));
      if (size === null || read("type") === "Instruction") continue;
      caches.push({ name: `L${read("level")}`, bytes: Number(size[1]) * (size[2] === "K" ? 1024 : 1 << 20) });
    } catch {
      break;
    }
  }
  return caches.sort((a, b) => a.bytes - b.bytes);
}

/** Name of the smallest cache that holds so many bytes; `DRAM` where none does. */
export function cacheThatHolds(caches: readonly CpuCache[], bytes: number): string {
  return caches.find((cache) => bytes <= cache.bytes)?.name ?? "DRAM";
}

/** Reads lines of a piece of memory; where depends on all reads before, so that no line is likelier than another. */
class Reader {
  readonly #words: Uint32Array;
  readonly #first: number;
  #seed = 0x12345;

  constructor(words: Uint32Array, first: number) {
    this.#words = words;
    this.#first = first;
  }

  /** Makes the system give the memory, and brings what fits into the caches. */
  touch(bytes: number): void {
    for (let at = this.#first; at < this.#first + bytes / 4; at += LINE / 4) this.#words[at] = at | 0;
  }

  /** Nanoseconds of a read whose place does not depend on what others read. */
  readAtRandom(bytes: number): number {
    const words = this.#words;
    const first = this.#first;
    const lines = bytes / LINE - 1;
    let x = this.#seed;
    let sum = 0;
    const start = performance.now();
    for (let i = 0; i < READS; i++) {
      x = (Math.imul(x, 1664525) + 1013904223) | 0;
      sum = (sum + words[first + (((x >>> 10) & lines) << 4)]!) | 0;
    }
    const ns = ((performance.now() - start) * 1e6) / READS;
    this.#seed = x ^ (sum & 1);
    return ns;
  }

  /** Nanoseconds of a read whose place depends on the one before. */
  readInTurn(bytes: number): number {
    const words = this.#words;
    const first = this.#first;
    const lines = bytes / LINE - 1;
    let x = this.#seed;
    const start = performance.now();
    for (let i = 0; i < READS; i++) {
      const read = words[first + (((x >>> 10) & lines) << 4)]!;
      x = (Math.imul(x, 1664525) + 1013904223 + (read & 1)) | 0;
    }
    this.#seed = x;
    return ((performance.now() - start) * 1e6) / READS;
  }
}
