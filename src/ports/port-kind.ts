// What every kind of real port does: open a device, and queues of it whose rings lie in linear memory.

import { FRAME_OVERHEAD } from "../../assembly/layout/port.ts";
import type { QueueKind } from "../../assembly/layout/queue.ts";
import type { RealPortConfig } from "../config/real-port-config.ts";
import type { Region, SwitchMemory } from "../datapath/memory.ts";
import { MegaflowError } from "../errors.ts";
import type { NativeAddon } from "../native.ts";
import type { LinkInfo, XskStatistics } from "../native-netdev.ts";
import type { QueueRings } from "./queue-block.ts";

/** What a kind works with. */
export interface PortContext {
  readonly native: NativeAddon;
  readonly memory: SwitchMemory;
  readonly umem: Region;
  /** Socket that owns the packet memory; opened on first use. */
  anchor(): { readonly fd: number; readonly multiBuffer: boolean };
  allocate(bytes: number, purpose: string): Region;
  release(region: Region): void;
  readonly bridge: string;
  readonly log: (line: string) => void;
}

/** An open queue. */
export interface OpenQueue {
  readonly kind: QueueKind;
  /** What the PMD's thread waits on and wakes. */
  readonly fd: number;
  readonly rings: QueueRings;
  /** QUEUE_FLAG_*. */
  readonly flags: number;
  readonly pumpState?: readonly number[];
  /** What the kernel has counted. */
  statistics(): Partial<XskStatistics>;
  /** The PMD no longer touches it. */
  close(): void;
}

/** An open device. */
export interface OpenPort {
  /** As it was when somebody looked last. */
  readonly link: LinkInfo;
  /** Longest packet without its frame check sequence that it can carry, in bytes, whatever the MTU is. */
  readonly frameLimit: number;
  readonly queues: readonly OpenQueue[];
  /** "native, copy, 2 queues": for people. */
  readonly description: string;
  /** No packet comes any more; the queues are closed next. */
  detach(): void;
}

/** Longest packet without its frame check sequence that a port carries now, in bytes. */
export function frameMaxOf({ link, frameLimit }: Pick<OpenPort, "link" | "frameLimit">): number {
  return Math.min(link.mtu + FRAME_OVERHEAD, frameLimit);
}

/** Opens a port. @throws MegaflowError or the system's error, both ending in what to do; nothing stays open then. */
export type OpenKind = (context: PortContext, config: RealPortConfig) => Promise<OpenPort>;

export const RING_SIZE_DEFAULT = 4096;

/** Refuses interfaces that a switch must not take. */
export function refuseInterface(config: RealPortConfig, info: LinkInfo): void {
  if (info.defaultRoute && config.force !== true) {
    throw new MegaflowError(
      "PORT_DEFAULT_ROUTE",
      `${info.name} carries the default route: attached, this machine may lose its network. Use another interface, or say \`force: true\``,
    );
  }
  if (info.loopback)
    throw new MegaflowError(
      "PORT_LOOPBACK",
      `${info.name} is a loopback interface: packets cannot leave through it`,
    );
}

/** Refuses a device that is on a port: where the kernel let two have it, each would get some of its packets, or both all. */
export function refuseTaken(
  { dev, netns }: RealPortConfig,
  ports: Iterable<{
    readonly odp: number;
    readonly config: RealPortConfig;
    readonly open: OpenPort | undefined;
  }>,
): void {
  for (const { odp, config, open } of ports) {
    if (dev === undefined || config.netns !== netns || (open?.link.name ?? config.dev) !== dev) continue;
    throw new MegaflowError("PORT_DEVICE_TAKEN", `${dev} is on port ${odp} already: remove that port first`);
  }
}
