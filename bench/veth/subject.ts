// What bench/veth compares: something that takes frames from one interface and sends them out of another.

import type { Topology } from "./topology.ts";

/** A forwarder, or a receiver that keeps what it gets. */
export interface Subject {
  readonly name: string;
  /** What a reader must know to judge it. */
  readonly note: string;
  /** Only receives: there is no far end to count at. */
  readonly receivesOnly?: boolean;
  /** Why it cannot run here, or undefined. */
  missing(): string | undefined;
  /** Starts it in the topology's middle; it forwards when this resolves. Throws with its log when it does not start. */
  start(topology: Topology): Promise<RunningSubject>;
}

/** A subject at work. */
export interface RunningSubject {
  /** Ends it; returns the frames it counted as received, when it counts. */
  stop(): Promise<number | undefined>;
  /** What it says of itself: version, mode. */
  readonly details?: string;
}
