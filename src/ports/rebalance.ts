// Which PMD gets which receive queue: the heaviest queue first, each to the PMD with the least to do so far, as
// Open vSwitch's pmd-rxq-rebalance assigns them.

/** A receive queue and what it cost lately. */
export interface RxqLoad {
  /** PMD that has it. */
  readonly pmd: number;
  readonly cycles: number;
  /** Stays where it is: named by rxq-affinity. */
  readonly pinned: boolean;
}

/** Returns the PMD of each queue. A queue stays where it is when that is as good. */
export function balance(loads: readonly RxqLoad[], pmds: number): number[] {
  const sums = new Array<number>(pmds).fill(0);
  const counts = new Array<number>(pmds).fill(0);
  const place = loads.map((load) => load.pmd);
  const give = (queue: number, pmd: number): void => {
    place[queue] = pmd;
    sums[pmd]! += loads[queue]!.cycles;
    counts[pmd]!++;
  };
  const order = loads.map((_, queue) => queue).sort((a, b) => loads[b]!.cycles - loads[a]!.cycles);
  for (const queue of order) if (loads[queue]!.pinned) give(queue, loads[queue]!.pmd);
  for (const queue of order) {
    const { pmd: home, pinned } = loads[queue]!;
    if (pinned) continue;
    let best = home;
    for (let pmd = 0; pmd < pmds; pmd++) {
      const less = sums[pmd]! < sums[best]! || (sums[pmd] === sums[best] && counts[pmd]! < counts[best]!);
      if (less) best = pmd;
    }
    give(queue, best);
  }
  return place;
}
