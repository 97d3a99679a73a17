// Records from the controller to a PMD (byte ring), applied in order between batches.

export enum Command {
  /** A megaflow; also answers a pending upcall and may replace the actions of a flow with the same key and mask. */
  FLOW_PUT = 1,
  /** [token][flow][cookie] Removes it; the reply carries the final counters. */
  FLOW_DEL = 2,
  /** [token][flow][cookie][program ...] Replaces the actions; the reply carries the counters up to then. */
  FLOW_MOD = 3,
  /** [token][pending][program ...] Answers an upcall without installing anything. */
  ANSWER = 4,
  /** [token][in port][length][sequence][program words][program ...][bytes ...] A packet of the controller's own. */
  EXECUTE = 5,
  /** [token][class][base][bytes] More room for flow records. */
  SLAB = 6,
  /** [token][which][base][buckets] A larger flow table. */
  TABLE = 7,
  /** [token][RegionId][base][bytes] Replaces a cache's memory, cleared by the controller (0 bytes = off). */
  REGION = 8,
  /** [token][Setting][value] */
  SET = 9,
  /** [token][port record ...] */
  PORT = 10,
  /** [token][rxq index][rxq record ...] */
  RXQ = 11,
  /** [token] Only the reply: everything before it has been applied. */
  BARRIER = 12,
  /** [token] Removes all flows. */
  FLUSH = 13,
  /** [token][count][frames ...] Frames of the PMD's slice that a closed queue had. */
  FRAMES = 14,
}

export const COMMAND_TOKEN: u32 = 8;

/** FLOW_PUT: offsets from the record's start. */
export const PUT_PENDING: u32 = 12; // 0 = none
export const PUT_COOKIE: u32 = 16;
export const PUT_UFID: u32 = 24; // 16 bytes
/** Lanes in the mask, u32 count; then their numbers, u8 each. */
export const PUT_LANES: u32 = 40;
export const PUT_LANE_NUMBERS: u32 = 44; // 34 bytes
/** Bytes from the record's start to the program. */
export const PUT_PROGRAM: u32 = 80;
/** Mask bytes then masked key bytes: lanes * 16 each. */
export const PUT_BYTES: u32 = 96;

/** FLOW_DEL, FLOW_MOD. */
export const FLOW_COMMAND_FLOW: u32 = 12;
export const FLOW_COMMAND_COOKIE: u32 = 16;
export const FLOW_COMMAND_PROGRAM: u32 = 20;

export const ANSWER_PENDING: u32 = 12;
export const ANSWER_PROGRAM: u32 = 16;

export const EXECUTE_IN_PORT: u32 = 12;
export const EXECUTE_LENGTH: u32 = 16;
export const EXECUTE_SEQUENCE: u32 = 20;
/** Bytes from the record's start to the packet. */
export const EXECUTE_DATA: u32 = 24;
export const EXECUTE_PROGRAM: u32 = 28; // and the packet behind it, at EXECUTE_DATA

/** SLAB, TABLE, REGION, SET: three operands. */
export const OPERAND0: u32 = 12;
export const OPERAND1: u32 = 16;
export const OPERAND2: u32 = 20;

/** PORT and RXQ: index, then the record's bytes. */
export const RECORD_COMMAND_INDEX: u32 = 12;
export const RECORD_COMMAND_DATA: u32 = 16;

/** FRAMES: how many, then their addresses. */
export const FRAMES_COUNT: u32 = 12;
export const FRAMES_DATA: u32 = 16;

/** Status of a reply. */
export enum CommandStatus {
  OK = 0,
  /** No memory of the kind needed: nothing changed. */
  NO_SPACE = 1,
  /** The flow is not there (any more), or is another one by now. */
  NO_FLOW = 2,
  /** Mask limit reached. */
  MASK_LIMIT = 3,
  /** The record's contents make no sense. */
  INVALID = 4,
  /** A flow with the same masked key was there: its actions were replaced. */
  REPLACED = 5,
}

/** Numbers of the tables for Command.TABLE. */
export enum TableId {
  FLOWS = 0,
  UFIDS = 1,
}
