// A PMD's own view of the ports: one record a port, indexed by its number, and one a receive queue.

/** What a port does with a packet sent to it. */
export enum PortKind {
  /** No such port. */
  NONE = 0,
  /** Counts and recycles. */
  NULL = 1,
  /** Copies into a byte ring that the controller drains. */
  RING = 2,
  /** A queue of a real port: layout/queue.ts. */
  QUEUE = 3,
  /** Another PMD has the port's queues: passed to it through a ring. */
  PEER = 4,
}

/** PortKind | PORT_FLAG_*: one word tells whether the fast path may be taken. */
export const PORT_KIND: u32 = 0;
/** Byte ring; block of the queue; ring to the PMD that has it. */
export const PORT_TX: u32 = 4;
/** Longest packet the port sends, in bytes; 0 = PACKET_MAX. */
export const PORT_MTU: u32 = 8;
/** What a frame of a real port has besides the MTU's bytes: Ethernet header and one VLAN tag. */
export const FRAME_OVERHEAD: u32 = 18;
/** Bytes of the record that the controller sets; the counters behind them are the PMD's. */
export const PORT_CONFIG_SIZE: u32 = 16;
/** Counters, u64. */
export const PORT_RX_PACKETS: u32 = 16;
export const PORT_RX_BYTES: u32 = 24;
export const PORT_TX_PACKETS: u32 = 32;
export const PORT_TX_BYTES: u32 = 40;
export const PORT_TX_DROPS: u32 = 48;
export const PORT_UPCALLS_LOST: u32 = 56;
export const PORT_RX_DROPS: u32 = 64;
export const PORT_UPCALLS: u32 = 72;
/** u32: misses of this port that wait for the controller. */
export const PORT_PENDING: u32 = 80;
export const PORT_SIZE: u32 = 128;

export const PORT_KIND_MASK: u32 = 0xff;
/** Sends nothing, counts DropReason.PORT_DOWN. */
export const PORT_FLAG_DOWN: u32 = 0x100;
/** Folds every byte sent into PMD_DIGEST. */
export const PORT_FLAG_DIGEST: u32 = 0x200;

/** Where a receive queue's packets come from. */
export enum RxqKind {
  NONE = 0,
  /** A byte ring that the controller fills. */
  RING = 1,
  /** A capture in linear memory, sent round and round. */
  TRACE = 2,
  /** A queue of a real port; what its PMD sends out of that port goes through it too. */
  QUEUE = 3,
}

export const RXQ_KIND: u32 = 0;
export const RXQ_PORT: u32 = 4;
/** Byte ring; block of the queue; or the trace's index, {address u32, length u32} a packet. */
export const RXQ_SOURCE: u32 = 8;
/** TRACE: packets in the index, the next one to send, and rounds completed. */
export const RXQ_TRACE_COUNT: u32 = 12;
export const RXQ_TRACE_NEXT: u32 = 16;
export const RXQ_TRACE_ROUNDS: u32 = 20;
/** TRACE: rounds to make before it falls silent; 0 = for ever. */
export const RXQ_TRACE_LIMIT: u32 = 24;
/** TRACE: upcalls of the port that may wait before no more is sent, as a sender that awaits answers does; 0 = any number. */
export const RXQ_TRACE_WINDOW: u32 = 28;
/** Bytes of the record that the controller sets. */
export const RXQ_CONFIG_SIZE: u32 = 32;
/** Packets and batches received; TSC cycles are the host's. u64 each. */
export const RXQ_PACKETS: u32 = 32;
export const RXQ_BATCHES: u32 = 40;
/** TSC cycles spent on the queue's bursts, u64, estimated from one in 256; the host writes it. */
export const RXQ_CYCLES: u32 = 48;
/**
 * What the queue's bursts cost beyond their packets; whether it let its last turn pass, u16; and how many of 4,096
 * packets meet a flow that was long unused, u16: fair-turns.ts.
 */
export const RXQ_DEBT: u32 = 56;
export const RXQ_PASSED: u32 = 60;
export const RXQ_COLD: u32 = 62;
export const RXQ_SIZE: u32 = 64;

/** Record in a RING receive queue: [header][sequence u32][length u32][bytes ...]. */
export const RX_RECORD: u32 = 1;
export const RX_RECORD_SEQUENCE: u32 = 8;
/** Length on the wire; bytes over PACKET_MAX are not in the ring. */
export const RX_RECORD_LENGTH: u32 = 12;
export const RX_RECORD_DATA: u32 = 16;

/** Record in a RING transmit queue: [header][sequence u32][port u32][length u32][pad u32][bytes ...]. */
export const TX_RECORD: u32 = 1;
export const TX_RECORD_SEQUENCE: u32 = 8;
export const TX_RECORD_PORT: u32 = 12;
export const TX_RECORD_LENGTH: u32 = 16;
export const TX_RECORD_DATA: u32 = 24;
