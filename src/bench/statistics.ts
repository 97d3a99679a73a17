// Robust statistics over measurement windows, and a verdict on two sets of them that knows the noise.
import { Random } from "./workload/random.ts";

/** Median and spread of some values. */
export interface Summary {
  readonly median: number;
  readonly min: number;
  readonly max: number;
  /** Half the distance between the first and the third quartile, as a share of the median. */
  readonly spread: number;
}

/** Summarises at least one value. */
export function summarize(values: readonly number[]): Summary {
  const sorted = [...values].sort((x, y) => x - y);
  const median = quantile(sorted, 0.5);
  return {
    median,
    min: sorted[0]!,
    max: sorted[sorted.length - 1]!,
    spread: median === 0 ? 0 : (quantile(sorted, 0.75) - quantile(sorted, 0.25)) / 2 / median,
  };
}

/** Median of at least one value. */
export function median(values: readonly number[]): number {
  return quantile(
    [...values].sort((x, y) => x - y),
    0.5,
  );
}

/** The value below which a share of `sorted` lies, interpolated. */
export function quantile(sorted: ArrayLike<number>, share: number): number {
  const at = (sorted.length - 1) * share;
  const below = sorted[Math.floor(at)]!;
  return below + (sorted[Math.ceil(at)]! - below) * (at - Math.floor(at));
}

/** What two sets of windows say about each other. */
export interface Comparison {
  readonly verdict: "no difference" | "faster" | "slower" | "undecided";
  /** Median of the second set divided by that of the first. */
  readonly ratio: number;
  /** 99 % interval of the ratio. */
  readonly low: number;
  readonly high: number;
  /** Two-sided p of the Mann-Whitney test: how likely windows so different are by chance; of rates alone. */
  readonly p?: number;
}

/** Differences below this share are not called one: what two runs of the same build may differ by. */
export const DEFAULT_THRESHOLD = 0.03;
const RESAMPLES = 2000;
const SIGNIFICANT = 0.01;

/**
 * Compares rates (higher is better) by run and window. Windows of one run share that run's luck (memory
 * layout, neighbours), so runs are resampled first and windows within them after.
 */
export function compareRates(
  before: readonly (readonly number[])[],
  after: readonly (readonly number[])[],
  threshold = DEFAULT_THRESHOLD,
): Comparison {
  const random = new Random(1, "bootstrap");
  const ratio = median(after.flat()) / median(before.flat());
  const ratios = new Float64Array(RESAMPLES);
  for (let i = 0; i < RESAMPLES; i++) {
    ratios[i] = median(resample(after, random)) / median(resample(before, random));
  }
  ratios.sort();
  const low = quantile(ratios, 0.005);
  const high = quantile(ratios, 0.995);
  const p = mannWhitney(before.flat(), after.flat());
  const result = { ratio, low, high, p };
  if (Math.abs(ratio - 1) <= threshold) return { verdict: "no difference", ...result };
  if (p < SIGNIFICANT && high < 1) return { verdict: "slower", ...result };
  if (p < SIGNIFICANT && low > 1) return { verdict: "faster", ...result };
  return { verdict: "undecided", ...result };
}

/** Two-sided p of the Mann-Whitney U test, by its normal approximation with ties and continuity corrected. */
export function mannWhitney(first: readonly number[], second: readonly number[]): number {
  const all = [
    ...first.map((value) => ({ value, mine: true })),
    ...second.map((value) => ({ value, mine: false })),
  ];
  all.sort((x, y) => x.value - y.value);
  let rankSum = 0;
  let ties = 0;
  for (let i = 0; i < all.length; ) {
    let j = i;
    while (j < all.length && all[j]!.value === all[i]!.value) j++;
    const rank = (i + 1 + j) / 2;
    for (let k = i; k < j; k++) if (all[k]!.mine) rankSum += rank;
    ties += (j - i) ** 3 - (j - i);
    i = j;
  }
  const m = first.length;
  const n = second.length;
  const u = rankSum - (m * (m + 1)) / 2;
  const total = m + n;
  const variance = ((m * n) / 12) * (total + 1 - ties / (total * (total - 1)));
  if (variance <= 0) return 1;
  const z = Math.max(0, Math.abs(u - (m * n) / 2) - 0.5) / Math.sqrt(variance);
  return Math.min(1, 2 * normalTail(z));
}

function resample(runs: readonly (readonly number[])[], random: Random): number[] {
  const values: number[] = [];
  for (let i = 0; i < runs.length; i++) {
    const run = runs[random.below(runs.length)]!;
    for (let j = 0; j < run.length; j++) values.push(run[random.below(run.length)]!);
  }
  return values;
}

/** The value that Student's t with `freedom` (at least 3) degrees stays under with probability `share`, over one half (Cornish and Fisher). */
export function studentQuantile(share: number, freedom: number): number {
  const z = normalQuantile(share);
  const g1 = (z ** 3 + z) / 4;
  const g2 = (5 * z ** 5 + 16 * z ** 3 + 3 * z) / 96;
  const g3 = (3 * z ** 7 + 19 * z ** 5 + 17 * z ** 3 - 15 * z) / 384;
  return z + g1 / freedom + g2 / freedom ** 2 + g3 / freedom ** 3;
}

/** The value that a standard normal variable stays under with probability `share`, over one half; by bisection. */
function normalQuantile(share: number): number {
  let low = 0;
  let high = 8;
  while (high - low > 1e-9) {
    const middle = (low + high) / 2;
    if (1 - normalTail(middle) < share) low = middle;
    else high = middle;
  }
  return low;
}

/** Upper tail of the standard normal distribution (Abramowitz and Stegun 26.2.17; error below 7.5e-8). */
function normalTail(z: number): number {
  const t = 1 / (1 + 0.2316419 * z);
  const poly =
    t * (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))));
  return (Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI)) * poly;
}
