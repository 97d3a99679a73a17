// Proves a prediction on the real thing: a switch with its PMD on a thread of its own, the trace sent round and
// round, the caches changed while it runs.

import { setTimeout as sleep } from "node:timers/promises";
import { BenchSubject, type SubjectOptions } from "../bench/subject.ts";
import { readThreadTimes, runningShare } from "../bench/thread-time.ts";
import type { Settings } from "../config/settings.ts";

/** What a configuration does in a running switch. */
export interface Verified {
  readonly mpps: number;
  readonly hits: {
    readonly microflow: number;
    readonly maskCache: number;
    readonly masked: number;
    readonly upcall: number;
  };
}

const SETTLE_SECONDS = 1;
const WINDOWS = 5;

/** Starts a switch and measures each of the configurations for `seconds`, all in one switch. Rejects as starting it does. */
export async function verify(
  subject: SubjectOptions,
  configurations: readonly Partial<Settings>[],
  seconds: number,
  progress: (share: number) => void = () => {},
): Promise<Verified[]> {
  const running = await BenchSubject.start(subject);
  try {
    const verified: Verified[] = [];
    for (const [i, settings] of configurations.entries()) {
      await running.changeSettings(settings);
      const rounds = running.rounds();
      await sleep(SETTLE_SECONDS * 1000);
      while (running.rounds() <= rounds + 1) await sleep(20);
      verified.push(await measureRunning(running, seconds));
      progress((i + 1) / configurations.length);
    }
    return verified;
  } finally {
    await running.close();
  }
}

async function measureRunning(running: BenchSubject, seconds: number): Promise<Verified> {
  const before = running.counters();
  const rates: number[] = [];
  for (let window = 0; window < WINDOWS; window++) {
    const from = running.counters().received;
    const threads = readThreadTimes();
    const start = performance.now();
    await sleep((seconds * 1000) / WINDOWS);
    const elapsed = (performance.now() - start) / 1000;
    const share = runningShare(threads, readThreadTimes(), 1, elapsed);
    rates.push((running.counters().received - from) / (elapsed * share) / 1e6);
  }
  const after = running.counters();
  const delta = (level: keyof Verified["hits"]): number => after.hits[level] - before.hits[level];
  const lookups = delta("microflow") + delta("maskCache") + delta("masked") + delta("upcall");
  return {
    mpps: rates.sort((a, b) => a - b)[WINDOWS >> 1]!,
    hits: {
      microflow: delta("microflow") / lookups,
      maskCache: delta("maskCache") / lookups,
      masked: delta("masked") / lookups,
      upcall: delta("upcall") / lookups,
    },
  };
}
