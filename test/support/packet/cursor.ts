// Reads a packet byte by byte and throws rather than leave it: what the plain parser forgot to check shows.

/** A place in a run of bytes. */
export class Cursor {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** Bytes that are left. */
  get left(): number {
    return this.#bytes.length - this.#at;
  }

  u8(): number {
    return this.bytes(1)[0]!;
  }

  u16(): number {
    return this.u8() * 256 + this.u8();
  }

  u32(): number {
    return this.u16() * 65536 + this.u16();
  }

  bytes(count: number): Uint8Array {
    if (count < 0 || count > this.left) throw new Error(`${count} bytes wanted where ${this.left} are left`);
    this.#at += count;
    return this.#bytes.slice(this.#at - count, this.#at);
  }

  skip(count: number): void {
    this.bytes(count);
  }

  /** The byte `ahead` of this place. */
  peekU8(ahead: number): number {
    if (ahead >= this.left) throw new Error(`byte ${ahead} wanted where ${this.left} are left`);
    return this.#bytes[this.#at + ahead]!;
  }

  peekU16(): number {
    return this.peekU8(0) * 256 + this.peekU8(1);
  }

  /** The next `count` bytes as a cursor of their own. */
  upTo(count: number): Cursor {
    return new Cursor(this.bytes(count));
  }
}
