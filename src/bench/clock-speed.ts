// The real frequency of the core that runs this: a chain of additions, each waiting for the one before,
// takes one cycle a step on every processor in use. The TSC ticks at a fixed rate and says nothing of it.

/** Steps in one round of the loop. */
const CHAIN = 64;
const ROUNDS = 100_000;
const TRIES = 7;

/** Frequency in GHz: the best of a few tries of about 2 ms, since interruptions only make it look slower. */
export function measureClockGhz(): number {
  const run = chainFunction();
  run(1000);
  let best = 0;
  for (let i = 0; i < TRIES; i++) {
    const start = process.hrtime.bigint();
    run(ROUNDS);
    best = Math.max(best, (ROUNDS * CHAIN) / Number(process.hrtime.bigint() - start));
  }
  return best;
}

/** A WebAssembly function (rounds) that runs CHAIN dependent operations a round. */
function chainFunction(): (rounds: number) => number {
  // locals: 0 rounds (the parameter), 1 x, 2 y. add and xor alternate so that nothing folds them.
  const chain: number[] = [];
  for (let i = 0; i < CHAIN; i++) chain.push(0x20, 1, 0x20, 2, i % 2 === 0 ? 0x6a : 0x73, 0x21, 1);
  // biome-ignore format: instructions line by line
  const body = [
    1, 2, 0x7f,                                            // two more i32 locals
    0x20, 0, 0x41, 5, 0x6c, 0x21, 2,                       // y = rounds * 5
    0x03, 0x40,                                            // loop
    ...chain,
    0x20, 0, 0x41, 1, 0x6b, 0x22, 0, 0x0d, 0,              // rounds -= 1; continue while not 0
    0x0b, 0x20, 1, 0x0b,                                   // end; x
  ];
  const code = [1, ...leb(body.length), ...body];
  // biome-ignore format: sections line by line
  const bytes = [
    0, 0x61, 0x73, 0x6d, 1, 0, 0, 0,
    1, 6, 1, 0x60, 1, 0x7f, 1, 0x7f,                       // type: (i32) -> i32
    3, 2, 1, 0,
    7, 5, 1, 1, 0x66, 0, 0,                                // export "f"
    10, ...leb(code.length), ...code,
  ];
  const { f } = new WebAssembly.Instance(new WebAssembly.Module(Uint8Array.from(bytes)), {}).exports;
  return f as (rounds: number) => number;
}

/** An unsigned number in LEB128. */
function leb(value: number): number[] {
  return value < 128 ? [value] : [(value & 127) | 128, ...leb(value >>> 7)];
}
