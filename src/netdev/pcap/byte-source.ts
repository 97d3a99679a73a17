// Where a capture's bytes come from: a file as it is, or a gzip file unpacked on the way. Both are read in
// pieces, so that a capture of any length needs the same memory.

import { type FileHandle, open } from "node:fs/promises";
import { constants, createGunzip, type Gunzip } from "node:zlib";

/** A stream of bytes that is pulled, never pushed. */
export interface ByteSource {
  /** Copies what comes next into `target` from `at` on; returns the number of bytes, 0 at the end. */
  read(target: Buffer, at: number): Promise<number>;
  /** Why the end is not the real end (gzip data cut or damaged), or undefined. */
  readonly failure: string | undefined;
  close(): Promise<void>;
}

/** Opens a file, unpacking it when it is gzip. Throws the file system's error when it cannot be opened. */
export async function openByteSource(path: string): Promise<ByteSource> {
  const file = await open(path, "r");
  try {
    const head = Buffer.alloc(2);
    let length = 0;
    // A pipe may give one byte at a time.
    while (length < head.length) {
      const { bytesRead } = await file.read(head, length, head.length - length, null);
      if (bytesRead === 0) break;
      length += bytesRead;
    }
    const source = new FileSource(file, head.subarray(0, length));
    return length === 2 && head.readUInt16BE(0) === GZIP_MAGIC ? new GunzipSource(source) : source;
  } catch (error) {
    await file.close();
    // Reading a folder fails without saying which.
    if (error instanceof Error) Object.assign(error, { path });
    throw error;
  }
}

/** First bytes of a gzip member: RFC 1952 2.3.1. */
const GZIP_MAGIC = 0x1f8b;
/** Compressed bytes unpacked at a time: deflate packs at most 1,032 times, so at most 64 MiB come of it. */
const COMPRESSED_CHUNK = 64 * 1024;

class FileSource implements ByteSource {
  readonly failure = undefined;
  readonly #file: FileHandle;
  /** Bytes read to find out what the file is, still to be given. */
  #head: Buffer;

  constructor(file: FileHandle, head: Buffer) {
    this.#file = file;
    this.#head = head;
  }

  async read(target: Buffer, at: number): Promise<number> {
    if (this.#head.length > 0) {
      const copied = this.#head.copy(target, at);
      this.#head = this.#head.subarray(copied);
      return copied;
    }
    const { bytesRead } = await this.#file.read(target, at, target.length - at, null);
    return bytesRead;
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}

class GunzipSource implements ByteSource {
  failure: string | undefined;
  readonly #packed: ByteSource;
  readonly #gunzip: Gunzip;
  readonly #input = Buffer.allocUnsafe(COMPRESSED_CHUNK);
  /** Unpacked and not yet read. */
  #ready: Buffer[] = [];
  #wake: () => void = () => {};
  #finished = false;

  constructor(packed: ByteSource) {
    this.#packed = packed;
    this.#gunzip = createGunzip({ chunkSize: 4 * COMPRESSED_CHUNK, finishFlush: constants.Z_FINISH });
    // Flowing mode: whatever was unpacked before an error has arrived here when the error comes.
    this.#gunzip.on("data", (chunk: Buffer) => this.#ready.push(chunk));
    this.#gunzip.on("end", () => this.#finish(undefined));
    this.#gunzip.on("error", (error: NodeJS.ErrnoException) => {
      const cut = error.code === "Z_BUF_ERROR";
      this.#finish(cut ? "the gzip data ends too soon" : `the gzip data is damaged (${error.message})`);
    });
  }

  async read(target: Buffer, at: number): Promise<number> {
    while (this.#ready.length === 0 && !this.#finished) await this.#unpackMore();
    const chunk = this.#ready[0];
    if (chunk === undefined) return 0;
    const copied = chunk.copy(target, at);
    if (copied === chunk.length) this.#ready.shift();
    else this.#ready[0] = chunk.subarray(copied);
    return copied;
  }

  async close(): Promise<void> {
    this.#gunzip.destroy();
    await this.#packed.close();
  }

  /** Feeds one compressed chunk, or the end; returns when all that it unpacks to is in `#ready`. */
  async #unpackMore(): Promise<void> {
    const length = await this.#packed.read(this.#input, 0);
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      if (length === 0) this.#gunzip.end();
      // The buffer is reused, but only after this callback.
      else this.#gunzip.write(this.#input.subarray(0, length), () => resolve());
    });
  }

  #finish(failure: string | undefined): void {
    this.#finished = true;
    this.failure = failure;
    this.#wake();
  }
}
