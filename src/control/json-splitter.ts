// Cuts a stream of bytes into JSON objects, which follow each other without any mark between them: the form of
// Open vSwitch's control sockets. Only brackets and strings are looked at; JSON.parse judges the rest.

import { MegaflowError } from "../errors.ts";

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN = 0x7b;
const CLOSE = 0x7d;
const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;

/** See the head of the file. */
export class JsonSplitter {
  /** Bytes of the object that has begun; none between two objects. */
  #pieces: Buffer[] = [];
  #length = 0;
  #depth = 0;
  #inString = false;
  #escaped = false;
  readonly #longest: number;

  /** `longest`: bytes that one object may have. */
  constructor(longest: number) {
    this.#longest = longest;
  }

  /**
   * Takes the next bytes; returns the objects that they complete, parsed.
   * @throws MegaflowError `CONTROL_SYNTAX` for what is no object; the stream cannot be read any further then.
   */
  push(bytes: Buffer): unknown[] {
    const found: unknown[] = [];
    let start = 0;
    for (let i = 0; i < bytes.length; i++) {
      const byte = bytes[i] as number;
      if (this.#depth === 0) {
        if (byte === 0x20 || (byte >= 0x09 && byte <= 0x0d)) continue;
        if (byte !== OPEN) throw wrong(`a JSON object begins with {, got ${JSON.stringify(text(bytes, i))}`);
        start = i;
      }
      if (this.#step(byte)) continue;
      this.#keep(bytes.subarray(start, i + 1));
      found.push(this.#take());
      start = i + 1;
    }
    if (this.#depth > 0) this.#keep(bytes.subarray(start));
    return found;
  }

  /** Whether an object has begun and not ended. */
  get partial(): boolean {
    return this.#depth > 0;
  }

  /** Takes one byte of an object; returns whether it goes on. */
  #step(byte: number): boolean {
    if (this.#inString) {
      if (this.#escaped) this.#escaped = false;
      else if (byte === BACKSLASH) this.#escaped = true;
      else if (byte === QUOTE) this.#inString = false;
    } else if (byte === QUOTE) this.#inString = true;
    else if (byte === OPEN || byte === OPEN_LIST) this.#depth++;
    else if (byte === CLOSE || byte === CLOSE_LIST) this.#depth--;
    return this.#depth > 0;
  }

  #keep(piece: Buffer): void {
    this.#length += piece.length;
    if (this.#length > this.#longest) {
      throw wrong(`an object of more than ${this.#longest} bytes; the longest that is read is that`);
    }
    // The reader's buffer may be used again.
    this.#pieces.push(Buffer.from(piece));
  }

  #take(): unknown {
    const whole = Buffer.concat(this.#pieces).toString("utf8");
    this.#pieces = [];
    this.#length = 0;
    try {
      return JSON.parse(whole);
    } catch (error) {
      throw wrong(`not JSON: ${(error as Error).message}`);
    }
  }
}

function text(bytes: Buffer, at: number): string {
  return bytes.toString("latin1", at, at + 20);
}

function wrong(message: string): MegaflowError {
  return new MegaflowError("CONTROL_SYNTAX", message);
}
