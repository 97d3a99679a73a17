// Records from a PMD to the controller (byte ring), and the trace ring that explains packets.

export enum UpcallKind {
  /** No megaflow: [pending u32][lanes u32][length u32][sequence u32][time u32][key ...]. The packet stays parked. */
  MISS = 1,
  /** An action: [cookie][length][sequence][in port][key 544][bytes ...]; bytes cut to the action's maximum. */
  ACTION = 2,
  /** Answer to a command: [token][status][value u32 x4]. */
  REPLY = 3,
}

export const MISS_PENDING: u32 = 8;
/** Bit (lane - 4) set where the key may hold anything in an optional lane: KEY_DIRTY. */
export const MISS_LANES: u32 = 12;
export const MISS_LENGTH: u32 = 16;
export const MISS_SEQUENCE: u32 = 20;
/** PMD_CLOCK_US when it was queued. */
export const MISS_TIME: u32 = 24;
/** Lanes 0 to 3 of the key, and behind them those of MISS_LANES, one after the other. */
export const MISS_KEY: u32 = 32;

export const PUNT_COOKIE: u32 = 8;
/** Bytes of the packet before it was cut. */
export const PUNT_LENGTH: u32 = 12;
/** Bytes that follow. */
export const PUNT_CAPTURED: u32 = 16;
export const PUNT_SEQUENCE: u32 = 20;
export const PUNT_KEY: u32 = 24;
export const PUNT_DATA: u32 = 568;

export const REPLY_TOKEN: u32 = 8;
export const REPLY_STATUS: u32 = 12;
export const REPLY_VALUE: u32 = 16;
export const REPLY_TCP_FLAGS: u32 = 20;
/** u64 each: the final counters of a deleted flow, or those of a changed or replaced one under its old actions. */
export const REPLY_PACKETS: u32 = 24;
export const REPLY_BYTES: u32 = 32;
/** u32: the number of the flow that a FLOW_PUT replaced. */
export const REPLY_COOKIE: u32 = 40;
export const REPLY_RECORD_SIZE: u32 = 48;

/** Trace ring: what happened to packets whose frame carries a sequence number. */
export enum TraceKind {
  /** [sequence][recirc_id][level][masks visited] */
  LOOKUP = 1,
  /** [sequence][DropReason] The received packet ended here. */
  DROP = 2,
}

export const TRACE_SEQUENCE: u32 = 8;
export const TRACE_VALUE: u32 = 12;
export const TRACE_LEVEL: u32 = 16;
export const TRACE_VISITED: u32 = 20;
export const TRACE_RECORD_SIZE: u32 = 32;
