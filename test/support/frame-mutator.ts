// Seeded mutations of frames, aimed at what parsers get wrong: length fields, type fields, cut ends.

import type { SeededRandom } from "./seeded-random.ts";

/** Values that length, offset and type fields turn on. */
const BYTES = [
  0, 1, 4, 6, 8, 15, 17, 43, 44, 51, 58, 60, 0x45, 0x46, 0x60, 0x81, 0x86, 0x88, 0xa8, 0xdd, 0xff,
];
const ETHER_TYPES = [0x0800, 0x86dd, 0x0806, 0x8100, 0x88a8, 0x8847, 0x05ff, 0x0600, 0x002e];
/** The part of a frame where the headers are. */
const HEADER_BYTES = 96;

/** Returns a frame that differs from `frame` in a few places, in its length, or in both. */
export function mutateFrame(frame: Buffer, random: SeededRandom, others: readonly Buffer[]): Buffer {
  let result: Buffer = Buffer.from(frame);
  const count = random.pick([1, 1, 1, 2, 3, 6]);
  for (let i = 0; i < count; i++) result = mutateOnce(result, random, others);
  return result;
}

function mutateOnce(frame: Buffer, random: SeededRandom, others: readonly Buffer[]): Buffer {
  const at = random.int(0, Math.max(0, Math.min(frame.length, HEADER_BYTES) - 1));
  switch (random.int(0, 7)) {
    case 0:
    case 1:
      if (frame.length > 0) frame[at]! ^= 1 << random.int(0, 7);
      return frame;
    case 2:
      if (frame.length > 0) frame[at] = random.pick(BYTES);
      return frame;
    case 3:
      if (frame.length > 0) frame[at] = random.u32();
      return frame;
    case 4:
      if (frame.length > at + 1) frame.writeUInt16BE(random.pick(ETHER_TYPES), at);
      return frame;
    case 5:
      return frame.subarray(0, random.int(0, frame.length));
    case 6:
      return Buffer.concat([frame, random.bytes(random.int(1, 40))]);
    default: {
      // The start of one frame and the end of another, as a wrong offset would leave them.
      const other = random.pick(others);
      return Buffer.concat([frame.subarray(0, at), other.subarray(random.int(0, other.length))]);
    }
  }
}

/** Returns random bytes behind a start that often says what they are. */
export function randomFrame(random: SeededRandom): Buffer {
  const frame = random.bytes(random.pick([0, 5, 13, 14, 20, 34, 42, 54, 60, 64, 80, 128, 200]));
  if (frame.length >= 18 && random.chance(80)) {
    let at = 12;
    while (random.chance(25) && at < 20 && at + 4 < frame.length) {
      frame.writeUInt16BE(random.pick([0x8100, 0x88a8]), at);
      at += 4;
    }
    if (at + 2 <= frame.length) frame.writeUInt16BE(random.pick(ETHER_TYPES), at);
    plausibleNetwork(frame, at + 2, random);
  }
  return frame;
}

/** Makes the bytes at `at` a header that a parser would go on behind, most of the time. */
function plausibleNetwork(frame: Buffer, at: number, random: SeededRandom): void {
  const left = frame.length - at;
  const protocol = random.pick([0, 1, 2, 6, 17, 43, 44, 51, 58, 60, 132]);
  const ethType = frame.readUInt16BE(at - 2);
  if (ethType === 0x0800 && left >= 20) {
    frame[at] = random.pick([0x45, 0x45, 0x45, 0x46, 0x4f]);
    if (random.chance(70)) frame.writeUInt16BE(random.int(0, left), at + 2);
    if (random.chance(70)) frame.writeUInt16BE(random.pick([0, 0x4000, 0x2000, 0x2001]), at + 6);
    frame[at + 9] = protocol;
  } else if (ethType === 0x86dd && left >= 40) {
    frame.writeUInt16BE(random.int(0, left - 40), at + 4);
    frame[at + 6] = protocol;
  }
}
