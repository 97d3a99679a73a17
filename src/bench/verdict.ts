// The verdict on two results: whether the datapath's cost differs, by the yardstick that ran beside it in both. It knows three kinds of noise:
// the luck of each run, how well the yardstick follows a machine that changed its speed, and what it does not see.
import { type BenchResult, correctedRates } from "./result.ts";
import { type Comparison, compareRates, DEFAULT_THRESHOLD, quantile, studentQuantile } from "./statistics.ts";
import type { YardstickWindow } from "./yardstick-window.ts";

/** Two results, compared. */
export interface Verdict extends Comparison {
  /** By the yardstick, or by the clock alone, which takes a slower machine for a slower build. */
  readonly basis: "yardstick" | "clock";
  /** How much slower the machine was for the second result (0.1 = 10 %); by the yardstick. */
  readonly machineSlower: number;
}

/** What is known of runs before any is seen: their usual deviation, and the weight of that in runs. */
const USUAL_LUCK = 0.01;
const USUAL_WEIGHT = 6;
/** Deviation between two results of the same build that no run shows: caches shared with neighbours, code placement. */
const UNSEEN = 0.006;
/** The same for caches shared with other cores: so much of what windows differ by within a run. */
const UNSEEN_UNREST = 0.25;
/** Of a change of the machine's speed, the share that the yardstick may not follow. */
const UNFOLLOWED = 0.1;
/**
 * Processes on the same core empty its caches, of which the yardstick needs little: so much of what they took, and so much of what windows
 * differ by within a run.
 */
const DISTURBED = 0.006;
const DISTURBED_UNREST = 1;
/** The fastest of so many windows show what the machine does when it is left alone, and how much less slower ones count. */
const CALM_SHARE = 0.1;
const CALM_POWER = 8;
/** Standard deviations of a normal distribution in its median distance from the middle, inverted. */
const SIGMAS = 1.4826;
const SURE = 0.995;
/** A difference is one when the interval ends so many thresholds before none at all; "no difference" rules so many out. */
const CLEAR = 0.5;
const RULED_OUT = 2.5;

/** Compares results of `megaflow bench`; differences of the rate up to `threshold` are none. */
export function compareResults(
  before: BenchResult,
  after: BenchResult,
  threshold = DEFAULT_THRESHOLD,
): Verdict {
  const comparable = before.yardstick !== undefined && before.yardstick === after.yardstick;
  const blocks = comparable ? [before, after].flatMap(windowsOf).map(({ block }) => block) : [];
  const calm = blocks.length === 0 ? 0 : quantile(blocks.sort(ascending), CALM_SHARE);
  const first = undisturbed(runsOf(before, calm));
  const second = undisturbed(runsOf(after, calm));
  if (calm === 0 || first.length === 0 || second.length === 0) {
    const comparison = compareRates(correctedRates(before), correctedRates(after), threshold);
    return { ...comparison, basis: "clock", machineSlower: 0 };
  }
  return { ...compareRuns(first, second, threshold), basis: "yardstick" };
}

function windowsOf(result: BenchResult): YardstickWindow[] {
  return result.windows.flat().flatMap(({ yardstick }) => (yardstick === undefined ? [] : [yardstick]));
}

/** What the windows of a run say together, logarithms of both. */
interface RunCost {
  /** Cost of a packet without its source, in blocks of the yardstick. */
  readonly cost: number;
  /** Cycles of a block. */
  readonly block: number;
  readonly running: number;
  /** Usual distance of a window's cost from the run's. */
  readonly unrest: number;
  readonly weight: number;
}

/**
 * Windows weigh by their steady readings, and the more the faster the machine was: `calm` are the cycles of a block when it is
 * left alone. A core that is shared with a neighbour slows the datapath and the yardstick nearly, but not quite, alike.
 */
function runsOf(result: BenchResult, calm: number): RunCost[] {
  return result.windows.flatMap((windows) => {
    const weighted = windows.flatMap(({ yardstick, running }) => {
      if (yardstick === undefined) return [];
      const { cost, block, readings } = yardstick;
      return [{ cost, block, running, weight: readings * Math.min(1, (calm / block) ** CALM_POWER) }];
    });
    if (weighted.length === 0) return [];
    const weight = weighted.reduce((sum, one) => sum + one.weight, 0);
    const cost = Math.log(weightedMedian(weighted, (one) => one.cost));
    const block = Math.log(weightedMedian(weighted, (one) => one.block));
    const running = weightedMedian(weighted, (one) => one.running);
    const unrest = weightedMedian(weighted, (one) => Math.abs(Math.log(one.cost) - cost)) * SIGMAS;
    return [{ cost, block, running, unrest, weight }];
  });
}

/** Without the dearest quarter: a run may be disturbed from its start to its end, which never makes it cheaper. */
function undisturbed(runs: readonly RunCost[]): RunCost[] {
  const sorted = [...runs].sort((x, y) => x.cost - y.cost);
  return sorted.slice(0, sorted.length - Math.floor(sorted.length / 4));
}

function weightedMedian<T extends { readonly weight: number }>(items: readonly T[], of: (item: T) => number) {
  const sorted = [...items].sort((x, y) => of(x) - of(y));
  let left = sorted.reduce((sum, { weight }) => sum + weight, 0) / 2;
  for (const item of sorted) {
    left -= item.weight;
    if (left <= 0) return of(item);
  }
  return of(sorted[sorted.length - 1]!);
}

function compareRuns(
  before: readonly RunCost[],
  after: readonly RunCost[],
  threshold: number,
): Omit<Verdict, "basis"> {
  const first = spreadOf(before);
  const second = spreadOf(after);
  const machine = second.block - first.block;
  const disturbed = 1 - Math.min(first.running, second.running);
  const unrest = Math.max(first.unrest, second.unrest);
  const freedom = first.runs + second.runs - 2 + USUAL_WEIGHT;
  const luck = (first.squares + second.squares + USUAL_WEIGHT * USUAL_LUCK ** 2) / freedom;
  const error = Math.sqrt(
    luck * (1 / first.runs + 1 / second.runs) +
      UNSEEN ** 2 +
      (UNSEEN_UNREST * unrest) ** 2 +
      (UNFOLLOWED * machine) ** 2 +
      ((DISTURBED + DISTURBED_UNREST * unrest) * disturbed) ** 2,
  );
  // A cost that grew is a rate that fell.
  const change = first.cost - second.cost;
  const reach = studentQuantile(SURE, freedom) * error;
  const ratio = Math.exp(change);
  const low = Math.exp(change - reach);
  const high = Math.exp(change + reach);
  return {
    verdict: decide(ratio, low, high, threshold),
    ratio,
    low,
    high,
    machineSlower: Math.expm1(machine),
  };
}

/** Weighted means over runs, the runs that these weights are worth, and the squared distances from the mean cost. */
function spreadOf(runs: readonly RunCost[]) {
  const total = runs.reduce((sum, { weight }) => sum + weight, 0);
  const mean = (of: (run: RunCost) => number) =>
    runs.reduce((sum, run) => sum + of(run) * run.weight, 0) / total;
  const worth = total ** 2 / runs.reduce((sum, { weight }) => sum + weight ** 2, 0);
  const cost = mean((run) => run.cost);
  return {
    cost,
    block: mean((run) => run.block),
    running: mean((run) => run.running),
    unrest: mean((run) => run.unrest),
    runs: worth,
    squares: mean((run) => (run.cost - cost) ** 2) * worth,
  };
}

function decide(ratio: number, low: number, high: number, threshold: number): Verdict["verdict"] {
  if (ratio < 1 - threshold && high < 1 - threshold * CLEAR) return "slower";
  if (ratio > 1 + threshold && low > 1 + threshold * CLEAR) return "faster";
  const wide = RULED_OUT * threshold;
  if (Math.abs(ratio - 1) <= threshold && low > 1 - wide && high < 1 + wide) return "no difference";
  return "undecided";
}

function ascending(x: number, y: number): number {
  return x - y;
}
