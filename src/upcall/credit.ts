// Statistics of megaflows, handed on to the rules they came from: every packet exactly once.

import { FLOW_BYTES, FLOW_PACKETS, FLOW_TCP_FLAGS, FLOW_USED } from "../../assembly/layout/flow.ts";
import type { SwitchMemory } from "../datapath/memory.ts";
import type { Ukey } from "./ukey.ts";

const WORD = 2 ** 32;

/** Reads counters from shared memory, without making a BigInt of each, and credits the difference. */
export class FlowCredit {
  readonly #memory: SwitchMemory;

  constructor(memory: SwitchMemory) {
    this.#memory = memory;
  }

  /** Credits what a megaflow has counted since the last time, if it is live. */
  live(ukey: Ukey): void {
    if (ukey.state === "live") this.standing(ukey);
  }

  /** The same for a megaflow whose record is known not to be in use for anything else. */
  standing(ukey: Ukey): void {
    const packets = this.#read(ukey.flow + FLOW_PACKETS);
    if (packets === ukey.packets) return;
    this.final(ukey, packets, this.#read(ukey.flow + FLOW_BYTES), this.usedMs(ukey));
  }

  /** Credits up to these totals, of which the last packet came at `usedMs`. */
  final(ukey: Ukey, packets: number, bytes: number, usedMs: number): void {
    const newPackets = packets - ukey.packets;
    const newBytes = bytes - ukey.bytes;
    ukey.packets = packets;
    ukey.bytes = bytes;
    if (newPackets !== 0 || newBytes !== 0) ukey.creditRules(newPackets, newBytes, usedMs);
  }

  /** The PMD's clock at a live megaflow's last packet; its installation before the first. */
  usedMs(ukey: Ukey): number {
    return Math.max(ukey.createdMs, Atomics.load(this.#memory.u32, (ukey.flow + FLOW_USED) >>> 2));
  }

  /** TCP flags of all packets of a live megaflow, as TranslateOptions has them. */
  tcpFlags(ukey: Ukey): number {
    return hostFlags(this.#memory.u16[(ukey.flow + FLOW_TCP_FLAGS) >>> 1] as number);
  }

  /** A 64-bit counter that another thread writes: read again while the upper half moves. */
  #read(address: number): number {
    const { u32 } = this.#memory;
    const at = address >>> 2;
    for (;;) {
      const high = Atomics.load(u32, at + 1);
      const low = Atomics.load(u32, at);
      if (Atomics.load(u32, at + 1) === high) return high * WORD + low;
    }
  }
}

/** A 64-bit counter that nobody writes any more, without making a BigInt of it. */
export function counterAt(u32: Uint32Array, address: number): number {
  return (u32[(address >>> 2) + 1] as number) * WORD + (u32[address >>> 2] as number);
}

/** TCP flags as TranslateOptions has them, from the record's network order. */
export function hostFlags(flags: number): number {
  return ((flags & 0xff) << 8) | ((flags >>> 8) & 0xff);
}
