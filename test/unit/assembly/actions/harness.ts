// Runs the datapath's modifying actions on one packet in one frame, and holds them to their frame: every
// byte outside the packet, before and after, must keep its value.

import assert from "node:assert/strict";
import { BATCH_DATA, BATCH_FRAMES, BATCH_LENGTHS } from "../../../../assembly/layout/batch.ts";
import {
  BIG_FRAME_SIZE,
  FRAME_DATA,
  FRAME_HEADROOM,
  FRAME_LENGTH,
  FRAME_PKT_MARK,
  FRAME_POOL,
  FRAME_POOL_BIG,
  FRAME_POOL_SMALL,
  FRAME_RECORD_SIZE,
  FRAME_SIZE,
  FRAME_SKB_PRIORITY,
} from "../../../../assembly/layout/frame.ts";
import type { PlainPacket } from "../../../support/plain-actions.ts";
import { testingInstance } from "../../../support/wasm.ts";

/** What a frame holds after an action. */
export interface Outcome {
  readonly accepted: boolean;
  readonly packet: PlainPacket;
  /** Bytes from the frame's start to the packet. */
  readonly dataOffset: number;
}

export interface FrameOptions {
  /** Where the packet starts in its frame; FRAME_HEADROOM by default. */
  readonly dataOffset?: number;
  readonly big?: boolean;
}

const GUARD = 256;
const MARK = 0x11223344;
const PRIORITY = 7;

const { exports, bytes, words, base } = await testingInstance();
const { applyModification, changeAll, changeRun } = exports as {
  applyModification: (frame: number, opcode: number, operands: number) => number;
  changeAll: (context: number, place: number, first: number, end: number) => number;
  changeRun: (context: number, from: number, to: number, opcode: number, operands: number) => number;
};
const OPERANDS = base;
const CONTEXT = base + 1024 * 1024;
const FRAME = base + 2 * 1024 * 1024;

/** A packet with the metadata that every test packet starts from. */
export function packetOf(data: Uint8Array): PlainPacket {
  return { bytes: Buffer.from(data), mark: MARK, priority: PRIORITY };
}

/** The packet of a hexadecimal string, in which blanks do not count. */
export function packetOfHex(hex: string): PlainPacket {
  return packetOf(Buffer.from(hex.replaceAll(/\s/g, ""), "hex"));
}

/** Applies one action, given as its words in program order with the first word, to a packet in a frame of its own. */
export function applyInFrame(packet: PlainPacket, action: Uint32Array, options: FrameOptions = {}): Outcome {
  const size = options.big ? BIG_FRAME_SIZE : FRAME_SIZE;
  const dataOffset = options.dataOffset ?? FRAME_HEADROOM;
  assert.ok(dataOffset + packet.bytes.length <= size, "the packet fits the frame");
  fillFrame(packet, size, dataOffset, options.big ?? false);
  const before = Buffer.from(bytes.subarray(FRAME - GUARD, FRAME + size + GUARD));
  words.set(action, OPERANDS >>> 2);
  const accepted = applyModification(FRAME, action[0]! & 0xff, OPERANDS + 4) !== 0;
  const outcome = readFrame(accepted);
  const after = bytes.subarray(FRAME - GUARD, FRAME + size + GUARD);
  const low = GUARD + Math.min(dataOffset, outcome.dataOffset);
  const high =
    GUARD + Math.max(dataOffset + packet.bytes.length, outcome.dataOffset + outcome.packet.bytes.length);
  assert.ok(outcome.dataOffset >= FRAME_RECORD_SIZE && high <= GUARD + size, "the packet stays in its frame");
  for (const field of [FRAME_DATA, FRAME_LENGTH, FRAME_PKT_MARK, FRAME_SKB_PRIORITY]) {
    before.copy(after, GUARD + field, GUARD + field, GUARD + field + 4);
  }
  assert.ok(before.subarray(0, low).equals(after.subarray(0, low)), "nothing before the packet is written");
  assert.ok(before.subarray(high).equals(after.subarray(high)), "nothing behind the packet is written");
  assertSameInRun(packet, action, size, dataOffset, outcome);
  return outcome;
}

/** Packets of a run, and one alone, are changed by loops of their own: they must come to the same. */
function assertSameInRun(
  packet: PlainPacket,
  action: Uint32Array,
  size: number,
  dataOffset: number,
  outcome: Outcome,
): void {
  const opcode = action[0]! & 0xff;
  const big = size === BIG_FRAME_SIZE;
  fillFrame(packet, size, dataOffset, big);
  placeInContext();
  const end = OPERANDS + action.length * 4;
  // It may leave an action to others, but then it leaves the packet as it was.
  const done = changeAll(CONTEXT, 0, OPERANDS, end) === end;
  takeFromContext();
  const untouched = { accepted: false, packet, dataOffset };
  assert.deepEqual(readFrame(done), done ? outcome : untouched, "one packet alone is changed alike");
  fillFrame(packet, size, dataOffset, big);
  placeInContext();
  const taken = changeRun(CONTEXT, 0, 1, opcode, OPERANDS + 4) === 1;
  takeFromContext();
  assert.deepEqual(readFrame(taken), outcome, "packets of a run are changed alike");
}

/** Makes the frame's packet the first of the context. */
function placeInContext(): void {
  words[(CONTEXT + BATCH_FRAMES) >>> 2] = FRAME;
  words[(CONTEXT + BATCH_DATA) >>> 2] = words[(FRAME + FRAME_DATA) >>> 2]!;
  words[(CONTEXT + BATCH_LENGTHS) >>> 2] = words[(FRAME + FRAME_LENGTH) >>> 2]!;
}

function takeFromContext(): void {
  words[(FRAME + FRAME_DATA) >>> 2] = words[(CONTEXT + BATCH_DATA) >>> 2]!;
  words[(FRAME + FRAME_LENGTH) >>> 2] = words[(CONTEXT + BATCH_LENGTHS) >>> 2]!;
}

function fillFrame(packet: PlainPacket, size: number, dataOffset: number, big: boolean): void {
  for (let i = FRAME - GUARD; i < FRAME + size + GUARD; i++) bytes[i] = (i * 167) & 0xff;
  const record = FRAME >>> 2;
  words[record + (FRAME_DATA >>> 2)] = FRAME + dataOffset;
  words[record + (FRAME_LENGTH >>> 2)] = packet.bytes.length;
  words[record + (FRAME_PKT_MARK >>> 2)] = packet.mark;
  words[record + (FRAME_SKB_PRIORITY >>> 2)] = packet.priority;
  words[record + (FRAME_POOL >>> 2)] = big ? FRAME_POOL_BIG : FRAME_POOL_SMALL;
  bytes.set(packet.bytes, FRAME + dataOffset);
}

function readFrame(accepted: boolean): Outcome {
  const record = FRAME >>> 2;
  const data = words[record + (FRAME_DATA >>> 2)]!;
  const length = words[record + (FRAME_LENGTH >>> 2)]!;
  return {
    accepted,
    packet: {
      bytes: Buffer.from(bytes.slice(data, data + length)),
      mark: words[record + (FRAME_PKT_MARK >>> 2)]!,
      priority: words[record + (FRAME_SKB_PRIORITY >>> 2)]!,
    },
    dataOffset: data - FRAME,
  };
}
