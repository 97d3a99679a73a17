// Two PMDs beside one: both are sent the same traffic into ports of their own, each on a core of its own.
import type { Table } from "../../src/bench/report/table.ts";
import type { BenchResult } from "../../src/bench/result.ts";
import { median } from "../../src/bench/statistics.ts";
import { type OursOptions, runBench } from "./ours.ts";

/** One PMD and two, in turns. */
export interface Scaling {
  readonly workload: string;
  /** By round: a fresh switch with one PMD, then one with two. */
  readonly rounds: readonly { readonly one: BenchResult; readonly two: BenchResult }[];
}

/** One table, so that the two have no port in common, not even one to send to. */
const workloads = ["f1k-m1", "f100k-m1"];
const ROUNDS = 3;

/** Measures every workload; the first PMD is on `options.core`, the second on `second`. */
export async function measureScaling(second: number, options: OursOptions): Promise<Scaling[]> {
  const scalings: Scaling[] = [];
  for (const workload of workloads) {
    const rounds: Scaling["rounds"][number][] = [];
    for (let i = 0; i < ROUNDS; i++) {
      const args = ["--workload", workload, "--cores", `${options.core},${second}`];
      const [one, two] = await runBench(args, options);
      rounds.push({ one: one!, two: two! });
    }
    scalings.push({ workload, rounds });
  }
  return scalings;
}

/** What two PMDs forward over what one does: as it was, and as it would be had each PMD had its whole core. */
export function scalingRatios({ rounds }: Scaling): { readonly asItWas: number; readonly alone: number } {
  const alone = (result: BenchResult) =>
    median(result.windows.flat().map((window) => window.mpps / window.running));
  return {
    asItWas: median(rounds.map(({ one, two }) => two.mpps / one.mpps)),
    alone: median(rounds.map(({ one, two }) => alone(two) / alone(one))),
  };
}

/** Rates, ratios, and the least share of its core that any PMD had. */
export function scalingTable(scalings: readonly Scaling[]): Table {
  const titles = ["workload", "one PMD, Mpps", "two PMDs, Mpps", "ratio", "ratio with whole cores"];
  return {
    titles: [...titles, "cores they had: one", "two"],
    rows: scalings.map((scaling) => {
      const { asItWas, alone } = scalingRatios(scaling);
      const rate = (of: (round: Scaling["rounds"][number]) => BenchResult) =>
        median(scaling.rounds.map((round) => of(round).mpps)).toFixed(1);
      return [
        scaling.workload,
        rate(({ one }) => one),
        rate(({ two }) => two),
        asItWas.toFixed(2),
        alone.toFixed(2),
        percents(scaling.rounds.map(({ one }) => one)),
        percents(scaling.rounds.map(({ two }) => two)),
      ];
    }),
  };
}

/** Median share of its core of each PMD, over windows. */
function percents(results: readonly BenchResult[]): string {
  const windows = results.flatMap((result) => result.windows.flat());
  const shares = windows.map(({ running, shares }) => shares ?? [running]);
  const pmds = shares[0]?.length ?? 0;
  return Array.from({ length: pmds }, (_, i) => {
    const share = median(shares.map((each) => each[i] ?? 1));
    return `${(share * 100).toFixed(1)} %`;
  }).join(" + ");
}
