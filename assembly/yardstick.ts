// The yardstick of a bench: a fixed piece of work of the datapath's kind (copy, read, hash, probe, verify, count, in batches)
// over memory that fits the second-level cache. What slows the core slows both, and this one never changes.
// NEVER edit it: two results are compared by it only where its bytes are the same.

import { YARDSTICK_BLOCKS } from "./layout/yardstick.ts";

const BLOCK: u32 = 64;
const BATCH: u32 = 64;
const RECORDS: u32 = 1024;
const BUCKETS: u32 = 4096;

/** Places in the memory: blocks, records, buckets of four signatures, frames, one word a packet. */
const RECORDS_AT: u32 = 128 << 10;
const BUCKETS_AT: u32 = 192 << 10;
const FRAMES_AT: u32 = 256 << 10;
const WORDS_AT: u32 = 272 << 10;

/** Lays the memory out; zeroed before. */
export function yardstickInit(at: u32): void {
  let state: u64 = 0x9e3779b97f4a7c15;
  for (let i: u32 = 0; i < YARDSTICK_BLOCKS * BLOCK; i += 8) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    store<u64>(at + i, state);
  }
  for (let i: u32 = 0; i < YARDSTICK_BLOCKS; i++) {
    const block = at + i * BLOCK;
    // Most blocks look like IPv4 with UDP, and one in sixteen does not.
    store<u16>(block, i % 16 === 3 ? 0xdd86 : 0x0008, 12);
    store<u8>(block, 0x45, 14);
    store<u8>(block, 17, 23);
  }
  for (let i: u32 = 0; i < BUCKETS * 4; i++) store<u32>(at + BUCKETS_AT + i * 4, i * 0x9e3779b1);
}

/** Takes all blocks through the work once. */
export function yardstickPass(at: u32): void {
  for (let first: u32 = 0; first < YARDSTICK_BLOCKS; first += BATCH) {
    receive(at, first);
    hash(at);
    probe(at);
    account(at);
  }
}

/**
 * Copies the packets that `count` index entries of a trace name, as the packet source of a bench does: what that takes
 * depends on caches which the machine's other users share.
 */
export function yardstickSource(at: u32, entries: u32, count: u32): void {
  for (let i: u32 = 0; i < count; i++) {
    const frame = at + FRAMES_AT + (i & (BATCH - 1)) * 128;
    const packet = load<u32>(entries + (i << 3));
    const length = load<u32>(entries + (i << 3), 4);
    for (let done: u32 = 0; done < length; done += BLOCK) {
      v128.store(frame, v128.load(packet + done));
      v128.store(frame, v128.load(packet + done, 16), 16);
      v128.store(frame, v128.load(packet + done, 32), 32);
      v128.store(frame, v128.load(packet + done, 48), 48);
    }
    store<u32>(at + WORDS_AT + ((i & (BATCH - 1)) << 2), length);
  }
}

function receive(at: u32, first: u32): void {
  let block = at + first * BLOCK;
  let frame = at + FRAMES_AT;
  for (let i: u32 = 0; i < BATCH; i++, block += BLOCK, frame += 128) {
    v128.store(frame, v128.load(block));
    v128.store(frame, v128.load(block, 16), 16);
    v128.store(frame, v128.load(block, 32), 32);
    v128.store(frame, v128.load(block, 48), 48);
    const type = load<u16>(frame, 12);
    let protocol: u32 = 0;
    if (type === 0x0008 && load<u8>(frame, 14) === 0x45) protocol = load<u8>(frame, 23);
    store<u32>(frame, ((<u32>type) << 8) | protocol, 64);
  }
}

function hash(at: u32): void {
  let frame = at + FRAMES_AT;
  let word = at + WORDS_AT;
  for (let i: u32 = 0; i < BATCH; i++, frame += 128, word += 4) {
    let sum: u64 = load<u64>(frame) * 0xd6e8feb86659fd93;
    sum += load<u64>(frame, 24) * 0xa0761d6478bd642f;
    sum += load<u64>(frame, 32) * 0xe7037ed1a0b428db;
    sum += load<u64>(frame, 40) * 0x8ebc6af09c88c6e3;
    sum += load<u64>(frame, 48) * 0x589965cc75374cc3;
    sum += <u64>load<u32>(frame, 64) * 0x1d8e4e27c47d124f;
    store<u32>(word, <u32>(sum >> 32));
  }
}

function probe(at: u32): void {
  let word = at + WORDS_AT;
  for (let i: u32 = 0; i < BATCH; i++, word += 4) {
    const signature = load<u32>(word);
    const bucket = at + BUCKETS_AT + (signature & (BUCKETS - 1)) * 16;
    const found = i32x4.bitmask(i32x4.eq(v128.load(bucket), i32x4.splat(signature)));
    store<u32>(word, ((signature >> 12) ^ found) & (RECORDS - 1));
  }
}

function account(at: u32): void {
  let frame = at + FRAMES_AT;
  let word = at + WORDS_AT;
  for (let i: u32 = 0; i < BATCH; i++, frame += 128, word += 4) {
    const record = at + RECORDS_AT + load<u32>(word) * BLOCK;
    const difference = v128.and(
      v128.xor(v128.load(record, 32), v128.load(frame, 16)),
      v128.or(v128.load(record, 48), v128.load(frame, 32)),
    );
    store<u64>(record, load<u64>(record) + 1);
    store<u64>(record, load<u64>(record, 8) + <u64>(v128.any_true(difference) ? 60 : 64), 8);
    store<u32>(record, load<u32>(frame, 64), 16);
  }
}
