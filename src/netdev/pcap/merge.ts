// Several captures as one stream of packets, by time and then by port; the packets of one file keep their order
// even where its clock stepped back.

import { PACKET_BATCH_MAX, type PacketBatch, timestampNs } from "./packet-batch.ts";
import type { CaptureReader } from "./reader.ts";

/** A capture and the port that its packets arrive on. */
export interface CaptureSource {
  readonly port: number;
  readonly reader: CaptureReader;
}

/** Packets of several captures, in order. Valid until the next batch is asked for. */
export class MergedBatch {
  count = 0;
  readonly ports = new Uint32Array(PACKET_BATCH_MAX);
  /** The bytes that `offsets` point into, a packet each. */
  readonly bytes: Buffer[] = [];
  readonly offsets = new Float64Array(PACKET_BATCH_MAX);
  readonly lengths = new Uint32Array(PACKET_BATCH_MAX);
  readonly wireLengths = new Uint32Array(PACKET_BATCH_MAX);
  readonly seconds = new Float64Array(PACKET_BATCH_MAX);
  readonly nanoseconds = new Uint32Array(PACKET_BATCH_MAX);

  /** Returns the bytes of packet `i`, in place. */
  packet(i: number): Buffer {
    const offset = this.offsets[i] as number;
    return (this.bytes[i] as Buffer).subarray(offset, offset + (this.lengths[i] as number));
  }

  /** Returns the time stamp of packet `i` in nanoseconds since 1970. */
  timestampNs(i: number): bigint {
    return timestampNs(this.seconds[i] as number, this.nanoseconds[i] as number);
  }
}

interface Cursor extends CaptureSource {
  batch: PacketBatch | undefined;
  next: number;
}

/** Merges captures. Owns none of them: the caller closes the readers. */
export class CaptureMerge {
  readonly #cursors: Cursor[];
  readonly #merged = new MergedBatch();
  #failure: unknown;

  constructor(sources: readonly CaptureSource[]) {
    const byPort = [...sources].sort((a, b) => a.port - b.port);
    this.#cursors = byPort.map((source) => ({ ...source, batch: undefined, next: 0 }));
  }

  /**
   * Returns the next packets, at least one, or undefined at the end. A capture with a mistake delivers what is
   * before it, the others deliver everything; then the first mistake is thrown.
   */
  async next(): Promise<MergedBatch | undefined> {
    const merged = this.#merged;
    merged.count = 0;
    // A source's batch is valid until its next one is asked for: a merged batch ends where one runs out.
    await this.#refill();
    if (this.#cursors.length === 0) {
      if (this.#failure !== undefined) throw this.#failure;
      return undefined;
    }
    while (merged.count < PACKET_BATCH_MAX) {
      const cursor = earliest(this.#cursors);
      append(merged, cursor);
      if (cursor.next === (cursor.batch as PacketBatch).count) break;
    }
    return merged;
  }

  async #refill(): Promise<void> {
    for (let i = 0; i < this.#cursors.length; ) {
      const cursor = this.#cursors[i] as Cursor;
      if (cursor.batch === undefined || cursor.next === cursor.batch.count) {
        cursor.next = 0;
        cursor.batch = await this.#nextOf(cursor);
      }
      if (cursor.batch === undefined) this.#cursors.splice(i, 1);
      else i++;
    }
  }

  async #nextOf(cursor: Cursor): Promise<PacketBatch | undefined> {
    try {
      return await cursor.reader.next();
    } catch (error) {
      this.#failure ??= error;
      return undefined;
    }
  }
}

/** Cursors are sorted by port, so the first of equal times is the one of the lowest port. */
function earliest(cursors: readonly Cursor[]): Cursor {
  let best = cursors[0] as Cursor;
  for (let i = 1; i < cursors.length; i++) {
    const cursor = cursors[i] as Cursor;
    if (isBefore(cursor, best)) best = cursor;
  }
  return best;
}

function isBefore(a: Cursor, b: Cursor): boolean {
  const [batchA, batchB] = [a.batch as PacketBatch, b.batch as PacketBatch];
  const secondsA = batchA.seconds[a.next] as number;
  const secondsB = batchB.seconds[b.next] as number;
  if (secondsA !== secondsB) return secondsA < secondsB;
  return (batchA.nanoseconds[a.next] as number) < (batchB.nanoseconds[b.next] as number);
}

function append(merged: MergedBatch, cursor: Cursor): void {
  const batch = cursor.batch as PacketBatch;
  const from = cursor.next++;
  const to = merged.count++;
  merged.ports[to] = cursor.port;
  merged.bytes[to] = batch.bytes;
  merged.offsets[to] = batch.offsets[from] as number;
  merged.lengths[to] = batch.lengths[from] as number;
  merged.wireLengths[to] = batch.wireLengths[from] as number;
  merged.seconds[to] = batch.seconds[from] as number;
  merged.nanoseconds[to] = batch.nanoseconds[from] as number;
}
