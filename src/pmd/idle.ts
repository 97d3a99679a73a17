// What a PMD's thread does when there is nothing to do: wait in the kernel until a queue, the controller or a
// peer has something, poll on, or sleep for ever longer up to a bound.

import { PMD_REGIONS, PMD_RXQ_COUNT, PMD_SIGNAL, PMD_SLEEPING, RegionId } from "../../assembly/layout/pmd.ts";
import { RXQ_KIND, RXQ_SIZE, RXQ_SOURCE, RxqKind } from "../../assembly/layout/port.ts";
import { QUEUE_FD } from "../../assembly/layout/queue.ts";
import type { SwitchMemory } from "../datapath/memory.ts";
import type { NativeAddon } from "../native.ts";

/** How a PMD idles: waits in the kernel, polls for ever, or sleeps for up to `sleepMaxUs`. */
export type IdleMode =
  | { readonly mode: "block" }
  | { readonly mode: "busy" }
  | { readonly mode: "sleep"; readonly maxUs: number };

/** Empty calls before the thread waits: about a third of a millisecond. */
const IDLE_CALLS = 2_000;
/** Longest wait: what nobody announces (clocks, sweeps) still happens. */
const WAIT_MS = 50;
/** First sleep, and how much longer each further one is. */
const SLEEP_STEP_US = 1;

/** See the head of the file. */
export class Idle {
  readonly #memory: SwitchMemory;
  readonly #control: number;
  readonly #native: NativeAddon | undefined;
  readonly #mode: IdleMode;
  /** Eventfd of this PMD; -1 where there is no addon. */
  readonly #event: number;
  #calls = 0;
  #sleepUs = 0;
  /** Others have been told that we sleep; one more look at everything comes before we do. */
  #armed = false;
  #fds = new Int32Array(0);

  constructor(
    memory: SwitchMemory,
    control: number,
    native: NativeAddon | undefined,
    mode: IdleMode,
    event: number,
  ) {
    this.#memory = memory;
    this.#control = control;
    this.#native = native;
    this.#mode = mode;
    this.#event = event;
  }

  /** There was work. */
  busy(): void {
    this.#calls = 0;
    this.#sleepUs = 0;
    if (this.#armed) this.#arm(false);
  }

  /** There was none: returns at once, or when there may be some again; whether the thread slept. */
  wait(): boolean {
    const mode = this.#mode;
    if (mode.mode === "busy") return false;
    if (mode.mode === "block" && ++this.#calls <= IDLE_CALLS) return false;
    if (!this.#armed) {
      this.#arm(true);
      return false;
    }
    if (mode.mode === "block") this.#block(WAIT_MS, true);
    else {
      this.#sleepUs = Math.min(this.#sleepUs + SLEEP_STEP_US, mode.maxUs);
      this.#block(this.#sleepUs / 1000, false);
    }
    this.#arm(false);
    return true;
  }

  #arm(on: boolean): void {
    this.#armed = on;
    Atomics.store(this.#memory.i32, (this.#control + PMD_SLEEPING) / 4, on ? 1 : 0);
  }

  /** A sleep that keeps its length does not end for a packet, only for a command. */
  #block(ms: number, queues: boolean): void {
    const { i32 } = this.#memory;
    const signal = (this.#control + PMD_SIGNAL) / 4;
    if (this.#native === undefined || this.#event < 0) {
      Atomics.wait(i32, signal, 0, ms);
      return;
    }
    // Whoever gives us work sets the signal first and looks whether we sleep then: one of us sees the other.
    if (Atomics.load(i32, signal) === 0) {
      this.#native.waitForEvents(queues ? this.#descriptors() : this.#fdsOfEvent(), ms);
    }
    this.#native.drainEvent(this.#event);
  }

  #fdsOfEvent(): Int32Array {
    if (this.#fds.length !== 1) this.#fds = Int32Array.of(this.#event);
    return this.#fds;
  }

  /** The event and every queue's descriptor; the array is made anew only when they change. */
  #descriptors(): Int32Array {
    const { u32 } = this.#memory;
    const rxqs = u32[(this.#control + PMD_REGIONS) / 4 + RegionId.RXQS * 2]!;
    const count = u32[(this.#control + PMD_RXQ_COUNT) / 4]!;
    let at = 1;
    let same = this.#fds.length > 0 && this.#fds[0] === this.#event;
    for (let i = 0; i < count; i++) {
      const fd = this.#descriptor(rxqs + i * RXQ_SIZE);
      if (fd < 0) continue;
      same = same && this.#fds[at] === fd;
      at++;
    }
    if (same && this.#fds.length === at) return this.#fds;
    const fds = [this.#event];
    for (let i = 0; i < count; i++) {
      const fd = this.#descriptor(rxqs + i * RXQ_SIZE);
      if (fd >= 0) fds.push(fd);
    }
    this.#fds = Int32Array.from(fds);
    return this.#fds;
  }

  #descriptor(rxq: number): number {
    const { u32, i32 } = this.#memory;
    if (u32[(rxq + RXQ_KIND) >>> 2] !== RxqKind.QUEUE) return -1;
    return i32[(u32[(rxq + RXQ_SOURCE) >>> 2]! + QUEUE_FD) >>> 2]!;
  }
}
