// Packets of a capture as parallel arrays over the bytes they were read into: reading a packet creates no
// object. A batch is reused: its contents are valid until the next one is asked for.

/** Packets in one batch at most. */
export const PACKET_BATCH_MAX = 4096;

/** Nanoseconds of a second. */
const SECOND_NS = 1_000_000_000n;

/** Times, lengths and places of some packets; `count` of them. */
export class PacketBatch {
  count = 0;
  /** The bytes that `offsets` point into. */
  bytes: Buffer = Buffer.alloc(0);
  readonly offsets = new Float64Array(PACKET_BATCH_MAX);
  /** Bytes that the capture holds. */
  readonly lengths = new Uint32Array(PACKET_BATCH_MAX);
  /** Bytes that were on the wire; more than `lengths` where the capture cut the packet. */
  readonly wireLengths = new Uint32Array(PACKET_BATCH_MAX);
  /** Time stamp: whole seconds since 1970 and the nanoseconds after them. */
  readonly seconds = new Float64Array(PACKET_BATCH_MAX);
  readonly nanoseconds = new Uint32Array(PACKET_BATCH_MAX);

  /** Returns the bytes of packet `i`, in place. */
  packet(i: number): Buffer {
    const offset = this.offsets[i] as number;
    return this.bytes.subarray(offset, offset + (this.lengths[i] as number));
  }

  /** Returns the time stamp of packet `i` in nanoseconds since 1970. */
  timestampNs(i: number): bigint {
    return timestampNs(this.seconds[i] as number, this.nanoseconds[i] as number);
  }
}

/** Returns seconds and nanoseconds as one number of nanoseconds. */
export function timestampNs(seconds: number, nanoseconds: number): bigint {
  return BigInt(seconds) * SECOND_NS + BigInt(nanoseconds);
}
