// The `pcap` port: feeds a capture into a receive queue once, as fast as the switch takes it, and writes what
// the port sends with the time of sending.

import { setTimeout as sleep } from "node:timers/promises";
import { PACKET_MAX } from "../../assembly/layout/limits.ts";
import {
  RX_RECORD,
  RX_RECORD_DATA,
  RX_RECORD_LENGTH,
  RX_RECORD_SEQUENCE,
} from "../../assembly/layout/port.ts";
import type { SwitchMemory } from "../datapath/memory.ts";
import type { RingWriter } from "../datapath/ring.ts";
import type { PacketBatch } from "./pcap/packet-batch.ts";
import type { CaptureReader } from "./pcap/reader.ts";

/** Time given to a PMD whose ring is full. */
const FULL_PAUSE_MS = 1;

/**
 * Copies every packet of a capture into a ring of RX_RECORDs; resolves at the capture's end, or when `signal`
 * says so. Rejects with CaptureError where the capture is cut off, after all whole packets. Closes the reader.
 */
export async function feedCapture(
  reader: CaptureReader,
  memory: SwitchMemory,
  ring: RingWriter,
  signal: AbortSignal,
): Promise<void> {
  try {
    for (let batch = await reader.next(); batch !== undefined; batch = await reader.next()) {
      for (let i = 0; i < batch.count; ) {
        if (signal.aborted) return;
        i = feedBatch(memory, ring, batch, i);
        if (i < batch.count) await sleep(FULL_PAUSE_MS);
      }
    }
  } finally {
    // What was read before a mistake counts: the switch takes it before anybody hears of the mistake.
    while (!ring.empty && !signal.aborted) await sleep(FULL_PAUSE_MS);
    await reader.close();
  }
}

/** Writes packets from `from` on until the ring is full; returns the first one that has to wait. */
function feedBatch(memory: SwitchMemory, ring: RingWriter, batch: PacketBatch, from: number): number {
  const { u8, u32 } = memory;
  let i = from;
  for (; i < batch.count; i++) {
    const captured = batch.lengths[i] as number;
    // The switch counts a packet that is too long by its length alone.
    const carried = captured > PACKET_MAX ? 0 : captured;
    const record = ring.reserve(RX_RECORD_DATA + carried, RX_RECORD);
    if (record === 0) break;
    u32[(record + RX_RECORD_SEQUENCE) >>> 2] = 0;
    u32[(record + RX_RECORD_LENGTH) >>> 2] = captured;
    const offset = batch.offsets[i] as number;
    u8.set(batch.bytes.subarray(offset, offset + carried), record + RX_RECORD_DATA);
  }
  ring.commit();
  return i;
}
