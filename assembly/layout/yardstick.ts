// What a bench's yardstick leaves for the bench to read: a ring of readings, and the memory it works on.

/** Readings made so far, u32; reading n lies in slot n % YARDSTICK_SLOTS. */
export const YARDSTICK_COUNT: u32 = 0;
/** Cycles that the yardstick has taken from the PMD so far, f64. */
export const YARDSTICK_SPENT: u32 = 8;
export const YARDSTICK_READINGS: u32 = 64;
export const YARDSTICK_SLOTS: u32 = 16384;

/** A reading: f64 each. */
export const READING_END: u32 = 0; // TSC at its end
/** TSC cycles that the yardstick took for a block. */
export const READING_BLOCK: u32 = 8;
/** TSC cycles that the datapath took for a packet since the reading before. */
export const READING_PACKET: u32 = 16;
/** TSC cycles that copying a packet from the trace takes; 0 where there is no trace. */
export const READING_SOURCE: u32 = 24;
export const READING_SIZE: u32 = 32;

/** The memory that the yardstick works on; behind the ring. */
export const YARDSTICK_WORK: u32 = 1 << 20;
/** Bytes of it all. */
export const YARDSTICK_REGION_SIZE: u32 = 2 << 20;
/** Blocks that a pass takes. */
export const YARDSTICK_BLOCKS: u32 = 2048;
