// A plain AF_XDP driver in JavaScript over the rings in linear memory: the independent reader of what the
// shim says about them. One packet at a time, no speed intended.

import { setTimeout as sleep } from "node:timers/promises";
import { requireNative } from "../../src/native.ts";
import type { Umem, Xsk, XskMemory, XskPlace, XskRing } from "../../src/native-netdev.ts";
import { PATIENCE_MS } from "../support/eventually.ts";

export const addon = requireNative("this test");

const PAGE = 4096;
const CHUNK = 2048;
const DESC_CONTINUED = 1;
export const RING_SIZES = { fillSize: 256, completionSize: 256, rxSize: 256, txSize: 256 };

/** Linear memory with packet memory in its second half, and room for ring blocks in the first. */
export class Arena {
  readonly memory = new WebAssembly.Memory({ initial: 256, maximum: 256, shared: true });
  readonly bytes = new Uint8Array(this.memory.buffer);
  readonly words = new Uint32Array(this.memory.buffer);
  readonly umem: Umem = { umemOffset: 8 << 20, umemLength: 8 << 20, chunk: CHUNK };
  #nextBlock = 1 << 20;
  #nextChunk = 0;

  /** Room for a socket's rings. */
  block(sizes = RING_SIZES): number {
    const at = this.#nextBlock;
    this.#nextBlock += Math.ceil(addon.xskBlockSize(sizes) / PAGE) * PAGE;
    return at;
  }

  /** A chunk that nobody had yet, as an offset in the packet memory. */
  chunk(): number {
    this.#nextChunk += CHUNK;
    if (this.#nextChunk > this.umem.umemLength) throw new Error("no chunk left");
    return this.#nextChunk - CHUNK;
  }

  packet(address: number, length: number): Buffer {
    return Buffer.from(
      this.bytes.slice(this.umem.umemOffset + address, this.umem.umemOffset + address + length),
    );
  }
}

/** One received descriptor. */
export interface Descriptor {
  readonly address: number;
  readonly length: number;
  readonly continued: boolean;
}

/** The four rings of one socket. */
export class Driver {
  readonly xsk: Xsk;
  readonly #arena: Arena;

  constructor(arena: Arena, options: Omit<XskPlace, "block" | keyof typeof RING_SIZES> & XskMemory) {
    this.#arena = arena;
    this.xsk = addon.openXsk(arena.bytes, { ...options, ...RING_SIZES, block: arena.block() });
  }

  /** Gives the kernel chunks to receive into. */
  fill(...addresses: number[]): void {
    const { fill } = this.xsk;
    const producer = this.#load(fill.producer);
    addresses.forEach((address, i) => {
      this.#entry64(fill, producer + i, address);
    });
    this.#store(fill.producer, producer + addresses.length);
    addon.wakeRx(this.xsk.fd);
  }

  /** Takes what was received. */
  receive(): Descriptor[] {
    const { rx } = this.xsk;
    const producer = this.#load(rx.producer);
    const taken: Descriptor[] = [];
    let consumer = this.#load(rx.consumer);
    for (; consumer !== producer; consumer = (consumer + 1) >>> 0) {
      const at = (rx.entries + (consumer & (rx.size - 1)) * 16) >>> 2;
      const [address = 0, , length = 0, flags = 0] = this.#arena.words.subarray(at, at + 4);
      taken.push({ address, length, continued: (flags & DESC_CONTINUED) !== 0 });
    }
    this.#store(rx.consumer, consumer);
    return taken;
  }

  /** Sends descriptors; returns the kernel's answer to the wake-up. */
  send(...descriptors: Descriptor[]): number {
    const { tx } = this.xsk;
    const producer = this.#load(tx.producer);
    descriptors.forEach(({ address, length, continued }, i) => {
      const at = (tx.entries + ((producer + i) & (tx.size - 1)) * 16) >>> 2;
      this.#arena.words.set([address, 0, length, continued ? DESC_CONTINUED : 0], at);
    });
    this.#store(tx.producer, producer + descriptors.length);
    return addon.wakeTx(this.xsk.fd);
  }

  /** Chunks that were sent and are free again. */
  completed(): number[] {
    const { completion } = this.xsk;
    const producer = this.#load(completion.producer);
    const taken: number[] = [];
    let consumer = this.#load(completion.consumer);
    for (; consumer !== producer; consumer = (consumer + 1) >>> 0) {
      taken.push(
        this.#arena.words[(completion.entries + (consumer & (completion.size - 1)) * 8) >>> 2] ?? -1,
      );
    }
    this.#store(completion.consumer, consumer);
    return taken;
  }

  close(): void {
    addon.closePort(this.xsk.fd);
  }

  #entry64(ring: XskRing, index: number, value: number): void {
    this.#arena.words.set([value, 0], (ring.entries + (index & (ring.size - 1)) * 8) >>> 2);
  }

  #load(address: number): number {
    return Atomics.load(this.#arena.words, address >>> 2);
  }

  #store(address: number, value: number): void {
    Atomics.store(this.#arena.words, address >>> 2, value >>> 0);
  }
}

/** Tries until it works: a closed socket's queue takes up to 200 ms to be free, longer on a busy machine. */
export async function untilFree<Value>(attempt: () => Value): Promise<Value> {
  const deadline = performance.now() + PATIENCE_MS;
  for (;;) {
    try {
      return attempt();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EBUSY" || performance.now() > deadline) throw error;
      await sleep(10);
    }
  }
}
