// Writes one capture in every format that the reader knows: pcap in micro- and nanoseconds and pcapng, each in both
// byte orders, and gzip of each.
//   npx tsx test/captures/make.ts SOURCE.pcap DIRECTORY

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

/** One captured frame. */
export interface CapturedFrame {
  seconds: number;
  nanoseconds: number;
  /** Length on the wire; the bytes may be fewer. */
  wireLength: number;
  bytes: Buffer;
}

const PCAP_MICRO = 0xa1b2c3d4;
const PCAP_NANO = 0xa1b23c4d;
const LINKTYPE_ETHERNET = 1;

/** Reads a little-endian pcap with microseconds, as tcpdump writes it here. */
export function readTcpdump(path: string): CapturedFrame[] {
  const file = readFileSync(path);
  if (file.readUInt32LE(0) !== PCAP_MICRO) throw new Error(`${path}: not a little-endian pcap with microseconds`);
  const frames: CapturedFrame[] = [];
  for (let at = 24; at + 16 <= file.length; ) {
    const length = file.readUInt32LE(at + 8);
    frames.push({
      seconds: file.readUInt32LE(at),
      nanoseconds: file.readUInt32LE(at + 4) * 1000,
      wireLength: file.readUInt32LE(at + 12),
      bytes: file.subarray(at + 16, at + 16 + length),
    });
    at += 16 + length;
  }
  return frames;
}

/** A pcap file (draft-ietf-opsawg-pcap). */
export function pcapOf(frames: CapturedFrame[], order: "little" | "big", unit: "micro" | "nano"): Buffer {
  const word = writerOf(order);
  const magic = unit === "micro" ? PCAP_MICRO : PCAP_NANO;
  const version = order === "little" ? 0x00040002 : 0x00020004;
  const parts = [word(magic, version, 0, 0, 262144, LINKTYPE_ETHERNET)];
  for (const { seconds, nanoseconds, wireLength, bytes } of frames) {
    const fraction = unit === "micro" ? Math.floor(nanoseconds / 1000) : nanoseconds;
    parts.push(word(seconds, fraction, bytes.length, wireLength), bytes);
  }
  return Buffer.concat(parts);
}

/** A pcapng file (draft-ietf-opsawg-pcapng): a section, an interface with nanoseconds, enhanced packets. */
export function pcapngOf(frames: CapturedFrame[], order: "little" | "big"): Buffer {
  const word = writerOf(order);
  const half = (a: number, b: number) => (order === "little" ? ((b << 16) | a) >>> 0 : ((a << 16) | b) >>> 0);
  const block = (type: number, body: Buffer) => {
    const padded = Buffer.concat([body, Buffer.alloc(-body.length & 3)]);
    const length = padded.length + 12;
    return Buffer.concat([word(type, length), padded, word(length)]);
  };
  const resolution = Buffer.concat([word(half(9, 1)), Buffer.from([9, 0, 0, 0]), word(0)]);
  const parts = [
    block(0x0a0d0d0a, word(0x1a2b3c4d, half(1, 0), 0xffffffff, 0xffffffff)),
    block(1, Buffer.concat([word(half(LINKTYPE_ETHERNET, 0), 262144), resolution])),
  ];
  for (const { seconds, nanoseconds, wireLength, bytes } of frames) {
    const time = BigInt(seconds) * 1_000_000_000n + BigInt(nanoseconds);
    const head = word(0, Number(time >> 32n), Number(time & 0xffffffffn), bytes.length, wireLength);
    parts.push(block(6, Buffer.concat([head, bytes])));
  }
  return Buffer.concat(parts);
}

/** The capture in every format, by file name. */
export function everyFormat(frames: CapturedFrame[]): Map<string, Buffer> {
  const files = new Map<string, Buffer>();
  for (const order of ["little", "big"] as const) {
    for (const unit of ["micro", "nano"] as const) files.set(`${unit}-${order}.pcap`, pcapOf(frames, order, unit));
    files.set(`${order}.pcapng`, pcapngOf(frames, order));
  }
  for (const [name, bytes] of [...files]) files.set(`${name}.gz`, gzipSync(bytes));
  return files;
}

function writerOf(order: "little" | "big"): (...words: number[]) => Buffer {
  return (...words) => {
    const bytes = Buffer.alloc(words.length * 4);
    for (const [index, value] of words.entries()) {
      if (order === "little") bytes.writeUInt32LE(value, index * 4);
      else bytes.writeUInt32BE(value, index * 4);
    }
    return bytes;
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [source, directory] = process.argv.slice(2);
  if (source === undefined || directory === undefined) {
    process.stderr.write("usage: npx tsx test/captures/make.ts SOURCE.pcap DIRECTORY\n");
    process.exit(2);
  }
  mkdirSync(directory, { recursive: true });
  for (const [name, bytes] of everyFormat(readTcpdump(source))) writeFileSync(join(directory, name), bytes);
}
