// Rings for a queue whose other side is the addon: the shape that AF_XDP's have, in memory of our own.

import { QUEUE_DESCRIPTOR_SIZE, QUEUE_OFFSET_SIZE } from "../../assembly/layout/queue.ts";
import type { Region, SwitchMemory } from "../datapath/memory.ts";
import type { XskRing } from "../native-netdev.ts";
import type { QueueRings } from "./queue-block.ts";

/** A ring's two indices and its flags, a cache line each. */
const WORDS_SIZE = 192;
const LINE = 64;

/** Bytes that four rings of `size` entries take. */
export function pumpRingsSize(size: number): number {
  return 4 * WORDS_SIZE + 2 * size * (QUEUE_OFFSET_SIZE + QUEUE_DESCRIPTOR_SIZE);
}

/** Lays four empty rings out at the start of a region. */
export function layOutPumpRings(memory: SwitchMemory, region: Region, size: number): QueueRings {
  memory.u8.fill(0, region.base, region.base + pumpRingsSize(size));
  let at = region.base;
  const ring = (entrySize: number): XskRing => {
    const producer = at;
    at += WORDS_SIZE + size * entrySize;
    return {
      producer,
      consumer: producer + LINE,
      flags: producer + 2 * LINE,
      entries: producer + WORDS_SIZE,
      size,
    };
  };
  return {
    fill: ring(QUEUE_OFFSET_SIZE),
    completion: ring(QUEUE_OFFSET_SIZE),
    rx: ring(QUEUE_DESCRIPTOR_SIZE),
    tx: ring(QUEUE_DESCRIPTOR_SIZE),
  };
}
