// Cycles a packet from many short calls. A call that the system interrupted took many times the usual, and is
// left out: what remains is what the datapath takes, on a machine that has other things to do as well.

/** A call that took so many times the middle one was interrupted. */
const DISTURBED = 3;

/** See the head of the file. */
export class CallTimes {
  readonly #cycles: number[] = [];
  readonly #packets: number[] = [];

  /** Notes a call. */
  add(cycles: number, packets: number): void {
    this.#cycles.push(cycles);
    this.#packets.push(packets);
  }

  /** Cycles a packet over the calls that nobody interrupted; 0 without calls. */
  cyclesPerPacket(): number {
    const each = this.#cycles.map((cycles, i) => cycles / this.#packets[i]!);
    const limit = DISTURBED * quantile(each, 0.5);
    let cycles = 0;
    let packets = 0;
    for (const [i, one] of each.entries()) {
      if (one > limit) continue;
      cycles += this.#cycles[i]!;
      packets += this.#packets[i]!;
    }
    return packets === 0 ? 0 : cycles / packets;
  }
}

/** The value below which a share of the values lies; 0 of none. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}
