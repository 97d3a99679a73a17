// What the datapath counts. Every received packet ends in exactly one of: forwarded, dropped under a
// DropReason, consumed by the controller; until then it is in flight.

/** Why a packet was dropped. The order is the ABI; names in src/odp/drop-reason.ts. */
export enum DropReason {
  /** Not dropped. */
  NONE = 0,
  /** No OpenFlow rule matched in a table whose miss means drop. */
  NO_RULE = 1,
  /** The rule says drop, or its actions send the packet nowhere. */
  POLICY = 2,
  /** The upcall could not be queued, timed out or found the pending table full. */
  UPCALL_LOST = 3,
  /** The packet is longer than PACKET_MAX. */
  OVERSIZE = 4,
  /** No free frame to receive or copy into. */
  NO_FRAME = 5,
  /** The output port does not exist. */
  NO_PORT = 6,
  /** The output port's transmit queue is full. */
  TXQ_FULL = 7,
  /** The packet went through recirculation more than RECIRC_DEPTH_MAX times. */
  RECIRC_DEPTH = 8,
  /** A recirc_id that the controller does not know (any more). */
  RECIRC_UNKNOWN = 9,
  /** Resubmits nested deeper than 64. */
  RESUBMIT_DEPTH = 10,
  /** More than 4,096 resubmits in one translation. */
  RESUBMIT_LIMIT = 11,
  /** The translation's stack grew over its limit. */
  STACK_LIMIT = 12,
  /** More MPLS labels than the key holds. */
  MPLS_DEPTH = 13,
  /** A time to live that may not be decremented any more, with no controller to take it. */
  TTL = 14,
  /** A meter's band. */
  METER = 15,
  /** An action that this packet's headers cannot take. */
  ACTION = 16,
  /** Shorter than an Ethernet header. */
  RUNT = 17,
  /** The output port is down, or does not forward. */
  PORT_DOWN = 18,
  /** A group with no live or matching bucket. */
  GROUP = 19,
  /** NORMAL refuses the packet (VLAN not of the port, reserved multicast, hairpin ...). */
  NORMAL = 20,
  /** An interface's receive queue had no room (counted by the kernel or the pair ring). */
  RXQ_FULL = 21,
  /** Longer than the output port carries. */
  MTU = 22,
  /** In the hands of a PMD that died. */
  PMD_LOST = 23,
  COUNT = 24,
}

/** Counters of one PMD, u64 each, in this order from PMD_STATS. */
export enum PmdStat {
  /** Packets received. */
  RX = 0,
  RX_BYTES = 1,
  /** Received packets of which at least one copy was sent. */
  FORWARDED = 2,
  /** Copies sent, over all ports. */
  TX = 3,
  TX_BYTES = 4,
  /** Received packets that only the controller got, by an action. */
  CONSUMED = 5,
  /** Received packets dropped, over all reasons. */
  DROPPED = 6,
  /** Passes through the lookup: received packets and recirculations. */
  PASSES = 7,
  /** Passes answered by each level: they add up to PASSES. */
  HIT_MICROFLOW = 8,
  HIT_MASK_CACHE = 9,
  HIT_MASKED = 10,
  MISS = 11,
  /** Masks tried by masked lookups, over all passes. */
  MASKS_VISITED = 12,
  /** Upcalls queued, of both kinds. */
  UPCALLS = 13,
  /** Packets that chained behind an upcall of the same microflow. */
  UPCALLS_JOINED = 14,
  /** Copies that ended without being sent. */
  COPIES_DROPPED = 15,
  BATCHES = 16,
  POLLS = 17,
  POLLS_IDLE = 18,
  /** Packets the controller sent on its own (packet-out). */
  INJECTED = 19,
  RECIRCULATED = 20,
  MICROFLOW_INSERTS = 21,
  MASK_CACHE_INSERTS = 22,
  COMMANDS = 23,
  COUNT = 24,
}

/** Level that answered a pass, as the trace ring and the reports name it. */
export enum LookupLevel {
  MICROFLOW = 0,
  MASK_CACHE = 1,
  MASKED = 2,
  UPCALL = 3,
}
