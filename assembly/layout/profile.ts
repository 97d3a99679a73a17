// What a PMD's thread knows about its own speed: one batch in PROFILE_INTERVAL is taken through the stages
// one by one and timed. Written by the thread's JavaScript, since WebAssembly has no cycle counter.

/** One batch in so many is timed. */
export const PROFILE_INTERVAL: u32 = 256;
/** Cycles by stage, f64 each, in the order of src/pmd/stages.ts; disturbed batches are left out. */
export const PROFILE_CYCLES: u32 = 0;
export const PROFILE_STAGE_MAX: u32 = 8;
/** Packets and batches that PROFILE_CYCLES is about; f64 each. */
export const PROFILE_PACKETS: u32 = 64;
export const PROFILE_BATCHES: u32 = 72;
/** Timed batches by the cycles from receive to the end of transmit, disturbed ones included: u32 each. */
export const PROFILE_HISTOGRAM: u32 = 80;
/** Buckets: number i begins at 2^(i / 8) cycles. */
export const PROFILE_BUCKETS: u32 = 256;
export const PROFILE_BUCKETS_PER_OCTAVE: u32 = 8;
/** Cycles of the thread's loop, f64 each: busy, idle, asleep; times it slept; the longest turn (src/pmd/time-account.ts). */
export const PROFILE_TIME: u32 = 1104;
export const PROFILE_TIME_COUNT: u32 = 5;
/** 80 + 256 * 4 + 5 * 8. */
export const PROFILE_SIZE: u32 = 1144;
