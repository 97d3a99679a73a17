// Fills the block by which a PMD knows a queue of a real port: assembly/layout/queue.ts.

import {
  QUEUE_COMPLETION,
  QUEUE_FD,
  QUEUE_FILL,
  QUEUE_FILL_TARGET,
  QUEUE_FLAGS,
  QUEUE_KICKS,
  QUEUE_KIND,
  QUEUE_MAX,
  QUEUE_NUMBER,
  QUEUE_PORT,
  QUEUE_PUMP_PACKET_MAX,
  QUEUE_PUMP_RX_DROPS,
  QUEUE_PUMP_STATE,
  QUEUE_PUMP_TX_DROPS,
  QUEUE_RING_CONSUMER,
  QUEUE_RING_ENTRIES,
  QUEUE_RING_FLAGS,
  QUEUE_RING_MASK,
  QUEUE_RING_OWN,
  QUEUE_RING_PRODUCER,
  QUEUE_RING_SEEN,
  QUEUE_RX,
  QUEUE_RX_COMPLETED,
  QUEUE_RX_NO_FRAME,
  QUEUE_SIZE,
  QUEUE_TX,
  QUEUE_UMEM,
  QUEUE_UMEM_SIZE,
  type QueueKind,
} from "../../assembly/layout/queue.ts";
import type { Region, SwitchMemory } from "../datapath/memory.ts";
import { readU64 } from "../datapath/pmd-stats.ts";
import { MegaflowError } from "../errors.ts";
import type { XskRing } from "../native-netdev.ts";

/** The four rings of a queue, as the addon describes them. */
export interface QueueRings {
  readonly fill: XskRing;
  readonly completion: XskRing;
  readonly rx: XskRing;
  readonly tx: XskRing;
}

/** What a block says. */
export interface QueueBlock {
  readonly kind: QueueKind;
  readonly fd: number;
  readonly port: number;
  readonly number: number;
  /** QUEUE_FLAG_*. */
  readonly flags: number;
  readonly umem: Region;
  readonly fillTarget: number;
  readonly rings: QueueRings;
  /** First words of QUEUE_PUMP_STATE. */
  readonly pumpState?: readonly number[];
}

/** Writes a block of QUEUE_SIZE bytes. */
export function writeQueueBlock(memory: SwitchMemory, at: number, block: QueueBlock): void {
  memory.u8.fill(0, at, at + QUEUE_SIZE);
  const { u32 } = memory;
  for (const [offset, ring] of [
    [QUEUE_FILL, block.rings.fill],
    [QUEUE_COMPLETION, block.rings.completion],
    [QUEUE_RX, block.rings.rx],
    [QUEUE_TX, block.rings.tx],
  ] as const) {
    const words = (at + offset) / 4;
    u32[words + QUEUE_RING_PRODUCER / 4] = ring.producer;
    u32[words + QUEUE_RING_CONSUMER / 4] = ring.consumer;
    u32[words + QUEUE_RING_FLAGS / 4] = ring.flags;
    u32[words + QUEUE_RING_ENTRIES / 4] = ring.entries;
    u32[words + QUEUE_RING_MASK / 4] = ring.size - 1;
    // Fresh rings start at 0; ours is the producer of fill and tx, the consumer of the others.
    u32[words + QUEUE_RING_OWN / 4] = 0;
    u32[words + QUEUE_RING_SEEN / 4] = 0;
  }
  const set = (offset: number, value: number): void => {
    u32[(at + offset) / 4] = value;
  };
  set(QUEUE_KIND, block.kind);
  set(QUEUE_FD, block.fd);
  set(QUEUE_PORT, block.port);
  set(QUEUE_FLAGS, block.flags);
  set(QUEUE_UMEM, block.umem.base);
  set(QUEUE_UMEM_SIZE, block.umem.size);
  set(QUEUE_FILL_TARGET, block.fillTarget);
  set(QUEUE_NUMBER, block.number);
  block.pumpState?.forEach((word, i) => {
    set(QUEUE_PUMP_STATE + i * 4, word);
  });
}

/** Says how many frames a queue shall keep in its fill ring. */
export function setFillTarget(memory: SwitchMemory, at: number, frames: number): void {
  Atomics.store(memory.u32, (at + QUEUE_FILL_TARGET) / 4, frames);
}

/** Says how long packets from a TAP queue may be, for the room that its pump offers; longer ones make it grow, too. */
export function setPumpPacketMax(memory: SwitchMemory, at: number, bytes: number): void {
  Atomics.store(memory.u32, (at + QUEUE_PUMP_PACKET_MAX) / 4, bytes);
}

/** What a queue has counted on our side of its rings. */
export interface QueueCounters {
  /** Packets received whole but dropped because no frame was free. */
  readonly noFrame: number;
  /** Packets whose checksum was completed. */
  readonly completed: number;
  readonly kicks: number;
  readonly pumpRxDrops: number;
  readonly pumpTxDrops: number;
}

/** Reads a block's counters. */
export function readQueueCounters(memory: SwitchMemory, at: number): QueueCounters {
  return {
    noFrame: readU64(memory, at + QUEUE_RX_NO_FRAME),
    completed: readU64(memory, at + QUEUE_RX_COMPLETED),
    kicks: readU64(memory, at + QUEUE_KICKS),
    pumpRxDrops: readU64(memory, at + QUEUE_PUMP_RX_DROPS),
    pumpTxDrops: readU64(memory, at + QUEUE_PUMP_TX_DROPS),
  };
}

/** The places of all blocks: numbers from 1, used again, and their blocks with them. */
export class QueueBlocks {
  readonly #memory: SwitchMemory;
  readonly #taken = new Set<number>();
  #base = 0;

  constructor(memory: SwitchMemory) {
    this.#memory = memory;
  }

  /** A number that nobody has, and its block. @throws MegaflowError `TOO_MANY_QUEUES`. */
  take(): { readonly number: number; readonly block: number } {
    if (this.#base === 0) this.#base = this.#memory.allocate(QUEUE_MAX * QUEUE_SIZE, "queue blocks").base;
    for (let number = 1; number < QUEUE_MAX; number++) {
      if (this.#taken.has(number)) continue;
      this.#taken.add(number);
      return { number, block: this.#base + number * QUEUE_SIZE };
    }
    throw new MegaflowError(
      "TOO_MANY_QUEUES",
      `a switch has at most ${QUEUE_MAX - 1} queues of real ports: ask for fewer queues a port`,
    );
  }

  /** The queue is closed. */
  give(number: number): void {
    this.#taken.delete(number);
  }
}
