// Sends frames at a rate through a packet socket, from the calling thread, which is busy all the while.

import type { NativeAddon } from "../../native.ts";
import { type FramePlan, RING_BLOCK, RING_BLOCK_SIZE } from "./frame-plan.ts";

/** Frames of one call at most. */
const STEP_MAX = 64;
/** Calls a second at most: a call for less costs more than it sends. */
const STEPS_A_SECOND = 20_000;
const ENOBUFS = 105;
const EAGAIN = 11;

/** Where frames go. */
export interface Outlet {
  readonly dev: string;
  readonly netns: string | undefined;
}

/** What was offered. */
export interface Offered {
  /** Frames tried. */
  readonly sent: number;
  /** Of those, frames that the interface did not take: they count as lost. */
  readonly refused: number;
  readonly seconds: number;
}

/** Sends on one interface. */
export class Generator {
  readonly #native: NativeAddon;
  readonly #plan: FramePlan;
  readonly #fd: number;
  #next = 0;

  constructor(native: NativeAddon, outlet: Outlet, plan: FramePlan) {
    const { index } = native.linkInfo({ name: outlet.dev, netns: outlet.netns });
    this.#native = native;
    this.#plan = plan;
    const ring = { block: RING_BLOCK, blockSize: RING_BLOCK_SIZE, blockCount: 1 };
    this.#fd = native.openPacketRing(plan.memory, { netns: outlet.netns, index, ...ring });
  }

  /** Offers frames at a rate (Infinity: as fast as it goes) for so many seconds. */
  offer(rate: number, seconds: number): Offered {
    const step = rate === Number.POSITIVE_INFINITY ? STEP_MAX : clampStep(rate / STEPS_A_SECOND);
    const start = performance.now();
    const end = start + seconds * 1000;
    let sent = 0;
    let refused = 0;
    let now = start;
    while (now < end) {
      if ((now - start) * rate >= sent * 1000) {
        refused += step - this.#send(step);
        sent += step;
      }
      now = performance.now();
    }
    return { sent, refused, seconds: (now - start) / 1000 };
  }

  close(): void {
    this.#native.closePort(this.#fd);
  }

  /** Sends the next frames; returns how many the interface took. */
  #send(count: number): number {
    const { memory, list, count: all } = this.#plan;
    if (this.#next + count > all) this.#next = 0;
    const moved = this.#native.sendFrames(this.#fd, memory, list + this.#next * 8, count);
    this.#next += count;
    if (moved >= 0) return moved;
    if (moved === -ENOBUFS || moved === -EAGAIN) return 0;
    throw new Error(
      `the interface does not take frames: errno ${-moved} (is it up? is the frame larger than its MTU?)`,
    );
  }
}

function clampStep(step: number): number {
  return Math.min(STEP_MAX, Math.max(1, Math.floor(step)));
}
