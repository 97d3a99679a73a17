// The frames of a no-drop trial, laid out once in linear memory: UDP over IPv4 of many connections.

import { UsageError } from "../../errors.ts";

/** A named size: bytes without FCS, or the simple IMIX. */
export type FrameSize = number | "imix";

/** Frames in memory, with the list of {address u32, length u32} that sends them. */
export interface FramePlan {
  readonly memory: Uint8Array;
  /** Address of the list's first entry. */
  readonly list: number;
  /** Entries; sending goes round and round. */
  readonly count: number;
  /** Mean bytes of a frame. */
  readonly meanLength: number;
}

export const FRAME_MIN = 60;
export const FRAME_MAX = 9014;
/** 60, 566 and 1514 bytes as 7:4:1, in an order that spreads them. */
const IMIX: readonly number[] = [60, 566, 60, 60, 566, 60, 1514, 60, 566, 60, 60, 566];
/** As many as whole rounds of the IMIX, and more than connections. */
const LIST_COUNT = 426 * IMIX.length;
const LIST = 0;
const FRAMES = 1 << 16;
const PAGE = 65_536;
/** Where an AF_PACKET socket's smallest ring goes, which a sender has to have. */
export const RING_BLOCK = 49_152;
export const RING_BLOCK_SIZE = 4096;

/** Reads `60,512,1514,imix`. Throws UsageError. */
export function parseSizes(text: string): FrameSize[] {
  return text.split(",").map((word) => {
    if (word === "imix") return word;
    const bytes = /^\d+$/.test(word) ? Number(word) : Number.NaN;
    if (bytes >= FRAME_MIN && bytes <= FRAME_MAX) return bytes;
    throw new UsageError(
      `--sizes takes frame sizes from ${FRAME_MIN} to ${FRAME_MAX} bytes and imix, got "${word}"`,
    );
  });
}

/** Lays out frames of a size to a MAC address, of so many connections. */
export function planFrames(size: FrameSize, connections: number, destination: string): FramePlan {
  const lengths = size === "imix" ? IMIX : [size];
  const largest = Math.max(...lengths);
  const stride = (largest + 63) & ~63;
  const pages = Math.ceil((FRAMES + LIST_COUNT * stride) / PAGE);
  const memory = new Uint8Array(
    new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true }).buffer,
  );
  const view = new DataView(memory.buffer);
  let total = 0;
  for (let i = 0; i < LIST_COUNT; i++) {
    const length = lengths[i % lengths.length] as number;
    const address = FRAMES + i * stride;
    memory.set(udpFrame(length, i % connections, destination), address);
    view.setUint32(LIST + i * 8, address, true);
    view.setUint32(LIST + i * 8 + 4, length, true);
    total += length;
  }
  return { memory, list: LIST, count: LIST_COUNT, meanLength: total / LIST_COUNT };
}

/** 10.0.0.1 to 10.0.0.2, port 9; the connection is the source port, the UDP checksum 0. */
function udpFrame(length: number, connection: number, destination: string): Buffer {
  const frame = Buffer.alloc(length);
  Buffer.from(destination.replaceAll(":", ""), "hex").copy(frame, 0);
  frame.writeUIntBE(0x020000000001, 6, 6);
  frame.writeUInt16BE(0x0800, 12);
  frame.writeUInt16BE(0x4500, 14);
  frame.writeUInt16BE(length - 14, 16);
  frame.writeUInt16BE(0x4011, 22);
  frame.writeUInt32BE(0x0a000001, 26);
  frame.writeUInt32BE(0x0a000002, 30);
  frame.writeUInt16BE(ipChecksum(frame), 24);
  frame.writeUInt16BE(1024 + connection, 34);
  frame.writeUInt16BE(9, 36);
  frame.writeUInt16BE(length - 34, 38);
  return frame;
}

function ipChecksum(frame: Buffer): number {
  let sum = 0;
  for (let at = 14; at < 34; at += 2) sum += frame.readUInt16BE(at);
  sum = (sum & 0xffff) + (sum >>> 16);
  return ~(sum + (sum >>> 16)) & 0xffff;
}
