// What a capture format's parser is to the reader, and what both formats share.

import { CaptureError, type CaptureErrorCode } from "../../errors.ts";
import type { ByteWindow } from "./byte-window.ts";
import type { PacketBatch } from "./packet-batch.ts";

/** Reads one capture format. */
export interface CaptureParser {
  /** For messages: `pcap`, `pcapng`. */
  readonly format: string;
  /** Whether time stamps are finer than a microsecond. */
  readonly nanosecond: boolean;
  /** Whether the window stands inside a record that is being stepped over. */
  readonly skipping: boolean;
  /**
   * Appends the whole records at the start of the window to the batch, until the batch is full or a record
   * is not whole. Returns the bytes needed to go on. Throws CaptureError where the capture contradicts itself.
   */
  parse(window: ByteWindow, batch: PacketBatch): number;
}

/** Link type of Ethernet, of both formats. */
export const LINKTYPE_ETHERNET = 1;

/** Longest packet that a capture may hold, as libpcap and Wireshark have it. */
export const CAPTURED_LENGTH_MAX = 262_144;

/** Returns the error for a file that stops making sense at a place. */
export function captureError(
  code: CaptureErrorCode,
  file: string,
  offset: number,
  what: string,
): CaptureError {
  return new CaptureError(code, file, offset, `${what} at byte ${offset}`);
}

/** Returns the error for packets that are not Ethernet. */
export function linkTypeError(file: string, offset: number, linkType: number): CaptureError {
  const name = linkTypeNames.get(linkType);
  const got = name === undefined ? `link type ${linkType}` : `${name} (link type ${linkType})`;
  return captureError(
    "CAPTURE_FORMAT",
    file,
    offset,
    `packets are ${got}, only Ethernet (link type 1) is read; found`,
  );
}

/** The link types that people meet, from the tcpdump.org list. */
const linkTypeNames: ReadonlyMap<number, string> = new Map([
  [0, "BSD loopback"],
  [101, "raw IP"],
  [105, "IEEE 802.11"],
  [113, "Linux cooked (any)"],
  [127, "802.11 radiotap"],
  [228, "raw IPv4"],
  [229, "raw IPv6"],
  [276, "Linux cooked v2 (any)"],
]);
