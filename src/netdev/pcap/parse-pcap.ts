// The classic capture format (draft-ietf-opsawg-pcap): a 24-byte header, then a 16-byte header and the bytes of
// each packet. Either byte order; micro- and nanoseconds, told apart by the magic number.

import type { ByteWindow } from "./byte-window.ts";
import {
  CAPTURED_LENGTH_MAX,
  type CaptureParser,
  captureError,
  LINKTYPE_ETHERNET,
  linkTypeError,
} from "./capture-parser.ts";
import { PACKET_BATCH_MAX, type PacketBatch } from "./packet-batch.ts";

/** Magic number of a file with microseconds. */
export const PCAP_MAGIC_MICRO = 0xa1b2c3d4;
/** Magic number of a file with nanoseconds. */
export const PCAP_MAGIC_NANO = 0xa1b23c4d;
export const PCAP_HEADER_SIZE = 24;
export const PCAP_RECORD_SIZE = 16;

/** Byte order and time unit that a magic number says, or undefined when it is not pcap's. */
export function pcapKind(magic: Buffer): { littleEndian: boolean; nanosecond: boolean } | undefined {
  for (const littleEndian of [true, false]) {
    const number = littleEndian ? magic.readUInt32LE(0) : magic.readUInt32BE(0);
    if (number === PCAP_MAGIC_MICRO || number === PCAP_MAGIC_NANO) {
      return { littleEndian, nanosecond: number === PCAP_MAGIC_NANO };
    }
  }
  return undefined;
}

/** Parser of one pcap file; the window stands at the file's start. */
export class PcapParser implements CaptureParser {
  readonly format = "pcap";
  readonly skipping = false;
  readonly nanosecond: boolean;
  readonly #file: string;
  readonly #littleEndian: boolean;
  #headerRead = false;

  constructor(file: string, littleEndian: boolean, nanosecond: boolean) {
    this.#file = file;
    this.#littleEndian = littleEndian;
    this.nanosecond = nanosecond;
  }

  parse(window: ByteWindow, batch: PacketBatch): number {
    if (!this.#headerRead) {
      if (window.available < PCAP_HEADER_SIZE) return PCAP_HEADER_SIZE;
      this.#readHeader(window);
    }
    const { view, end } = window;
    const littleEndian = this.#littleEndian;
    const unitsPerSecond = this.nanosecond ? 1_000_000_000 : 1_000_000;
    const unitNs = this.nanosecond ? 1 : 1000;
    let at = window.start;
    let count = batch.count;
    let need = PCAP_RECORD_SIZE;
    while (count < PACKET_BATCH_MAX && end - at >= PCAP_RECORD_SIZE) {
      const length = view.getUint32(at + 8, littleEndian);
      if (length > CAPTURED_LENGTH_MAX) {
        window.start = at;
        batch.count = count;
        throw this.#lengthError(window.offset, length);
      }
      need = PCAP_RECORD_SIZE + length;
      if (end - at < need) break;
      const wireLength = view.getUint32(at + 12, littleEndian);
      const units = view.getUint32(at + 4, littleEndian);
      const carry = units < unitsPerSecond ? 0 : Math.floor(units / unitsPerSecond);
      batch.seconds[count] = view.getUint32(at, littleEndian) + carry;
      batch.nanoseconds[count] = (units - carry * unitsPerSecond) * unitNs;
      batch.offsets[count] = at + PCAP_RECORD_SIZE;
      batch.lengths[count] = length;
      batch.wireLengths[count] = Math.max(wireLength, length);
      count++;
      at += need;
      need = PCAP_RECORD_SIZE;
    }
    window.start = at;
    batch.count = count;
    return need;
  }

  #readHeader(window: ByteWindow): void {
    // The upper bits of the field say whether a frame check sequence follows each packet.
    const linkType = window.view.getUint32(window.start + 20, this.#littleEndian) & 0xffff;
    if (linkType !== LINKTYPE_ETHERNET) throw linkTypeError(this.#file, window.offset + 20, linkType);
    window.start += PCAP_HEADER_SIZE;
    this.#headerRead = true;
  }

  #lengthError(offset: number, length: number): Error {
    return captureError(
      "CAPTURE_CORRUPT",
      this.#file,
      offset,
      `a packet claims ${length} bytes, more than any capture holds (${CAPTURED_LENGTH_MAX}),`,
    );
  }
}
