// The part of a capture that is in memory: parsers read whole records from its start and say how many bytes
// the next one needs; the window then moves on. One buffer, reused, that grows only for a long record.

import type { ByteSource } from "./byte-source.ts";

/** Bytes read from the file at a time. */
const WINDOW_SIZE = 1 << 20;

/** Unread bytes `start` to `end` of `bytes`; `fill` moves them, so positions are valid until then. */
export class ByteWindow {
  bytes: Buffer;
  view: DataView;
  start = 0;
  end = 0;
  readonly source: ByteSource;
  /** Offset in the (unpacked) file of `bytes[0]`. */
  #base = 0;

  constructor(source: ByteSource, size = WINDOW_SIZE) {
    this.source = source;
    this.bytes = Buffer.allocUnsafeSlow(size);
    this.view = new DataView(this.bytes.buffer, this.bytes.byteOffset, size);
  }

  /** Unread bytes at hand. */
  get available(): number {
    return this.end - this.start;
  }

  /** Offset in the (unpacked) file of the first unread byte. */
  get offset(): number {
    return this.#base + this.start;
  }

  /** Reads until `need` unread bytes are at hand; returns false when the file ends before. */
  async fill(need: number): Promise<boolean> {
    if (this.available >= need) return true;
    this.#makeRoom(need);
    while (this.available < need) {
      const length = await this.source.read(this.bytes, this.end);
      if (length === 0) return false;
      this.end += length;
    }
    return true;
  }

  #makeRoom(need: number): void {
    const size = Math.max(need, this.bytes.length);
    if (size > this.bytes.length) {
      const larger = Buffer.allocUnsafeSlow(size);
      this.bytes.copy(larger, 0, this.start, this.end);
      this.bytes = larger;
      this.view = new DataView(larger.buffer, larger.byteOffset, size);
    } else {
      this.bytes.copyWithin(0, this.start, this.end);
    }
    this.#base += this.start;
    this.end -= this.start;
    this.start = 0;
  }
}
