// Which receive queue a PMD's cycles go to, as Open vSwitch's pmd-rxq-show tells: now and then the cycles of work since
// the last time are shared out among the queues by the packets that they brought.

import { PMD_REGIONS, PMD_RXQ_COUNT, RegionId } from "../../assembly/layout/pmd.ts";
import { RXQ_CYCLES, RXQ_PACKETS, RXQ_SIZE } from "../../assembly/layout/port.ts";
import type { SwitchMemory } from "../datapath/memory.ts";
import { readPmdTime } from "./time-account.ts";

/** See the head of the file. */
export class RxqCycles {
  readonly #memory: SwitchMemory;
  readonly #control: number;
  #busy = 0;
  readonly #packets: bigint[] = [];

  constructor(memory: SwitchMemory, control: number) {
    this.#memory = memory;
    this.#control = control;
  }

  /** Shares out what was spent since the last call. */
  update(): void {
    const { u32, u64 } = this.#memory;
    const rxqs = u32[(this.#control + PMD_REGIONS) / 4 + RegionId.RXQS * 2]!;
    const count = u32[(this.#control + PMD_RXQ_COUNT) / 4]!;
    let total = 0;
    for (let i = 0; i < count; i++) total += this.#brought(u64[(rxqs + i * RXQ_SIZE + RXQ_PACKETS) / 8]!, i);
    const { busy } = readPmdTime(this.#memory, this.#control);
    const spent = busy - this.#busy;
    this.#busy = busy;
    for (let i = 0; i < count; i++) {
      const packets = u64[(rxqs + i * RXQ_SIZE + RXQ_PACKETS) / 8]!;
      const brought = this.#brought(packets, i);
      this.#packets[i] = packets;
      if (brought === 0) continue;
      u64[(rxqs + i * RXQ_SIZE + RXQ_CYCLES) / 8]! += BigInt(Math.round((spent * brought) / total));
    }
  }

  /** Packets since the last call; a queue that was set up anew counts from 0. */
  #brought(packets: bigint, i: number): number {
    const before = this.#packets[i] ?? 0n;
    return Number(packets >= before ? packets - before : packets);
  }
}
