// Frames for tests that tell packets apart: each has a number in it.

/** A broadcast frame of an EtherType for experiments (IEEE Std 802, 88B5), numbered, filled from its number. */
export function numberedFrame(number: number, length: number): Buffer {
  const frame = Buffer.alloc(length, number & 0xff);
  frame.fill(0xff, 0, 6);
  frame.writeUIntBE(0x020000000000 + number, 6, 6);
  frame.writeUInt16BE(0x88b5, 12);
  if (length >= 18) frame.writeUInt32BE(number, 14);
  return frame;
}
