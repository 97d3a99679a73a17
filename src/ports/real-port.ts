// A real port and its queues, as the port manager keeps them and as people see them.

import type { RealPortConfig } from "../config/real-port-config.ts";
import type { SwitchMemory } from "../datapath/memory.ts";
import type { XskStatistics } from "../native-netdev.ts";
import type { Pmd } from "../pmd/pmd.ts";
import type { OpenPort, OpenQueue } from "./port-kind.ts";
import { type QueueCounters, readQueueCounters } from "./queue-block.ts";

/** A queue that a PMD has. */
export interface Queue {
  readonly index: number;
  readonly number: number;
  readonly open: OpenQueue;
  readonly block: number;
  pmd: Pmd;
  /** Index among the PMD's receive queues. */
  rxq: number;
}

/** A real port, attached or waiting for its interface. */
export interface RealPort {
  readonly odp: number;
  readonly config: RealPortConfig;
  open: OpenPort | undefined;
  queues: Queue[];
  up: boolean;
  /** Something is being done to it: one thing at a time. */
  busy: Promise<void>;
  removed: boolean;
}

/** A queue, for people. */
export interface QueueReport {
  readonly queue: number;
  readonly pmd: number;
  readonly kernel: Partial<XskStatistics>;
  readonly counters: QueueCounters;
}

/** A real port, for people. */
export interface RealPortReport {
  readonly odp: number;
  readonly kind: RealPortConfig["kind"];
  readonly device: string;
  readonly description: string;
  readonly attached: boolean;
  readonly up: boolean;
  readonly queues: readonly QueueReport[];
}

/** What a port is at the moment. */
export function reportPort(memory: SwitchMemory, port: RealPort): RealPortReport {
  return {
    odp: port.odp,
    kind: port.config.kind,
    device: port.open?.link.name ?? port.config.dev ?? "",
    description: port.open?.description ?? `${port.config.kind} ${port.config.dev ?? ""}: no interface`,
    attached: port.open !== undefined,
    up: port.up,
    queues: port.queues.map((queue) => ({
      queue: queue.index,
      pmd: queue.pmd.index,
      kernel: queue.open.statistics(),
      counters: readQueueCounters(memory, queue.block),
    })),
  };
}
