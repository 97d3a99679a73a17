// A queue of a real port: one block a (device, queue) in the shape of an AF_XDP socket, four rings in linear
// memory that a PMD shares with the kernel, or with the addon where that plays the kernel (TAP, AF_PACKET).
//
//   fill        the PMD gives empty frames        u64: offset in the packet memory (UMEM)
//   rx          packets in such frames come back  {addr u64, length u32, options u32}
//   tx          the PMD gives packets             the same
//   completion  their frames come back            u64
//
// A packet longer than FRAME_DATA_MAX takes several entries: all but its last have QUEUE_OPTION_CONTINUED.
// Indices count entries for ever, modulo 2^32.

/** Who is on the other side of the rings. */
export enum QueueKind {
  NONE = 0,
  /** The kernel: woken where it asks for it. */
  XDP = 1,
  /** The addon's pumpTap, called by the PMD's thread between turns. */
  TAP = 2,
  /** The addon's pumpPacket, likewise. */
  PACKET = 3,
}

/** Ring descriptors, QUEUE_RING_SIZE bytes each. */
export const QUEUE_FILL: u32 = 0;
export const QUEUE_COMPLETION: u32 = 32;
export const QUEUE_RX: u32 = 64;
export const QUEUE_TX: u32 = 96;

/** In a ring descriptor: addresses of the ring's words and of its first entry, and entries - 1. */
export const QUEUE_RING_PRODUCER: u32 = 0;
export const QUEUE_RING_CONSUMER: u32 = 4;
/** Word with QUEUE_NEED_WAKEUP, the other side's. */
export const QUEUE_RING_FLAGS: u32 = 8;
export const QUEUE_RING_ENTRIES: u32 = 12;
export const QUEUE_RING_MASK: u32 = 16;
/** The PMD's own index, published at the end of a burst; and the other side's as it was last seen. */
export const QUEUE_RING_OWN: u32 = 20;
export const QUEUE_RING_SEEN: u32 = 24;
export const QUEUE_RING_SIZE: u32 = 32;

/** QueueKind. */
export const QUEUE_KIND: u32 = 128;
export const QUEUE_FD: u32 = 132;
/** Datapath port. */
export const QUEUE_PORT: u32 = 136;
/** QUEUE_FLAG_*. */
export const QUEUE_FLAGS: u32 = 140;
/** First byte of the packet memory, which offsets count from, and its bytes. */
export const QUEUE_UMEM: u32 = 144;
export const QUEUE_UMEM_SIZE: u32 = 148;
/** Frames to keep in the fill ring. */
export const QUEUE_FILL_TARGET: u32 = 152;
/** Number of the queue, from 1: what the table of frame owners names it by. */
export const QUEUE_NUMBER: u32 = 156;
/** What the PMD's thread is to do for the queue before its next turn: QUEUE_KICK_*. */
export const QUEUE_KICK: u32 = 160;
/** Packets received whole but refused, u64 (no frame to gather them in). */
export const QUEUE_RX_NO_FRAME: u32 = 168;
/** Packets whose checksum the receive side completed, u64. */
export const QUEUE_RX_COMPLETED: u32 = 176;
/** Times the thread was asked to wake the kernel or to pump, u64. */
export const QUEUE_KICKS: u32 = 184;

/** The addon's: packets that found no frame or no room in rx, and packets the device refused; u64. */
export const QUEUE_PUMP_RX_DROPS: u32 = 192;
export const QUEUE_PUMP_TX_DROPS: u32 = 200;
/** The first of the addon's own words, which are named by kind; the controller sets them before the queue is used. */
export const QUEUE_PUMP_STATE: u32 = 208;
/** TAP: bytes of virtio-net header before each packet; the longest packet to leave room for, which the addon raises. */
export const QUEUE_PUMP_HEADER: u32 = 208;
export const QUEUE_PUMP_PACKET_MAX: u32 = 212;
/** PACKET: address of the receive ring, bytes of a block, and blocks. */
export const QUEUE_PUMP_RING: u32 = 208;
export const QUEUE_PUMP_BLOCK_SIZE: u32 = 212;
export const QUEUE_PUMP_BLOCK_COUNT: u32 = 216;
/** The addon's place in that ring, from 0: block, packets left in it, offset of the next one. */
export const QUEUE_PUMP_BLOCK: u32 = 220;
export const QUEUE_PUMP_LEFT: u32 = 224;
export const QUEUE_PUMP_NEXT: u32 = 228;
export const QUEUE_SIZE: u32 = 256;

/** Complete the transport checksums that a local sender left to the hardware. */
export const QUEUE_FLAG_CHECKSUM: u32 = 1;
/** Packets may take several entries. */
export const QUEUE_FLAG_FRAGMENTS: u32 = 2;

/** Wake the kernel for tx; for fill; call the pump. */
export const QUEUE_KICK_TX: u32 = 1;
export const QUEUE_KICK_FILL: u32 = 2;
export const QUEUE_KICK_PUMP: u32 = 4;

/** Bits of linux/if_xdp.h. */
export const QUEUE_NEED_WAKEUP: u32 = 1;
export const QUEUE_OPTION_CONTINUED: u32 = 1;

/** Bytes of an entry: rx and tx; fill and completion. */
export const QUEUE_DESCRIPTOR_SIZE: u32 = 16;
export const QUEUE_OFFSET_SIZE: u32 = 8;

/** Queues that PMDs wait on in one switch; numbers from 1. */
export const QUEUE_MAX: u32 = 1024;
