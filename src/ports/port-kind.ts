// What every kind of real port does: open a device, and queues of it whose rings lie in linear memory.

import type { QueueKind } from "../../assembly/layout/queue.ts";
import type { Region, SwitchMemory } from "../datapath/memory.ts";
import { MegaflowError } from "../errors.ts";
import type { NativeAddon } from "../native.ts";
import type { LinkInfo, XskStatistics } from "../native-netdev.ts";
import type { QueueRings } from "./queue-block.ts";

/** How XDP packets are taken from a driver: the best that works, or only one way. */
export const xdpModes = ["best-effort", "native-with-zerocopy", "native", "generic"] as const;
export type XdpMode = (typeof xdpModes)[number];

/** A real port as it is asked for. */
export interface RealPortConfig {
  readonly kind: "afxdp" | "tap" | "afpacket" | "internal";
  /** Interface; for `tap` the name to create or open, for `internal` the bridge's name when absent. */
  readonly dev?: string | undefined;
  /** Network namespace of the interface: a name of `ip netns`, or a path. */
  readonly netns?: string | undefined;
  /** Receive queues to use; all that the interface has when absent (afxdp), else one. */
  readonly queues?: number | undefined;
  /** PMD of each queue, by index; the rest go round robin. */
  readonly rxqAffinity?: Readonly<Record<number, number>> | undefined;
  /** afxdp only. */
  readonly mode?: XdpMode | undefined;
  /** Entries of each ring, a power of two. */
  readonly ringSize?: number | undefined;
  /** Complete the checksums that local senders leave out: where it may happen (veth, TAP), never, or always. */
  readonly csum?: "auto" | "on" | "off" | undefined;
  readonly promiscuous?: boolean | undefined;
  /** Take an interface that carries the default route. */
  readonly force?: boolean | undefined;
  readonly mtu?: number | undefined;
  /** tap: the device stays when the switch ends. */
  readonly persist?: boolean | undefined;
}

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
  readonly link: LinkInfo;
  /** Longest packet without its frame check sequence, in bytes. */
  readonly frameMax: number;
  readonly queues: readonly OpenQueue[];
  /** "native, copy, 2 queues": for people. */
  readonly description: string;
  /** No packet comes any more; the queues are closed next. */
  detach(): void;
}

/** Opens a port. @throws MegaflowError or the system's error, both ending in what to do; nothing stays open then. */
export type OpenKind = (context: PortContext, config: RealPortConfig) => Promise<OpenPort>;

/** Bytes of an Ethernet header with one VLAN tag: what a frame has besides the MTU's. */
export const FRAME_OVERHEAD = 18;
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
