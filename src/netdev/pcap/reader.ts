// Reads a capture of either format, packed with gzip or not, in bounded memory. Every whole packet before a
// mistake is delivered; then the mistake is thrown.

import { CaptureError } from "../../errors.ts";
import { openByteSource } from "./byte-source.ts";
import { ByteWindow } from "./byte-window.ts";
import type { CaptureParser } from "./capture-parser.ts";
import { PacketBatch } from "./packet-batch.ts";
import { PcapParser, pcapKind } from "./parse-pcap.ts";
import { PCAPNG_SECTION, PcapngParser } from "./parse-pcapng.ts";

/** A capture file being read. */
export class CaptureReader {
  /** As given to `open`. */
  readonly file: string;
  readonly #window: ByteWindow;
  readonly #parser: CaptureParser;
  readonly #batch = new PacketBatch();
  #need = 1;
  /** A batch that is read but not yet delivered. */
  #waiting: PacketBatch | undefined;
  #failure: unknown;

  private constructor(file: string, window: ByteWindow, parser: CaptureParser) {
    this.file = file;
    this.#window = window;
    this.#parser = parser;
  }

  /**
   * Opens a capture and reads its first packets, so that a file that is no capture, or not of Ethernet, is
   * refused here. Throws CaptureError (CAPTURE_FORMAT), or the file system's error.
   */
  static async open(file: string): Promise<CaptureReader> {
    const source = await openByteSource(file);
    try {
      const window = new ByteWindow(source);
      await window.fill(4);
      const reader = new CaptureReader(file, window, chooseParser(file, window));
      await reader.#readAhead();
      return reader;
    } catch (error) {
      await source.close();
      throw error;
    }
  }

  /** `pcap` or `pcapng`. */
  get format(): string {
    return this.#parser.format;
  }

  /** Whether time stamps are finer than a microsecond, as far as the file has been read. */
  get nanosecond(): boolean {
    return this.#parser.nanosecond;
  }

  /**
   * Returns the next packets, at least one, or undefined at the end. The batch is valid until the next call.
   * Throws CaptureError once all packets before the mistake have been returned.
   */
  async next(): Promise<PacketBatch | undefined> {
    const waiting = this.#waiting ?? (await this.#read());
    this.#waiting = undefined;
    return waiting;
  }

  /** Closes the file. */
  close(): Promise<void> {
    return this.#window.source.close();
  }

  /** Reads the first batch; only a format error is thrown, any other waits for its turn. */
  async #readAhead(): Promise<void> {
    try {
      this.#waiting = await this.#read();
    } catch (error) {
      if (error instanceof CaptureError && error.code === "CAPTURE_FORMAT") throw error;
      this.#failure = error;
    }
  }

  async #read(): Promise<PacketBatch | undefined> {
    if (this.#failure !== undefined) throw this.#failure;
    const batch = this.#batch;
    batch.count = 0;
    for (;;) {
      if (!(await this.#window.fill(this.#need))) return this.#end();
      batch.bytes = this.#window.bytes;
      try {
        this.#need = this.#parser.parse(this.#window, batch);
      } catch (error) {
        if (batch.count === 0) throw error;
        this.#failure = error;
      }
      if (batch.count > 0) return batch;
    }
  }

  /** The file ended: between two records, or it is cut. */
  #end(): undefined {
    const { available, offset, source } = this.#window;
    if (source.failure !== undefined) {
      throw this.#truncated(
        offset,
        `${source.failure} after ${offset + available} unpacked bytes, in what starts`,
      );
    }
    if (available > 0 || this.#parser.skipping) {
      const rest = `${this.#need} bytes expected and ${available} there`;
      throw this.#truncated(offset, `the capture is cut off (${rest}) in the record that starts`);
    }
    return undefined;
  }

  #truncated(offset: number, what: string): CaptureError {
    return new CaptureError("CAPTURE_TRUNCATED", this.file, offset, `${what} at byte ${offset}`);
  }
}

function chooseParser(file: string, window: ByteWindow): CaptureParser {
  if (window.available >= 4) {
    const magic = window.bytes.subarray(window.start, window.start + 4);
    const kind = pcapKind(magic);
    if (kind !== undefined) return new PcapParser(file, kind.littleEndian, kind.nanosecond);
    if (magic.readUInt32LE(0) === PCAPNG_SECTION) return new PcapngParser(file);
  }
  const head = window.bytes.subarray(window.start, Math.min(window.end, window.start + 4)).toString("hex");
  const got = window.source.failure ?? (head === "" ? "the file is empty" : `the file starts with ${head}`);
  throw new CaptureError("CAPTURE_FORMAT", file, 0, `not a pcap or pcapng capture: ${got}`);
}
