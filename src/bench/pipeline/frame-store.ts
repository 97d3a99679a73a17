// The packets of a trace in one piece of memory.
import { CaptureReader } from "../../netdev/pcap/reader.ts";
import { workloadFrames } from "../workload/generate.ts";
import type { WorkloadSpec } from "../workload/spec.ts";

/** Longest frame a workload makes, and some room. */
const FRAME_ROOM = 2048;

/** Packets one behind the other. */
export class FrameStore {
  private bytes = new Uint8Array(1 << 20);
  private offsets = new Uint32Array(1 << 12);
  /** Packets in the store. */
  count = 0;

  /** A workload's trace. */
  static ofWorkload(spec: WorkloadSpec): FrameStore {
    const store = new FrameStore();
    const next = workloadFrames(spec);
    for (let i = 0; i < spec.packets; i++) store.fill(FRAME_ROOM, next);
    return store;
  }

  /** The packets of a capture file. Rejects with the reader's errors. */
  static async ofCapture(path: string): Promise<FrameStore> {
    const store = new FrameStore();
    const reader = await CaptureReader.open(path);
    try {
      for (let batch = await reader.next(); batch !== undefined; batch = await reader.next()) {
        for (let i = 0; i < batch.count; i++) store.add(batch.packet(i));
      }
    } finally {
      await reader.close();
    }
    return store;
  }

  /** Adds a copy of a packet. */
  add(packet: Uint8Array): void {
    this.fill(packet.length, (bytes, at) => {
      bytes.set(packet, at);
      return packet.length;
    });
  }

  /** Packet number `index`; a view. */
  packet(index: number): Uint8Array {
    return this.bytes.subarray(this.offsets[index]!, this.offsets[index + 1]!);
  }

  /** All packets, as views. */
  packets(): Uint8Array[] {
    return Array.from({ length: this.count }, (_, i) => this.packet(i));
  }

  private fill(room: number, write: (bytes: Uint8Array, at: number) => number): void {
    const at = this.offsets[this.count]!;
    if (at + room > this.bytes.length) this.bytes = grown(this.bytes, new Uint8Array((at + room) * 2));
    if (this.count + 2 > this.offsets.length) {
      this.offsets = grown(this.offsets, new Uint32Array(this.offsets.length * 2));
    }
    const length = write(this.bytes, at);
    this.count++;
    this.offsets[this.count] = at + length;
  }
}

function grown<T extends Uint8Array | Uint32Array>(from: T, to: T): T {
  to.set(from);
  return to;
}
