// Writes a capture file (classic pcap, microseconds, Ethernet) from frames built in place.
import { closeSync, openSync, writeSync } from "node:fs";

const PCAP_HEADER_SIZE = 24;
const RECORD_HEADER_SIZE = 16;
const CHUNK_SIZE = 4 * 1024 * 1024;
const SNAP_LENGTH = 65535;
const LINKTYPE_ETHERNET = 1;
/** Room that a frame may need; the longest of a workload is 1,514 bytes. */
const FRAME_ROOM = 2048;

/** Builds a frame at `at` in `bytes` and returns its length. */
export type FrameFiller = (bytes: Uint8Array, at: number) => number;

/** Where the bytes of a capture go, in order. The bytes are valid during the call only. */
export type ByteSink = (bytes: Uint8Array) => void;

/** Sends a capture of `count` frames, one microsecond apart, to `sink`. */
export function writeCapture(sink: ByteSink, count: number, filler: FrameFiller): void {
  const chunk = new Uint8Array(CHUNK_SIZE);
  const view = new DataView(chunk.buffer);
  let used = writeFileHeader(view);
  for (let i = 0; i < count; i++) {
    if (used + RECORD_HEADER_SIZE + FRAME_ROOM > CHUNK_SIZE) {
      sink(chunk.subarray(0, used));
      used = 0;
    }
    const length = filler(chunk, used + RECORD_HEADER_SIZE);
    view.setUint32(used, Math.floor(i / 1_000_000), true);
    view.setUint32(used + 4, i % 1_000_000, true);
    view.setUint32(used + 8, length, true);
    view.setUint32(used + 12, length, true);
    used += RECORD_HEADER_SIZE + length;
  }
  sink(chunk.subarray(0, used));
}

/** Runs `write` with a sink that fills the file at `path`. Throws the system's error when it cannot. */
export function withFileSink(path: string, write: (sink: ByteSink) => void): void {
  const file = openSync(path, "w");
  try {
    write((bytes) => {
      for (let done = 0; done < bytes.length; ) done += writeSync(file, bytes, done);
    });
  } finally {
    closeSync(file);
  }
}

function writeFileHeader(view: DataView): number {
  view.setUint32(0, 0xa1b2c3d4, true);
  view.setUint16(4, 2, true);
  view.setUint16(6, 4, true);
  view.setUint32(16, SNAP_LENGTH, true);
  view.setUint32(20, LINKTYPE_ETHERNET, true);
  return PCAP_HEADER_SIZE;
}
