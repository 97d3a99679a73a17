// What the datapath asks its thread to do between two turns: wake the kernel for a queue, play the kernel for
// a TAP or AF_PACKET queue, wake another PMD. A few system calls a turn, whatever the number of packets.

import { PMD_KICK_COUNT, PMD_REGIONS, RegionId } from "../../assembly/layout/pmd.ts";
import {
  QUEUE_FD,
  QUEUE_KICK,
  QUEUE_KICK_FILL,
  QUEUE_KICK_PUMP,
  QUEUE_KICK_TX,
  QUEUE_KIND,
  QueueKind,
} from "../../assembly/layout/queue.ts";
import type { SwitchMemory } from "../datapath/memory.ts";
import type { NativeAddon } from "../native.ts";

/** Errors after which the kernel goes on by itself or at the next try (linux/errno.h). */
const TRY_AGAIN = new Set([11 /* EAGAIN */, 16 /* EBUSY */, 105 /* ENOBUFS */]);

/** Packets that a pump moves each way in one call: what one queue makes the others wait, about 0.2 ms. */
const PUMP_BUDGET = 256;

/** See the head of the file. */
export class Kicks {
  readonly #memory: SwitchMemory;
  readonly #count: number;
  readonly #list: number;
  readonly #native: NativeAddon;
  readonly #events: readonly number[];

  /** `events` are the eventfds of all PMDs. */
  constructor(memory: SwitchMemory, control: number, native: NativeAddon, events: readonly number[]) {
    this.#memory = memory;
    this.#count = (control + PMD_KICK_COUNT) / 4;
    this.#list = memory.u32[(control + PMD_REGIONS) / 4 + RegionId.KICKS * 2]! / 4;
    this.#native = native;
    this.#events = events;
  }

  /** Does what was asked for; returns whether any of it was work that goes on. */
  serve(): boolean {
    const { u32 } = this.#memory;
    const count = u32[this.#count]!;
    let worked = false;
    for (let i = 0; i < count; i++) {
      const entry = u32[this.#list + i]!;
      if ((entry & 1) !== 0) this.#native.notifyEvent(this.#events[entry >>> 1]!);
      else if (this.#serveQueue(entry)) worked = true;
    }
    return worked;
  }

  #serveQueue(block: number): boolean {
    const { u32 } = this.#memory;
    const kick = u32[(block + QUEUE_KICK) >>> 2]!;
    const fd = u32[(block + QUEUE_FD) >>> 2]!;
    let worked = false;
    if ((kick & QUEUE_KICK_TX) !== 0) {
      const error = this.#native.wakeTx(fd);
      worked = error === 0 || TRY_AGAIN.has(error);
    }
    if ((kick & QUEUE_KICK_FILL) !== 0) this.#native.wakeRx(fd);
    if ((kick & QUEUE_KICK_PUMP) !== 0) worked = this.#pump(block, fd) > 0;
    return worked;
  }

  /** Packets moved; an error counts as none, for the controller follows the interface. */
  #pump(block: number, fd: number): number {
    const { u8, u32 } = this.#memory;
    const kind = u32[(block + QUEUE_KIND) >>> 2] as QueueKind;
    return kind === QueueKind.TAP
      ? this.#native.pumpTap(fd, u8, block, PUMP_BUDGET)
      : this.#native.pumpPacket(fd, u8, block, PUMP_BUDGET);
  }
}
