// The search for the highest rate at which nothing (or as little as allowed) is lost, in the manner of RFC 2544,
// section 26.1: halve the range between a rate that passed and one that failed. It knows no interface.

/** What one trial saw. */
export interface Trial {
  /** Frames a second asked for, and offered in fact. */
  readonly rate: number;
  readonly offered: number;
  readonly sent: number;
  readonly delivered: number;
  /** Share of what was sent that did not arrive, 0 to 1. */
  readonly loss: number;
}

/** How to search. */
export interface SearchPlan {
  /** Frames a second to begin with: what the generator can do, or the line's rate. */
  readonly maxRate: number;
  /** The search ends when the range is this share of its upper end. */
  readonly resolution: number;
  /** Share of frames that may be lost, 0 to 1. */
  readonly lossLimit: number;
}

/** What a search found. */
export interface SearchResult {
  /** Frames a second that passed; 0 when no rate did. */
  readonly rate: number;
  /** The highest rate that was tried passed: the truth may be higher, the generator is at its end. */
  readonly isLowerBound: boolean;
  readonly trials: readonly Trial[];
}

/** Below this there is no rate worth trying, in frames a second. */
const RATE_MIN = 100;
/** A trial that offered less than this share of what was asked for says nothing about what was asked for. */
const OFFERED_SHARE = 0.97;

/** Makes trials until the range is small enough; `run` makes one at a rate. */
export async function searchNoDrop(
  plan: SearchPlan,
  run: (rate: number) => Promise<Trial>,
): Promise<SearchResult> {
  const trials: Trial[] = [];
  let low = 0;
  let high = plan.maxRate;
  let next = high;
  while (next >= RATE_MIN) {
    const trial = await run(next);
    trials.push(trial);
    if (trial.loss <= plan.lossLimit) {
      low = Math.max(low, Math.min(trial.offered, next));
      if (next >= high || trial.offered < next * OFFERED_SHARE)
        return { rate: low, isLowerBound: true, trials };
    } else {
      high = Math.min(next, trial.offered);
      if (high <= low) return { rate: low, isLowerBound: false, trials };
    }
    if ((high - low) / high <= plan.resolution) break;
    next = (low + high) / 2;
  }
  return { rate: low, isLowerBound: false, trials };
}
