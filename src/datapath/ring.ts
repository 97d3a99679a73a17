// The controller's side of byte rings: assembly/layout/ring.ts has the picture, assembly/core/ring.ts the
// other side.

import {
  RING_DATA,
  RING_HEAD,
  RING_RECORD_ALIGN,
  RING_SIZE,
  RING_SKIP,
  RING_TAIL,
} from "../../assembly/layout/ring.ts";
import type { Region, SwitchMemory } from "./memory.ts";

/** Turns a region into an empty ring, as large a power of two as fits; returns its data's size. */
export function ringInit(memory: SwitchMemory, region: Region): number {
  let size = 1;
  while (size * 2 <= region.size - RING_DATA) size *= 2;
  memory.u32[(region.base + RING_HEAD) >>> 2] = 0;
  memory.u32[(region.base + RING_TAIL) >>> 2] = 0;
  memory.u32[(region.base + RING_SIZE) >>> 2] = size;
  return size;
}

/** Writes records; one writer a ring. */
export class RingWriter {
  private readonly memory: SwitchMemory;
  private readonly base: number;
  private readonly size: number;
  private head = 0;

  constructor(memory: SwitchMemory, base: number) {
    this.memory = memory;
    this.base = base;
    this.size = memory.u32[(base + RING_SIZE) >>> 2] as number;
    this.head = memory.u32[(base + RING_HEAD) >>> 2] as number;
  }

  /** Address of a new record of `bytes` with its header, or 0 when the ring is full. Commit it next. */
  reserve(bytes: number, kind: number): number {
    const { u32 } = this.memory;
    const size = Math.ceil(bytes / RING_RECORD_ALIGN) * RING_RECORD_ALIGN;
    const tail = Atomics.load(u32, (this.base + RING_TAIL) >>> 2);
    let free = this.size - ((this.head - tail) >>> 0);
    const toEnd = this.size - (this.head & (this.size - 1));
    if (toEnd < size) {
      if (free < toEnd + size) return 0;
      const filler = (this.base + RING_DATA + (this.head & (this.size - 1))) >>> 2;
      u32[filler] = toEnd;
      u32[filler + 1] = RING_SKIP;
      this.head = (this.head + toEnd) >>> 0;
      free -= toEnd;
    }
    if (free < size) return 0;
    const record = this.base + RING_DATA + (this.head & (this.size - 1));
    u32[record >>> 2] = size;
    u32[(record >>> 2) + 1] = kind;
    this.head = (this.head + size) >>> 0;
    return record;
  }

  /** Publishes all records reserved since the last commit. */
  commit(): void {
    Atomics.store(this.memory.u32, (this.base + RING_HEAD) >>> 2, this.head);
  }

  /** Returns a question: has the reader taken all that is committed now? To be asked before 2 GiB more are written. */
  mark(): () => boolean {
    const head = this.head;
    return () => ((Atomics.load(this.memory.u32, (this.base + RING_TAIL) >>> 2) - head) | 0) >= 0;
  }

  /** Bytes that the reader has taken or that were never filled. */
  get free(): number {
    return this.size - ((this.head - Atomics.load(this.memory.u32, (this.base + RING_TAIL) >>> 2)) >>> 0);
  }

  /** Whether the reader has taken everything. */
  get empty(): boolean {
    return Atomics.load(this.memory.u32, (this.base + RING_TAIL) >>> 2) === this.head;
  }
}

/** Reads records; one reader a ring. */
export class RingReader {
  private readonly memory: SwitchMemory;
  private readonly base: number;
  private readonly size: number;
  private tail = 0;

  constructor(memory: SwitchMemory, base: number) {
    this.memory = memory;
    this.base = base;
    this.size = memory.u32[(base + RING_SIZE) >>> 2] as number;
    this.tail = memory.u32[(base + RING_TAIL) >>> 2] as number;
  }

  /** Whether there is a record to read. */
  get empty(): boolean {
    return Atomics.load(this.memory.u32, (this.base + RING_HEAD) >>> 2) === this.tail;
  }

  /**
   * Hands up to `most` records to `take`, each with its address and kind, and gives their space back
   * afterwards. Returns how many there were.
   */
  drain(take: (record: number, kind: number) => void, most = Number.MAX_SAFE_INTEGER): number {
    const { u32 } = this.memory;
    let taken = 0;
    while (taken < most) {
      const head = Atomics.load(u32, (this.base + RING_HEAD) >>> 2);
      if (head === this.tail) break;
      const record = this.base + RING_DATA + (this.tail & (this.size - 1));
      const size = u32[record >>> 2] as number;
      const kind = u32[(record >>> 2) + 1] as number;
      if (kind !== RING_SKIP) {
        take(record, kind);
        taken++;
      }
      this.tail = (this.tail + size) >>> 0;
      Atomics.store(u32, (this.base + RING_TAIL) >>> 2, this.tail);
    }
    return taken;
  }
}
