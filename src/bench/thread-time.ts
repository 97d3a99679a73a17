// How much of its core each busy thread of this process really had: what another process took from it
// makes a switch look slow.
import { readdirSync, readFileSync } from "node:fs";

/** Nanoseconds that every thread of a process has run so far, by thread id. */
export type ThreadTimes = ReadonlyMap<string, number>;

/** Reads the times of a process, this one when none is named; empty where the kernel does not tell. */
export function readThreadTimes(pid: number | "self" = "self"): ThreadTimes {
  const folder = `/proc/${pid}/task`;
  const times = new Map<string, number>();
  let threads: string[] = [];
  try {
    threads = readdirSync(folder);
  } catch {
    return times;
  }
  for (const thread of threads) {
    try {
      times.set(thread, Number(readFileSync(`${folder}/${thread}/schedstat`, "utf8").split(" ")[0]));
    } catch {
      // The thread has ended.
    }
  }
  return times;
}

/**
 * Share of the time that the `count` busiest threads ran between two readings `seconds` apart, on average;
 * 1 where the kernel does not tell. A PMD with work never sleeps, so what is missing was taken from it.
 */
export function runningShare(
  before: ThreadTimes,
  after: ThreadTimes,
  count: number,
  seconds: number,
): number {
  return runningShares(before, after, count, seconds).reduce((sum, share) => sum + share, 0) / count;
}

/** The same of each of them, the largest share first. */
export function runningShares(
  before: ThreadTimes,
  after: ThreadTimes,
  count: number,
  seconds: number,
): number[] {
  const shares = [...after].map(([thread, ns]) => (ns - (before.get(thread) ?? ns)) / (seconds * 1e9));
  shares.sort((x, y) => y - x);
  const busiest = shares.slice(0, count);
  if (busiest.length < count || busiest.some((share) => !(share > 0))) return new Array(count).fill(1);
  return busiest.map((share) => Math.min(1, share));
}
