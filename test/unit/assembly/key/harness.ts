// Runs the extraction and the hashes of the testing build on one frame at a time.

import assert from "node:assert/strict";
import {
  KEY_DIRTY,
  KEY_PLAIN_LANE_COUNT,
  KEY_STRIDE,
  KEY_WORD_COUNT,
} from "../../../../assembly/layout/flow-key.ts";
import { keyFields } from "../../../support/key-fields.ts";
import { parsePlainly } from "../../../support/plain-parser.ts";
import { testingInstance } from "../../../support/wasm.ts";

/** Furthest behind a packet that the extraction may look. */
const SLACK = 64;
const MARGIN = 256;

const { exports, bytes, words, view, base } = await testingInstance();
const extractKey = exports["extractKey"] as (
  key: number,
  data: number,
  length: number,
  inPort: number,
  recircId: number,
) => void;
const extractKeyAndHash = exports["extractKeyAndHash"] as (
  key: number,
  data: number,
  length: number,
  inPort: number,
) => number;
const extractBatch = exports["extractBatch"] as (
  key: number,
  addresses: number,
  lengths: number,
  hashes: number,
  count: number,
  inPort: number,
) => void;
const skbHash = exports["skbHash"] as (key: number) => number;
const l4Hash = exports["l4Hash"] as (key: number, basis: number) => number;
const symmetricHash = exports["symmetricHash"] as (key: number, basis: number) => number;
export const hashSeed = exports["hashSeed"] as (a: bigint, b: bigint) => void;

const slot = base;
const frameAt = base + 4096 + MARGIN;
const batchAt = base + 0x100000;

export interface ExtractOptions {
  inPort?: number;
  recircId?: number;
  /** What lies before and behind the frame; 0 by default. */
  around?: number;
  /** What follows the frame, in front of `around`. */
  behind?: Uint8Array;
  /** Bytes from a 16-byte boundary to the frame. */
  shift?: number;
  /** Keep what the slot's last packet left, as the datapath does; by default the slot is new. */
  reuse?: boolean;
  /** Call extractKeyAndHash, and check what it returns. */
  fused?: boolean;
}

/** Returns the key that the datapath extracts from the frame, all lanes. */
export function extract(frame: Uint8Array, options: ExtractOptions = {}): Uint32Array {
  const data = place(frame, options);
  if (options.reuse !== true) bytes.fill(0, slot, slot + KEY_STRIDE);
  // The lanes that every packet writes hold anything; the others are kept clean by their dirty bits.
  bytes.fill(0xa5, slot, slot + KEY_PLAIN_LANE_COUNT * 16);
  if (options.fused === true) {
    const hash = extractKeyAndHash(slot, data, frame.length, options.inPort ?? 0);
    assert.equal(hash, skbHash(slot), "the fused hash is the key's");
  } else {
    extractKey(slot, data, frame.length, options.inPort ?? 0, options.recircId ?? 0);
  }
  return words.slice(slot / 4, slot / 4 + KEY_WORD_COUNT);
}

/** Returns the keys and hashes of a batch of frames shorter than 2 KiB; the slots keep what they held before. */
export function extractTogether(
  batch: readonly Buffer[],
  inPort: number,
): { keys: Uint32Array[]; hashes: number[] } {
  const [addresses, lengths, hashes, slots, frames] = [0, 0x1000, 0x2000, 0x10000, 0x40000].map(
    (at) => batchAt + at,
  ) as [number, number, number, number, number];
  for (const [i, frame] of batch.entries()) {
    const data = frames + i * 2048 + (i % 16);
    bytes.set(frame, data);
    words[addresses / 4 + i] = data;
    words[lengths / 4 + i] = frame.length;
  }
  extractBatch(slots, addresses, lengths, hashes, batch.length, inPort);
  const slotOf = (i: number): number => (slots + i * KEY_STRIDE) / 4;
  return {
    keys: batch.map((_, i) => words.slice(slotOf(i), slotOf(i) + KEY_WORD_COUNT)),
    hashes: batch.map((_, i) => words[hashes / 4 + i]!),
  };
}

/** Lanes (4 and up) that the last extraction recorded as written. */
export function dirtyLanes(): number[] {
  const set = view.getUint32(slot + KEY_DIRTY, true);
  return Array.from({ length: 30 }, (_, i) => i)
    .filter((i) => (set & (1 << i)) !== 0)
    .map((i) => i + 4);
}

/** Fails unless the datapath and the plain parser say the same of the frame. */
export function assertLikePlain(frame: Uint8Array, options: ExtractOptions, told: () => string): void {
  const actual = extract(frame, options);
  const expected = parsePlainly(frame, options);
  if (Buffer.compare(Buffer.from(actual.buffer), Buffer.from(expected.buffer)) === 0) return;
  assert.deepEqual(
    keyFields(actual),
    keyFields(expected),
    `${told()}\n${Buffer.from(frame).toString("hex")}`,
  );
  assert.fail(`keys differ outside their fields: ${told()}`);
}

function place(frame: Uint8Array, options: ExtractOptions): number {
  const data = frameAt + (options.shift ?? 0);
  bytes.fill(options.around ?? 0, data - MARGIN, data + frame.length + SLACK + MARGIN);
  bytes.set(frame, data);
  if (options.behind !== undefined) bytes.set(options.behind.subarray(0, SLACK), data + frame.length);
  return data;
}

/** skbHash of a frame or a key, unsigned. */
export function hashOf(packet: Buffer | Uint32Array): number {
  load(packet);
  return skbHash(slot) >>> 0;
}

/** l4Hash, unsigned. */
export function l4HashOf(packet: Buffer | Uint32Array, basis: number): number {
  load(packet);
  return l4Hash(slot, basis) >>> 0;
}

/** symmetricHash, unsigned. */
export function symmetricHashOf(packet: Buffer | Uint32Array, basis: number): number {
  load(packet);
  return symmetricHash(slot, basis) >>> 0;
}

function load(packet: Buffer | Uint32Array): void {
  if (packet instanceof Uint32Array) words.set(packet, slot / 4);
  else extract(packet);
}
