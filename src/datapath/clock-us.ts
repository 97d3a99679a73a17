// The clock that upcalls are timed by: the same for all threads of the process, and cheap to read.

/** Microseconds of the monotonic clock that performance.now() counts from, on this thread. */
const base = Number(process.hrtime.bigint() / 1000n) - performance.now() * 1000;

/** Microseconds of the monotonic clock, modulo 2^32. */
export function clockUs(): number {
  return (base + performance.now() * 1000) >>> 0;
}
