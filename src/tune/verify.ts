// Proves a prediction on the real thing: a switch with its PMD on a thread of its own, the trace sent round and
// round, the caches changed while it runs.

import { setTimeout as sleep } from "node:timers/promises";
import { BenchSubject, type SubjectOptions } from "../bench/subject.ts";
import { readThreadTimes, runningShare } from "../bench/thread-time.ts";
import type { CacheSettings } from "./predict-hits.ts";

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

/** How long to measure. */
export interface VerifyPlan {
  /** Of the configurations so many are measured in any case; the others while there is time. */
  readonly least: number;
  /** Milliseconds for each, and for all of them. */
  readonly eachMs: number;
  readonly budgetMs: number;
}

const SETTLE_SECONDS = 1;
/** Rounds of the trace at most, where one miss in so many is inserted. */
const SETTLE_ROUNDS_MAX = 20;
const WINDOWS = 5;

/** Starts a switch and measures configurations in it, one after the other, the first ones first. Rejects as starting it does. */
export async function verify(
  subject: SubjectOptions,
  configurations: readonly CacheSettings[],
  plan: VerifyPlan,
  progress: (share: number) => void = () => {},
): Promise<Verified[]> {
  const running = await BenchSubject.start(subject);
  try {
    const verified: Verified[] = [];
    const start = performance.now();
    let slowest = 0;
    for (const [i, settings] of configurations.entries()) {
      const before = performance.now();
      if (i >= plan.least && before - start + slowest > plan.budgetMs) break;
      await settle(running, settings);
      verified.push(await measureRunning(running, plan.eachMs / 1000));
      slowest = Math.max(slowest, performance.now() - before);
      const gone = (performance.now() - start) / plan.budgetMs;
      progress(Math.max((i + 1) / configurations.length, Math.min(1, gone)));
    }
    return verified;
  } finally {
    await running.close();
  }
}

/**
 * Changes the caches and waits until they hold what they will. The bypass judges the microflow cache only then: by
 * its trials alone it would take many times as long to fill.
 */
async function settle(running: BenchSubject, settings: CacheSettings): Promise<void> {
  await running.changeSettings({ ...settings, "microflow.bypass": "off" });
  const wanted = running.rounds() + 1 + Math.min(SETTLE_ROUNDS_MAX, settings["microflow.insertInverse"]);
  await sleep(SETTLE_SECONDS * 1000);
  while (running.rounds() <= wanted) await sleep(20);
  if (settings["microflow.bypass"] === "off") return;
  await running.changeSettings({ "microflow.bypass": settings["microflow.bypass"] });
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
