// The clocks of a switch, that upcalls are timed by and that time-outs go by: the same for all threads of the process,
// cheap to read, and untouched when somebody sets the time of day.

/** Microseconds of the monotonic clock that performance.now() counts from, on this thread. */
const base = Number(process.hrtime.bigint() / 1000n) - performance.now() * 1000;

/** Microseconds of the monotonic clock, modulo 2^32. */
export function clockUs(): number {
  return (base + performance.now() * 1000) >>> 0;
}

/** Milliseconds of the monotonic clock, whole ones. */
export function clockMs(): number {
  return Math.floor(base / 1000 + performance.now());
}
