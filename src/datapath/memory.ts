// The switch's one shared memory and its region allocator. Regions are multiples of 2 MiB, given out at run
// time; whoever allocates knows what lies there. Small regions of one owner share an arena.

import { MEMORY_PAGES, REGION_BASE, REGION_END, REGION_GRANULE } from "../../assembly/layout/memory-map.ts";
import { MegaflowError } from "../errors.ts";

const PAGE = 4096;

/** A piece of linear memory: address and bytes. */
export interface Region {
  readonly base: number;
  readonly size: number;
}

/** Linear memory with views of all of it; addresses over 2^31 need `>>>`. */
export class SwitchMemory {
  readonly wasm: WebAssembly.Memory;
  readonly u8: Uint8Array;
  readonly u16: Uint16Array;
  readonly u32: Uint32Array;
  readonly i32: Int32Array;
  readonly u64: BigUint64Array;
  /** Free regions, by address, neighbours merged. */
  private free: Region[] = [{ base: REGION_BASE, size: REGION_END - REGION_BASE }];

  /** `wasm` is given where a worker shares the memory that another thread made. */
  constructor(wasm?: WebAssembly.Memory) {
    this.wasm =
      wasm ?? new WebAssembly.Memory({ initial: MEMORY_PAGES, maximum: MEMORY_PAGES, shared: true });
    this.u8 = new Uint8Array(this.wasm.buffer);
    this.u16 = new Uint16Array(this.wasm.buffer);
    this.u32 = new Uint32Array(this.wasm.buffer);
    this.i32 = new Int32Array(this.wasm.buffer);
    this.u64 = new BigUint64Array(this.wasm.buffer);
  }

  /**
   * Gives out a region of at least `bytes`, a multiple of 2 MiB.
   * @throws MegaflowError `MEMORY_EXHAUSTED` when linear memory has no such piece left.
   */
  allocate(bytes: number, purpose: string): Region {
    const region = this.allocateIfFree(bytes);
    if (region === undefined) {
      const left = this.free.reduce((sum, one) => sum + one.size, 0);
      throw new MegaflowError(
        "MEMORY_EXHAUSTED",
        `${purpose} needs ${Math.ceil(bytes / 2 ** 20)} MiB of linear memory, of which ${Math.floor(left / 2 ** 20)} MiB are free but not in one piece; use smaller caches, fewer frames or fewer cores`,
      );
    }
    return region;
  }

  /** The same where to do without is an ordinary thing: undefined when there is no such piece left. */
  allocateIfFree(bytes: number): Region | undefined {
    const size = Math.ceil(Math.max(bytes, 1) / REGION_GRANULE) * REGION_GRANULE;
    const index = this.free.findIndex((piece) => piece.size >= size);
    const piece = this.free[index];
    if (piece === undefined) return undefined;
    if (piece.size === size) this.free.splice(index, 1);
    else this.free[index] = { base: piece.base + size, size: piece.size - size };
    return { base: piece.base, size };
  }

  /** Takes a region back, once nobody uses it any more. */
  release(region: Region): void {
    let { base, size } = region;
    const before = this.free.findIndex((piece) => piece.base + piece.size === base);
    if (before >= 0) {
      const [piece] = this.free.splice(before, 1) as [Region];
      base = piece.base;
      size += piece.size;
    }
    const behind = this.free.findIndex((piece) => piece.base === base + size);
    if (behind >= 0) size += (this.free.splice(behind, 1)[0] as Region).size;
    this.free.push({ base, size });
    this.free.sort((a, b) => a.base - b.base);
  }

  /** Bytes that are given out. */
  get allocated(): number {
    return REGION_END - REGION_BASE - this.free.reduce((sum, piece) => sum + piece.size, 0);
  }
}

/** Many small regions in one; they live and die together. */
export class Arena {
  private used = 0;
  private readonly region: Region;

  constructor(region: Region) {
    this.region = region;
  }

  /** Cuts off a page-aligned piece. */
  take(bytes: number): Region {
    const size = Math.ceil(bytes / PAGE) * PAGE;
    if (this.used + size > this.region.size) {
      throw new MegaflowError(
        "MEMORY_EXHAUSTED",
        `an arena of ${this.region.size} bytes has no ${size} bytes left`,
      );
    }
    const base = this.region.base + this.used;
    this.used += size;
    return { base, size };
  }
}
