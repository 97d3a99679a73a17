// Counters of a port in one PMD, read straight from shared memory.

import { PMD_RXQ_COUNT, RegionId } from "../../assembly/layout/pmd.ts";
import {
  PORT_KIND,
  PORT_KIND_MASK,
  PORT_RX_BYTES,
  PORT_RX_DROPS,
  PORT_RX_PACKETS,
  PORT_SIZE,
  PORT_TX_BYTES,
  PORT_TX_DROPS,
  PORT_TX_PACKETS,
  PORT_UPCALLS,
  PORT_UPCALLS_LOST,
  RXQ_BATCHES,
  RXQ_CYCLES,
  RXQ_KIND,
  RXQ_PACKETS,
  RXQ_PORT,
  RXQ_SIZE,
  RxqKind,
} from "../../assembly/layout/port.ts";
import type { SwitchMemory } from "./memory.ts";
import type { PmdMemory } from "./pmd-memory.ts";
import { readU64 } from "./pmd-stats.ts";

/** What went in and out of a port. */
export interface PortCounters {
  readonly rxPackets: number;
  readonly rxBytes: number;
  readonly rxDrops: number;
  readonly txPackets: number;
  readonly txBytes: number;
  readonly txDrops: number;
  readonly upcalls: number;
  readonly upcallsLost: number;
}

/** Reads a port's counters in one PMD. */
export function readPortCounters(memory: SwitchMemory, pmd: PmdMemory, odpPort: number): PortCounters {
  const record = pmd.regions.get(RegionId.PORTS)!.base + odpPort * PORT_SIZE;
  return {
    rxPackets: readU64(memory, record + PORT_RX_PACKETS),
    rxBytes: readU64(memory, record + PORT_RX_BYTES),
    rxDrops: readU64(memory, record + PORT_RX_DROPS),
    txPackets: readU64(memory, record + PORT_TX_PACKETS),
    txBytes: readU64(memory, record + PORT_TX_BYTES),
    txDrops: readU64(memory, record + PORT_TX_DROPS),
    upcalls: readU64(memory, record + PORT_UPCALLS),
    upcallsLost: readU64(memory, record + PORT_UPCALLS_LOST),
  };
}

/** What a PMD knows the port as: a PortKind. */
export function readPortKind(memory: SwitchMemory, pmd: PmdMemory, odpPort: number): number {
  const record = pmd.regions.get(RegionId.PORTS)!.base + odpPort * PORT_SIZE;
  return Atomics.load(memory.u32, (record + PORT_KIND) / 4) & PORT_KIND_MASK;
}

/** A receive queue as its PMD has it. */
export interface RxqRecord {
  /** RxqKind. */
  readonly kind: number;
  /** Datapath port. */
  readonly port: number;
  readonly packets: number;
  readonly batches: number;
  readonly cycles: number;
}

/** TSC cycles that a receive queue has cost since it was set up. */
export function readRxqCycles(memory: SwitchMemory, pmd: PmdMemory, index: number): number {
  return readU64(memory, pmd.regions.get(RegionId.RXQS)!.base + index * RXQ_SIZE + RXQ_CYCLES);
}

/** Reads the receive queues of a PMD, those that were taken away left out. */
export function readRxqs(memory: SwitchMemory, pmd: PmdMemory): RxqRecord[] {
  const count = Atomics.load(memory.u32, (pmd.control + PMD_RXQ_COUNT) / 4);
  const first = pmd.regions.get(RegionId.RXQS)!.base;
  return Array.from({ length: count }, (_, i) => {
    const record = first + i * RXQ_SIZE;
    return {
      kind: Atomics.load(memory.u32, (record + RXQ_KIND) / 4),
      port: Atomics.load(memory.u32, (record + RXQ_PORT) / 4),
      packets: readU64(memory, record + RXQ_PACKETS),
      batches: readU64(memory, record + RXQ_BATCHES),
      cycles: readU64(memory, record + RXQ_CYCLES),
    };
  }).filter((rxq) => rxq.kind !== RxqKind.NONE);
}

/** What a port has counted that nothing has come to. */
export const NO_PORT_COUNTERS: PortCounters = {
  rxPackets: 0,
  rxBytes: 0,
  rxDrops: 0,
  txPackets: 0,
  txBytes: 0,
  txDrops: 0,
  upcalls: 0,
  upcallsLost: 0,
};

/** The sum of two; `times` -1 takes the second away. */
export function addPortCounters(a: PortCounters, b: PortCounters, times: 1 | -1 = 1): PortCounters {
  const names = Object.keys(NO_PORT_COUNTERS) as (keyof PortCounters)[];
  return Object.fromEntries(
    names.map((name) => [name, a[name] + times * b[name]]),
  ) as unknown as PortCounters;
}
