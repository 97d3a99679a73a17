// The part of the native addon that opens interfaces: AF_XDP, AF_PACKET, TAP, and what is needed around them.
//
// Everything is opened and closed by the controller's thread; PMD threads get descriptors and offsets.
// `memory` is always a view of the whole linear memory, offsets count from its first byte, and `netns` is
// left out for our own network namespace, a name of `ip netns`, or a path. native/README.md is the reference.

/** Where one AF_XDP ring lies in linear memory: addresses of its words and entries, and the number of entries. */
export interface XskRing {
  readonly producer: number;
  readonly consumer: number;
  readonly flags: number;
  readonly entries: number;
  readonly size: number;
}

/** An open AF_XDP socket: fill and completion entries are u64 offsets in the UMEM, rx and tx entries xdp_desc. */
export interface Xsk {
  readonly fd: number;
  readonly fill: XskRing;
  readonly completion: XskRing;
  readonly rx: XskRing;
  readonly tx: XskRing;
  readonly zeroCopy: boolean;
}

/** Entries of an AF_XDP socket's rings, powers of two. */
export interface XskSizes {
  readonly fillSize: number;
  readonly completionSize: number;
  readonly rxSize: number;
  readonly txSize: number;
}

/** Packet memory: a part of linear memory that starts at a page of the process. */
export interface Umem {
  readonly umemOffset: number;
  readonly umemLength: number;
  /** Bytes of a chunk: 2048 or 4096. */
  readonly chunk: number;
  /** Bytes that the kernel leaves free in a chunk before its own 256. */
  readonly headroom?: number;
}

/** Which queue of which interface an AF_XDP socket is bound to, and where its rings go. */
export interface XskPlace extends XskSizes {
  readonly netns?: string | undefined;
  readonly index: number;
  readonly queue: number;
  /** Start of `xskBlockSize` bytes of linear memory, at a page of the process. */
  readonly block: number;
}

/** A socket shares the anchor's packet memory (copy mode, need_wakeup), or registers it for itself. */
export type XskMemory =
  | { readonly anchor: number }
  | (Umem & { readonly zeroCopy?: boolean; readonly needWakeup?: boolean; readonly multiBuffer?: boolean });

/** What openXsk takes. */
export type XskOptions = XskPlace & XskMemory;

/** Counters of an AF_XDP socket since it was opened, as the kernel names them. */
export interface XskStatistics {
  readonly rxDropped: number;
  readonly rxInvalidDescriptors: number;
  readonly txInvalidDescriptors: number;
  readonly rxRingFull: number;
  readonly rxFillRingEmpty: number;
  readonly txRingEmpty: number;
}

/** What an interface is. */
export interface LinkInfo {
  readonly name: string;
  readonly index: number;
  readonly mtu: number;
  readonly address: string;
  /** "" when the interface does not say. */
  readonly driver: string;
  readonly up: boolean;
  readonly running: boolean;
  readonly loopback: boolean;
  readonly rxQueues: number;
  readonly txQueues: number;
  /** A default route, IPv4 or IPv6, leaves through it. */
  readonly defaultRoute: boolean;
}

/** News of an interface. */
export interface LinkEvent {
  readonly name: string;
  readonly index: number;
  readonly deleted: boolean;
  readonly up: boolean;
  readonly running: boolean;
}

/** How an AF_PACKET port receives: TPACKET_V3 with PACKET_IGNORE_OUTGOING and PACKET_QDISC_BYPASS. */
export interface PacketRingOptions {
  readonly netns?: string | undefined;
  readonly index: number;
  /** Start of blockSize * blockCount bytes of linear memory, at a page of the process. */
  readonly block: number;
  readonly blockSize: number;
  readonly blockCount: number;
  /** Longest that the kernel keeps a block that is not full, in ms (default 1). */
  readonly retireMs?: number;
  /** Sockets of one group share an interface's packets by their hash. */
  readonly fanoutGroup?: number;
  /**
   * Every packet, received or sent, follows a virtio_net_hdr, which says what its sender left to the hardware;
   * `pumpPacket` needs it.
   */
  readonly header?: boolean;
}

/** A TAP device to create or to open. */
export interface TapOptions {
  readonly netns?: string | undefined;
  /** At most 15 bytes; left out, the kernel chooses. "%d" in it becomes a number. */
  readonly name?: string;
  /** Descriptors to open, one a queue (default 1). */
  readonly queues?: number;
  /** IFF_MULTI_QUEUE even with one queue, as a device that was made with it needs. */
  readonly multiQueue?: boolean;
  /** Whether the device stays when its last descriptor is closed; left out, that is as it was. */
  readonly persist?: boolean;
  /** Bytes of virtio-net header before each packet: 10 or 12, with checksum offload; 0 (default) is none. */
  readonly headerSize?: number;
}

/** See the head of the file; descriptors from openAnchor, openXsk and openPacketRing end with closePort, others with closeFd. */
export interface NativeNetdev {
  /** Opens the socket that owns the packet memory for as long as other sockets come and go. */
  openAnchor(memory: Uint8Array, umem: Umem): { readonly fd: number; readonly multiBuffer: boolean };
  /** Bytes of linear memory that the four rings of a socket take. */
  xskBlockSize(sizes: XskSizes): number;
  /** Opens a socket and maps its rings over its block; EBUSY while the queue's last socket is being freed (up to 200 ms). */
  openXsk(memory: Uint8Array, options: XskOptions): Xsk;
  xskStatistics(fd: number): XskStatistics;
  /** Closes a socket; the parts of linear memory where its rings were read as zero afterwards. No PMD may use them any more. */
  closePort(fd: number): void;
  /** Makes the kernel send what is in the TX ring; returns 0 or an errno (EAGAIN, EBUSY, ENOBUFS: call again). For PMD threads. */
  wakeTx(fd: number): number;
  /** Makes the kernel look at the fill ring; returns 0 or an errno. For PMD threads. */
  wakeRx(fd: number): number;

  /** Attaches the program that hands packets to the sockets of their queues; ends when `link` is closed. */
  attachProgram(options: {
    readonly netns?: string | undefined;
    readonly index: number;
    readonly queues: number;
    readonly generic?: boolean;
  }): { readonly map: number; readonly link: number };
  /** From now on the queue's packets go to the socket. */
  steerQueue(options: { readonly map: number; readonly queue: number; readonly socket: number }): void;

  /**
   * What the interface's driver can do with XDP, as bits of the kernel's NETDEV_XDP_ACT_* (1 basic, 2 redirect, 4 transmit, 8 zero-copy,
   * 32 several buffers a packet received, 64 sent); -1 when the kernel does not say (before Linux 6.3). Needs no privilege.
   */
  xdpFeatures(options: { readonly index: number; readonly netns?: string | undefined }): number;
  linkInfo(options: { readonly name: string; readonly netns?: string | undefined }): LinkInfo;
  setLink(options: {
    readonly name: string;
    readonly netns?: string | undefined;
    readonly up?: boolean;
    readonly mtu?: number;
  }): void;
  /** The interface receives every address until the descriptor is closed. */
  openPromiscuous(options: { readonly index: number; readonly netns?: string | undefined }): number;
  /** A descriptor that is readable when an interface of the namespace changed. */
  openLinkMonitor(options: { readonly netns?: string | undefined }): number;
  /** News since the last call; null among them: some was lost, so look at the interfaces themselves. Never blocks. */
  readLinkEvents(fd: number): (LinkEvent | null)[];

  /** Opens an AF_PACKET socket with its receive ring in linear memory; `pumpPacket` or `sendFrames` sends on it. */
  openPacketRing(memory: Uint8Array, options: PacketRingOptions): number;
  /** Packets received and lost since the last call. */
  packetStatistics(fd: number): { readonly packets: number; readonly drops: number };

  /** Opens the queues of a TAP device, creating it when it is not there; it ends with its last descriptor unless persistent. */
  openTap(options: TapOptions): { readonly name: string; readonly fds: number[] };

  /**
   * Reads packets from a TAP queue into the places that `count` entries {address u32, length u32} at `list`
   * name; sets their lengths. Returns how many, 0 when there are none, or a negative errno.
   */
  readFrames(fd: number, memory: Uint8Array, list: number, count: number): number;
  /** Writes packets to a TAP queue; the same list, and the same answer. */
  writeFrames(fd: number, memory: Uint8Array, list: number, count: number): number;
  /** Sends packets on an AF_PACKET socket; the same list, and the same answer. */
  sendFrames(fd: number, memory: Uint8Array, list: number, count: number): number;

  /**
   * Plays the kernel's part at the rings of a QueueKind.TAP queue block: sends what is in tx, receives what
   * fits into fill and rx, each `budget` packets at most. Returns how many packets it moved, 0 when there were
   * none or the device is full, or a negative errno when none moved for an error. For PMD threads.
   */
  pumpTap(fd: number, memory: Uint8Array, block: number, budget: number): number;
  /** The same for a QueueKind.PACKET block, whose receive ring openPacketRing has mapped; same answer. */
  pumpPacket(fd: number, memory: Uint8Array, block: number, budget: number): number;
}
