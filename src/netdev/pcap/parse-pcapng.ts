// The block format (draft-ietf-opsawg-pcapng): sections in either byte order, interfaces with time units of
// their own, packets in enhanced, simple and obsolete packet blocks; all other blocks are stepped over.

import type { ByteWindow } from "./byte-window.ts";
import {
  CAPTURED_LENGTH_MAX,
  type CaptureParser,
  captureError,
  LINKTYPE_ETHERNET,
  linkTypeError,
} from "./capture-parser.ts";
import { PACKET_BATCH_MAX, type PacketBatch } from "./packet-batch.ts";
import { type CaptureInterface, readInterface, splitTimestamp } from "./pcapng-interface.ts";

/** Type of a section header block: the same in both byte orders. */
export const PCAPNG_SECTION = 0x0a0d0d0a;
const BLOCK_INTERFACE = 1;
const BLOCK_PACKET_OBSOLETE = 2;
const BLOCK_PACKET_SIMPLE = 3;
const BLOCK_PACKET_ENHANCED = 6;

const BYTE_ORDER_MAGIC = 0x1a2b3c4d;
/** Type, length and the length again at the end. */
const BLOCK_OVERHEAD = 12;
/** Fixed part of a packet block before the bytes: enhanced and obsolete, simple. */
const PACKET_FIXED = 20;
const SIMPLE_FIXED = 4;
/** Longest block that is read: the longest packet and 1 MiB of options. */
const BLOCK_MAX = CAPTURED_LENGTH_MAX + (1 << 20);

/** Parser of one pcapng file; the window stands at the file's start. */
export class PcapngParser implements CaptureParser {
  readonly format = "pcapng";
  nanosecond = false;
  readonly #file: string;
  #littleEndian = true;
  /** Interfaces of the current section. */
  #interfaces: CaptureInterface[] = [];
  /** Bytes of an uninteresting block still to be stepped over. */
  #skip = 0;

  constructor(file: string) {
    this.#file = file;
  }

  get skipping(): boolean {
    return this.#skip > 0;
  }

  parse(window: ByteWindow, batch: PacketBatch): number {
    while (batch.count < PACKET_BATCH_MAX) {
      if (this.#skip > 0) {
        const step = Math.min(this.#skip, window.available);
        window.start += step;
        this.#skip -= step;
        if (this.#skip > 0) return 1;
      }
      if (window.available < BLOCK_OVERHEAD) return BLOCK_OVERHEAD;
      const type = window.view.getUint32(window.start, this.#littleEndian);
      if (type === PCAPNG_SECTION) this.#readByteOrder(window);
      const length = window.view.getUint32(window.start + 4, this.#littleEndian);
      this.#checkLength(window, length);
      if (!isRead(type)) {
        this.#skip = length;
        continue;
      }
      if (length > BLOCK_MAX) throw this.#corrupt(window, `a block claims ${length} bytes`);
      if (window.available < length) return length;
      if (window.view.getUint32(window.start + length - 4, this.#littleEndian) !== length) {
        throw this.#corrupt(window, "a block's two lengths differ");
      }
      this.#readBlock(window, batch, type, length);
      window.start += length;
    }
    return 0;
  }

  #readBlock(window: ByteWindow, batch: PacketBatch, type: number, length: number): void {
    switch (type) {
      case PCAPNG_SECTION:
        this.#interfaces = [];
        break;
      case BLOCK_INTERFACE:
        this.#readInterface(window, length);
        break;
      case BLOCK_PACKET_SIMPLE:
        this.#readSimplePacket(window, batch, length);
        break;
      default:
        this.#readPacket(window, batch, type, length);
    }
  }

  #readInterface(window: ByteWindow, length: number): void {
    if (length < BLOCK_OVERHEAD + 8) throw this.#corrupt(window, "an interface block is too short");
    const end = window.start + length - 4;
    const found = readInterface(window.view, window.start + 8, end, this.#littleEndian);
    if (found.linkType === LINKTYPE_ETHERNET && found.unitsPerSecond > 1_000_000) this.nanosecond = true;
    this.#interfaces.push(found);
  }

  /** Enhanced: interface u32; obsolete: interface u16, drops u16; then both: time, captured and wire length. */
  #readPacket(window: ByteWindow, batch: PacketBatch, type: number, blockLength: number): void {
    const { view, start } = window;
    const littleEndian = this.#littleEndian;
    if (blockLength < BLOCK_OVERHEAD + PACKET_FIXED)
      throw this.#corrupt(window, "a packet block is too short");
    const index =
      type === BLOCK_PACKET_ENHANCED
        ? view.getUint32(start + 8, littleEndian)
        : view.getUint16(start + 8, littleEndian);
    const origin = this.#interface(window, index);
    const length = view.getUint32(start + 20, littleEndian);
    if (length > blockLength - BLOCK_OVERHEAD - PACKET_FIXED || length > CAPTURED_LENGTH_MAX) {
      throw this.#corrupt(window, `a packet claims ${length} bytes in a block of ${blockLength}`);
    }
    const wireLength = view.getUint32(start + 24, littleEndian);
    const i = batch.count++;
    splitTimestamp(
      origin,
      view.getUint32(start + 12, littleEndian),
      view.getUint32(start + 16, littleEndian),
    );
    batch.seconds[i] = origin.seconds;
    batch.nanoseconds[i] = origin.nanoseconds;
    batch.offsets[i] = start + 8 + PACKET_FIXED;
    batch.lengths[i] = length;
    batch.wireLengths[i] = Math.max(wireLength, length);
  }

  /** A simple block has no time and no captured length: the snap length of interface 0 cuts it. */
  #readSimplePacket(window: ByteWindow, batch: PacketBatch, blockLength: number): void {
    const origin = this.#interface(window, 0);
    if (blockLength < BLOCK_OVERHEAD + SIMPLE_FIXED)
      throw this.#corrupt(window, "a packet block is too short");
    const room = blockLength - BLOCK_OVERHEAD - SIMPLE_FIXED;
    const wireLength = window.view.getUint32(window.start + 8, this.#littleEndian);
    const length = origin.snapLength === 0 ? wireLength : Math.min(wireLength, origin.snapLength);
    if (length > room || length > CAPTURED_LENGTH_MAX) {
      throw this.#corrupt(window, `a packet claims ${length} bytes in a block of ${blockLength}`);
    }
    const i = batch.count++;
    batch.seconds[i] = origin.seconds;
    batch.nanoseconds[i] = origin.nanoseconds;
    batch.offsets[i] = window.start + 8 + SIMPLE_FIXED;
    batch.lengths[i] = length;
    batch.wireLengths[i] = wireLength;
  }

  #interface(window: ByteWindow, index: number): CaptureInterface {
    const found = this.#interfaces[index];
    if (found === undefined) {
      throw this.#corrupt(window, `a packet names interface ${index}, of ${this.#interfaces.length},`);
    }
    if (found.linkType !== LINKTYPE_ETHERNET) {
      throw linkTypeError(this.#file, window.offset, found.linkType);
    }
    return found;
  }

  #readByteOrder(window: ByteWindow): void {
    const magic = window.view.getUint32(window.start + 8, true);
    if (magic === BYTE_ORDER_MAGIC) this.#littleEndian = true;
    else if (window.view.getUint32(window.start + 8, false) === BYTE_ORDER_MAGIC) this.#littleEndian = false;
    else throw this.#corrupt(window, "a section has no byte-order magic");
  }

  #checkLength(window: ByteWindow, length: number): void {
    if (length < BLOCK_OVERHEAD || length % 4 !== 0) {
      throw this.#corrupt(window, `a block claims ${length} bytes`);
    }
  }

  #corrupt(window: ByteWindow, what: string): Error {
    return captureError("CAPTURE_CORRUPT", this.#file, window.offset, what);
  }
}

function isRead(type: number): boolean {
  return (
    type === BLOCK_PACKET_ENHANCED ||
    type === BLOCK_PACKET_SIMPLE ||
    type === BLOCK_PACKET_OBSOLETE ||
    type === BLOCK_INTERFACE ||
    type === PCAPNG_SECTION
  );
}
