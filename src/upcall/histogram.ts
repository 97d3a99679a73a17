// Times in microseconds, counted in buckets that grow by a quarter of an octave: any time to 20 % in a few
// hundred bytes.

const BUCKETS_PER_OCTAVE = 4;
/** Up to 2^24 us, 16 seconds. */
const BUCKETS = 24 * BUCKETS_PER_OCTAVE + 1;

/** A histogram as plain numbers; times in microseconds. */
export interface HistogramReport {
  readonly count: number;
  readonly mean: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
  /** Times counted up to each limit that has any: [limit in microseconds, times]. */
  readonly buckets: readonly (readonly [number, number])[];
}

/** See the head of the file. */
export class Histogram {
  readonly #counts = new Float64Array(BUCKETS);
  #count = 0;
  #sum = 0;
  #max = 0;

  /** Counts a time in microseconds. */
  add(us: number): void {
    const bucket = us <= 1 ? 0 : Math.min(BUCKETS - 1, Math.ceil(Math.log2(us) * BUCKETS_PER_OCTAVE));
    this.#counts[bucket]!++;
    this.#count++;
    this.#sum += us;
    if (us > this.#max) this.#max = us;
  }

  /** Adds all that another one has counted. */
  addAll(other: Histogram): void {
    for (let i = 0; i < BUCKETS; i++) this.#counts[i]! += other.#counts[i]!;
    this.#count += other.#count;
    this.#sum += other.#sum;
    this.#max = Math.max(this.#max, other.#max);
  }

  /** What it says. */
  report(): HistogramReport {
    const buckets: [number, number][] = [];
    this.#counts.forEach((count, i) => {
      if (count > 0) buckets.push([limitOf(i), count]);
    });
    return {
      count: this.#count,
      mean: this.#count === 0 ? 0 : this.#sum / this.#count,
      p50: this.#quantile(0.5),
      p99: this.#quantile(0.99),
      max: this.#max,
      buckets,
    };
  }

  #quantile(share: number): number {
    let left = share * this.#count;
    for (let i = 0; i < BUCKETS; i++) {
      left -= this.#counts[i]!;
      if (left <= 0 && this.#count > 0) return Math.min(limitOf(i), this.#max);
    }
    return 0;
  }
}

function limitOf(bucket: number): number {
  return 2 ** (bucket / BUCKETS_PER_OCTAVE);
}
