// Captures in linear memory, for ports that send them round and round.

import { PACKET_MAX } from "../../assembly/layout/limits.ts";
import type { Region, SwitchMemory } from "../datapath/memory.ts";
import { CaptureError } from "../errors.ts";
import { CaptureReader } from "./pcap/reader.ts";

/** A capture as a TRACE receive queue reads it. */
export interface LoadedTrace {
  /** {address u32, length u32} a packet. */
  readonly index: Region;
  readonly data: Region;
  readonly packets: number;
  /** Packets left out because no switch could carry them: shorter than a header, longer than PACKET_MAX. */
  readonly leftOut: number;
}

const ETHERNET_HEADER = 14;
/** Packets start on cache lines and may be read to the end of their last line. */
const ALIGN = 64;

const CHUNK_BYTES = 1 << 20;

/**
 * Loads a capture. @throws CaptureError when it cannot be read or holds no packet that can be sent;
 * MegaflowError `MEMORY_EXHAUSTED` when it does not fit.
 */
export async function loadTrace(memory: SwitchMemory, file: string): Promise<LoadedTrace> {
  const packets = new PacketChunks();
  let leftOut = 0;
  const reader = await CaptureReader.open(file);
  try {
    for (let batch = await reader.next(); batch !== undefined; batch = await reader.next()) {
      for (let i = 0; i < batch.count; i++) {
        const packet = batch.packet(i);
        if (packet.length < ETHERNET_HEADER || packet.length > PACKET_MAX) leftOut++;
        else packets.add(packet);
      }
    }
  } finally {
    await reader.close();
  }
  if (packets.count === 0) {
    throw new CaptureError("CAPTURE_FORMAT", file, 0, "it holds no packet that a port could send");
  }
  return { ...packets.place(memory), leftOut };
}

/** Copies packets and their index into linear memory. */
export function placeTrace(
  memory: SwitchMemory,
  packets: readonly Uint8Array[],
): Omit<LoadedTrace, "leftOut"> {
  const chunks = new PacketChunks();
  for (const packet of packets) chunks.add(packet);
  return chunks.place(memory);
}

/**
 * Packets in a few large pieces, each packet on cache lines of its own, until it is known how many there are. A million arrays
 * would be garbage ten times their size.
 */
class PacketChunks {
  readonly #chunks: Uint8Array[] = [];
  /** Bytes used of each chunk. */
  readonly #used: number[] = [];
  readonly #lengths: number[] = [];

  get count(): number {
    return this.#lengths.length;
  }

  add(packet: Uint8Array): void {
    const size = aligned(packet.length);
    let last = this.#chunks.length - 1;
    if (last < 0 || this.#used[last]! + size > CHUNK_BYTES) {
      this.#chunks.push(new Uint8Array(CHUNK_BYTES));
      this.#used.push(0);
      last++;
    }
    this.#chunks[last]!.set(packet, this.#used[last]!);
    this.#used[last]! += size;
    this.#lengths.push(packet.length);
  }

  /** Copies them and their index into linear memory. */
  place(memory: SwitchMemory): Omit<LoadedTrace, "leftOut"> {
    const bytes = this.#used.reduce((sum, used) => sum + used, 0);
    const data = memory.allocate(bytes + ALIGN, "trace");
    const index = memory.allocate(this.count * 8, "trace index");
    let at = data.base;
    for (const [i, chunk] of this.#chunks.entries()) {
      memory.u8.set(chunk.subarray(0, this.#used[i]), at);
      at += this.#used[i]!;
    }
    at = data.base;
    for (const [i, length] of this.#lengths.entries()) {
      memory.u32[(index.base >>> 2) + i * 2] = at;
      memory.u32[(index.base >>> 2) + i * 2 + 1] = length;
      at += aligned(length);
    }
    return { index, data, packets: this.count };
  }
}

function aligned(length: number): number {
  return Math.ceil(length / ALIGN) * ALIGN;
}
