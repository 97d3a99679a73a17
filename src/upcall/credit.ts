// Statistics of megaflows, handed on to the rules they came from: every packet exactly once.

import { FLOW_BYTES, FLOW_PACKETS } from "../../assembly/layout/flow.ts";
import type { SwitchMemory } from "../datapath/memory.ts";
import type { Ukey } from "./ukey.ts";

/** Reads counters from shared memory and credits the difference. */
export class FlowCredit {
  readonly #memory: SwitchMemory;

  constructor(memory: SwitchMemory) {
    this.#memory = memory;
  }

  /** Credits what a live megaflow has counted since the last time. */
  live(ukey: Ukey): void {
    if (ukey.state !== "live") return;
    const packets = Number(Atomics.load(this.#memory.u64, (ukey.flow + FLOW_PACKETS) / 8));
    const bytes = Number(Atomics.load(this.#memory.u64, (ukey.flow + FLOW_BYTES) / 8));
    this.final(ukey, packets, bytes);
  }

  /** Credits up to these totals. */
  final(ukey: Ukey, packets: number, bytes: number): void {
    const newPackets = packets - ukey.packets;
    const newBytes = bytes - ukey.bytes;
    ukey.packets = packets;
    ukey.bytes = bytes;
    if (newPackets === 0) return;
    ukey.countForRules(newPackets, newBytes);
  }
}
