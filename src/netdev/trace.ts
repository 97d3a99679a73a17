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

/**
 * Loads a capture. @throws CaptureError when it cannot be read or holds no packet that can be sent;
 * MegaflowError `MEMORY_EXHAUSTED` when it does not fit.
 */
export async function loadTrace(memory: SwitchMemory, file: string): Promise<LoadedTrace> {
  const packets: Uint8Array[] = [];
  let leftOut = 0;
  const reader = await CaptureReader.open(file);
  try {
    for (let batch = await reader.next(); batch !== undefined; batch = await reader.next()) {
      for (let i = 0; i < batch.count; i++) {
        const packet = batch.packet(i);
        if (packet.length < ETHERNET_HEADER || packet.length > PACKET_MAX) leftOut++;
        else packets.push(Uint8Array.prototype.slice.call(packet));
      }
    }
  } finally {
    await reader.close();
  }
  if (packets.length === 0) {
    throw new CaptureError("CAPTURE_FORMAT", file, 0, "it holds no packet that a port could send");
  }
  return { ...placeTrace(memory, packets), leftOut };
}

/** Copies packets and their index into linear memory. */
export function placeTrace(
  memory: SwitchMemory,
  packets: readonly Uint8Array[],
): Omit<LoadedTrace, "leftOut"> {
  const aligned = (length: number): number => Math.ceil(length / ALIGN) * ALIGN;
  const bytes = packets.reduce((sum, packet) => sum + aligned(packet.length), 0);
  const data = memory.allocate(bytes + ALIGN, "trace");
  const index = memory.allocate(packets.length * 8, "trace index");
  let at = data.base;
  packets.forEach((packet, i) => {
    memory.u8.set(packet, at);
    memory.u32[(index.base >>> 2) + i * 2] = at;
    memory.u32[(index.base >>> 2) + i * 2 + 1] = packet.length;
    at += aligned(packet.length);
  });
  return { index, data, packets: packets.length };
}
