// Puts packets into linear memory piece by piece, so that a capture of millions needs no object a packet.

import { PACKET_MAX } from "../../assembly/layout/limits.ts";
import type { Region, SwitchMemory } from "../datapath/memory.ts";
import { CaptureError } from "../errors.ts";
import { CaptureReader } from "../netdev/pcap/reader.ts";

/** A trace as a TRACE receive queue reads it. */
export interface TracePlacement {
  readonly index: Region;
  readonly packets: number;
  /** Packets left out because no switch could carry them. */
  readonly leftOut: number;
  /** Seconds between the first packet and the last, by their time stamps; 0 = not known. */
  readonly seconds: number;
  /** Bytes of all packets. */
  readonly bytes: number;
}

const ETHERNET_HEADER = 14;
/** Packets start on cache lines and may be read to the end of their last line. */
const ALIGN = 64;
const PIECE = 8 << 20;
/** Bytes of a packet's entry in the index: address and length. */
const ENTRY = 8;

/** See the head of the file. */
export class TracePlacer {
  readonly #memory: SwitchMemory;
  #at = 0;
  #end = 0;
  #index: Region;
  #packets = 0;
  #leftOut = 0;
  #bytes = 0;

  constructor(memory: SwitchMemory) {
    this.#memory = memory;
    this.#index = memory.allocate(1, "trace index");
  }

  /** Adds a copy of a packet. */
  add(packet: Uint8Array): void {
    const { length } = packet;
    if (length < ETHERNET_HEADER || length > PACKET_MAX) {
      this.#leftOut++;
      return;
    }
    const room = Math.ceil(length / ALIGN) * ALIGN;
    if (this.#at + room > this.#end) {
      const piece = this.#memory.allocate(PIECE, "trace");
      this.#at = piece.base;
      this.#end = piece.base + piece.size;
    }
    this.#memory.u8.set(packet, this.#at);
    if (this.#packets * ENTRY === this.#index.size) this.#growIndex();
    const entry = (this.#index.base + this.#packets * ENTRY) >>> 2;
    this.#memory.u32[entry] = this.#at;
    this.#memory.u32[entry + 1] = length;
    this.#packets++;
    this.#bytes += length;
    this.#at += room;
  }

  /** The trace; `seconds` as its time stamps say. @throws CaptureError when it has no packet. */
  finish(file: string, seconds = 0): TracePlacement {
    if (this.#packets === 0)
      throw new CaptureError("CAPTURE_FORMAT", file, 0, "it holds no packet that a port could send");
    const index = this.#index;
    return { index, packets: this.#packets, leftOut: this.#leftOut, seconds, bytes: this.#bytes };
  }

  #growIndex(): void {
    const { base, size } = this.#index;
    const larger = this.#memory.allocate(size * 2, "trace index");
    this.#memory.u8.copyWithin(larger.base, base, base + size);
    this.#memory.release(this.#index);
    this.#index = larger;
  }
}

/** Places a capture. Rejects with the reader's errors. */
export async function placeCapture(memory: SwitchMemory, file: string): Promise<TracePlacement> {
  const placer = new TracePlacer(memory);
  const reader = await CaptureReader.open(file);
  let first: number | undefined;
  let last = 0;
  try {
    for (let batch = await reader.next(); batch !== undefined; batch = await reader.next()) {
      for (let i = 0; i < batch.count; i++) {
        placer.add(batch.packet(i));
        last = batch.seconds[i]! + batch.nanoseconds[i]! / 1e9;
        first ??= last;
      }
    }
  } finally {
    await reader.close();
  }
  return placer.finish(file, Math.max(0, last - (first ?? last)));
}
