// Writes a pcap file: little-endian, Ethernet, micro- or nanoseconds. Packets gather in a buffer that is
// written when full, so that the cost of a packet is a copy.

import { closeSync, openSync, writeSync } from "node:fs";
import { CAPTURED_LENGTH_MAX, LINKTYPE_ETHERNET } from "./capture-parser.ts";
import { PCAP_HEADER_SIZE, PCAP_MAGIC_MICRO, PCAP_MAGIC_NANO, PCAP_RECORD_SIZE } from "./parse-pcap.ts";

/** Holds the longest packet with room to spare. */
const BUFFER_SIZE = 1 << 20;
const SECOND_NS = 1_000_000_000n;

/** A capture file being written. Errors are the file system's. */
export class CaptureWriter {
  readonly file: string;
  readonly #descriptor: number;
  readonly #unitNs: number;
  readonly #buffer = Buffer.allocUnsafeSlow(BUFFER_SIZE);
  readonly #view = new DataView(this.#buffer.buffer);
  #length = 0;

  /** Creates the file, or empties it. */
  constructor(file: string, options: { readonly nanosecond: boolean }) {
    this.file = file;
    this.#descriptor = openSync(file, "w");
    this.#unitNs = options.nanosecond ? 1 : 1000;
    const view = this.#view;
    view.setUint32(0, options.nanosecond ? PCAP_MAGIC_NANO : PCAP_MAGIC_MICRO, true);
    view.setUint16(4, 2, true);
    view.setUint16(6, 4, true);
    view.setUint32(8, 0, true);
    view.setUint32(12, 0, true);
    view.setUint32(16, CAPTURED_LENGTH_MAX, true);
    view.setUint32(20, LINKTYPE_ETHERNET, true);
    this.#length = PCAP_HEADER_SIZE;
  }

  /** Appends a packet with its time in nanoseconds since 1970. */
  write(timeNs: bigint, packet: Uint8Array): void {
    this.writeAt(Number(timeNs / SECOND_NS), Number(timeNs % SECOND_NS), packet, packet.length);
  }

  /** Appends a packet with its time as seconds and nanoseconds; `wireLength` is more where it was cut. */
  writeAt(seconds: number, nanoseconds: number, packet: Uint8Array, wireLength: number): void {
    if (this.#length + PCAP_RECORD_SIZE + packet.length > BUFFER_SIZE) this.flush();
    const at = this.#length;
    const view = this.#view;
    view.setUint32(at, seconds, true);
    view.setUint32(at + 4, nanoseconds / this.#unitNs, true);
    view.setUint32(at + 8, packet.length, true);
    view.setUint32(at + 12, wireLength, true);
    this.#buffer.set(packet, at + PCAP_RECORD_SIZE);
    this.#length = at + PCAP_RECORD_SIZE + packet.length;
  }

  /** Writes out what is gathered. */
  flush(): void {
    for (let at = 0; at < this.#length; ) {
      at += writeSync(this.#descriptor, this.#buffer, at, this.#length - at);
    }
    this.#length = 0;
  }

  /** Writes out what is gathered and closes the file. */
  close(): void {
    try {
      this.flush();
    } finally {
      closeSync(this.#descriptor);
    }
  }
}
