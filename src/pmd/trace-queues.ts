// Receive queues of PMDs that send captures round and round: adding them, silencing them, sending each through
// once, and moving them to the PMD that takes a dead one's place.

import { setTimeout as sleep } from "node:timers/promises";
import { Command } from "../../assembly/layout/command.ts";
import { RegionId, Setting } from "../../assembly/layout/pmd.ts";
import { RXQ_SIZE, RXQ_TRACE_ROUNDS, RxqKind } from "../../assembly/layout/port.ts";
import type { LoadedTrace } from "../netdev/trace.ts";
import type { Pmd } from "./pmd.ts";

interface TraceQueue {
  pmd: Pmd;
  /** Number among the PMD's receive queues, and the queue's record. */
  index: number;
  readonly words: readonly number[];
  /** Rounds made before the queue was last set up. */
  roundsBefore: number;
}

/** How a capture is sent. */
export interface TraceLimits {
  /** 0, the default, is for ever. */
  readonly rounds?: number;
  /** Upcalls of the port that may wait; 0, the default, is any number. */
  readonly window?: number;
}

/** See the head of the file. */
export class TraceQueues {
  readonly #queues: TraceQueue[] = [];
  /** Whether waiting is in vain, because the switch ends. */
  readonly #isClosing: () => boolean;

  constructor(isClosing: () => boolean) {
    this.#isClosing = isClosing;
  }

  /** Gives a PMD a capture to send into a datapath port. */
  add(pmd: Pmd, odp: number, trace: LoadedTrace, { rounds = 0, window = 0 }: TraceLimits): void {
    const words = [RxqKind.TRACE, odp, trace.index.base, trace.packets, 0, 0, rounds, window];
    this.#queues.push({ pmd, index: pmd.addRxq(words), words, roundsBefore: 0 });
  }

  /** Rounds that the slowest one has completed. */
  get rounds(): number {
    return Math.min(...this.#queues.map((queue) => queue.roundsBefore + roundsOf(queue)));
  }

  /**
   * Stops all, sends each through once from its start, and returns the digest of every byte that was sent, in
   * order. Then they go on.
   */
  async digestRound(): Promise<bigint> {
    const used = await this.#silenced();
    for (const pmd of used) pmd.channel.plain(Command.SET, Setting.DIGEST, 1);
    for (const queue of this.#queues) restart(queue, 1);
    const busy = (): boolean => this.#queues.some((queue) => roundsOf(queue) < 1) || used.some(isBusy);
    do await sleep(2);
    while (busy() && !this.#isClosing());
    // The command is applied between batches: once it is, the last batch is in the digest.
    for (const pmd of used) pmd.channel.plain(Command.SET, Setting.DIGEST, 0);
    while (used.some((pmd) => !pmd.channel.idle) && !this.#isClosing()) await sleep(1);
    const digest = used.reduce((sum, pmd) => BigInt.asUintN(64, sum * 31n + pmd.stats.digest), 0n);
    for (const queue of this.#queues) {
      queue.roundsBefore++;
      restart(queue, 0);
    }
    return digest;
  }

  /** Stops all, does something while no packet of theirs is on its way, and lets them go on from their start. */
  async between(work: () => void): Promise<void> {
    await this.#silenced();
    work();
    for (const queue of this.#queues) restart(queue, 0);
  }

  /** All fall silent for good. */
  end(): void {
    for (const queue of this.#queues) silence(queue);
    this.#queues.length = 0;
  }

  /** A PMD died: its queues go to the next one, from their start. */
  revive(dead: Pmd, successor: Pmd): void {
    for (const queue of this.#queues) {
      if (queue.pmd !== dead) continue;
      queue.roundsBefore += roundsOf(queue);
      queue.pmd = successor;
      queue.index = successor.addRxq(queue.words);
    }
  }

  /** Stops all and waits until none of their packets is on its way, not even to the controller; returns their PMDs. */
  async #silenced(): Promise<readonly Pmd[]> {
    const used = [...new Set(this.#queues.map(({ pmd }) => pmd))];
    for (const queue of this.#queues) silence(queue);
    while (used.some(isBusy) && !this.#isClosing()) await sleep(1);
    return used;
  }
}

function isBusy(pmd: Pmd): boolean {
  return pmd.stats.inFlight > 0 || !pmd.channel.idle;
}

function roundsOf({ pmd, index }: TraceQueue): number {
  const queues = pmd.layout.regions.get(RegionId.RXQS)!.base;
  return Atomics.load(pmd.memory.u32, (queues + index * RXQ_SIZE + RXQ_TRACE_ROUNDS) / 4);
}

function silence(queue: TraceQueue): void {
  queue.roundsBefore += roundsOf(queue);
  queue.pmd.channel.record(Command.RXQ, queue.index, [0, 0, 0, 0, 0, 0, 0, 0]);
}

/** Sets a silent or finished queue up anew, for `limit` rounds (0 = for ever). */
function restart({ pmd, index, words }: TraceQueue, limit: number): void {
  pmd.channel.record(Command.RXQ, index, [...words.slice(0, 6), limit, 0]);
}
