// The page of a measurement: start the switch, warm it up until it is steady, take its digest, measure
// windows, and make a result of them.
import { setTimeout as sleep } from "node:timers/promises";
import { PROFILE_BUCKETS_PER_OCTAVE } from "../../assembly/layout/profile.ts";
import type { ProfileName } from "../config/profiles.ts";
import { cycleCounter } from "../pmd/cycle-counter.ts";
import { addProfiles, profileBetween, type StageProfile } from "../pmd/stage-profiler.ts";
import { datapathStages } from "../pmd/stages.ts";
import { yardstickModule } from "../pmd/yardstick.ts";
import { measureClockGhz } from "./clock-speed.ts";
import { LoadWatch, readEnvironment } from "./environment.ts";
import { measureQuietWindows, QUIET_SHARE } from "./quiet-windows.ts";
import type { BenchResult, StageCost, Window } from "./result.ts";
import { summarize } from "./statistics.ts";
import { BenchSubject, type SubjectCounters, type SubjectOptions } from "./subject.ts";
import { readThreadTimes, runningShares } from "./thread-time.ts";
import { yardstickWindow } from "./yardstick-window.ts";

/** What is measured and for how long. */
export interface MeasureOptions {
  readonly name: string;
  readonly megaflow: string;
  readonly profile: ProfileName;
  readonly subject: SubjectOptions;
  /** Seconds of warm-up, at least. */
  readonly warmup: number;
  /** Windows of one run, and their length in seconds. */
  readonly windows: number;
  readonly seconds: number;
  /** Disturbed windows of a run that are measured again, at most. */
  readonly again: number;
  /** Switches that are started one after the other. */
  readonly runs: number;
  /** Runs are added, as many again each time, up to `limit` in all, while the result is `wanting`. */
  readonly more?: { readonly limit: number; readonly wanting: (result: BenchResult) => boolean };
  /** Hears how far it is: 0 to 1. */
  readonly progress: (share: number, what: string) => void;
}

/** A trace shorter than this is learned by branch predictors. */
const TRACE_MIN = 100_000;
/** Traffic that is not settled by then never will be: more flows than the limits hold. */
const WARMUP_LIMIT_SECONDS = 60;
const LOOK_MS = 20;
/** Longest that a window without a single packet goes on. */
const WINDOW_LIMIT_MS = 30_000;
interface Run {
  readonly windows: Window[];
  readonly repeated: number;
  readonly before: SubjectCounters;
  readonly after: SubjectCounters;
  readonly elapsed: number;
  readonly profile: StageProfile;
  readonly hash: string;
  readonly settled: boolean;
  readonly placement: string[];
  readonly pmds: number;
  readonly packets: number;
}

/** Measures. Rejects as starting the switch does. */
export async function measure(options: MeasureOptions): Promise<BenchResult> {
  const load = new LoadWatch();
  const runs: Run[] = [];
  for (;;) {
    const first = runs.length;
    for (let i = 0; i < options.runs; i++) {
      const progress = (share: number, what: string) =>
        options.progress((i + share) / options.runs, first === 0 ? what : `undecided: ${what} again`);
      runs.push(await measureRun({ ...options, progress }));
    }
    const result = resultOf(options, runs, load.others());
    const { limit = 0, wanting = () => false } = options.more ?? {};
    if (runs.length + options.runs > limit || !wanting(result)) return result;
  }
}

async function measureRun(options: MeasureOptions): Promise<Run> {
  const subject = await BenchSubject.start(options.subject);
  try {
    const total = options.warmup + options.windows * options.seconds;
    const settled = await warmUp(subject, options.warmup, (seconds) =>
      options.progress(Math.min(seconds, options.warmup) / total, "warming up"),
    );
    const hash = await subject.digest();
    const profileBefore = subject.profile();
    const before = subject.counters();
    const start = performance.now();
    const { windows, repeated } = await measureQuietWindows(
      options.windows,
      options.again,
      () => measureWindow(subject, options.seconds),
      (done) => options.progress((options.warmup + done * options.seconds) / total, "measuring"),
    );
    const elapsed = (performance.now() - start) / 1000;
    const after = subject.counters();
    const profile = profileBetween(profileBefore, subject.profile());
    const { placement, pmdCount: pmds, packets } = subject;
    return { windows, repeated, before, after, elapsed, profile, hash, settled, placement, pmds, packets };
  } finally {
    await subject.close();
  }
}

/** True once every packet of a whole round of the trace found its megaflow, false when that does not come about. */
async function warmUp(
  subject: BenchSubject,
  atLeast: number,
  progress: (seconds: number) => void,
): Promise<boolean> {
  const start = performance.now();
  let misses = -1;
  let quietFrom = 0;
  for (;;) {
    // Misses, not upcalls: while the controller is kept from its core, packets wait behind an upcall or are lost.
    const now = subject.counters().hits.upcall;
    const rounds = subject.rounds();
    if (now !== misses) {
      misses = now;
      // The round that is under way was not quiet from its start.
      quietFrom = rounds + 1;
    }
    const seconds = (performance.now() - start) / 1000;
    const settled = rounds > quietFrom;
    if (seconds >= atLeast && (settled || seconds >= WARMUP_LIMIT_SECONDS)) return settled;
    progress(seconds);
    await sleep(LOOK_MS);
  }
}

async function measureWindow(subject: BenchSubject, seconds: number): Promise<Window> {
  const threads = readThreadTimes();
  const yardsticks = subject.yardsticks();
  const before = subject.counters();
  const start = performance.now();
  await sleep(seconds * 1000);
  let now = subject.counters();
  // A window in which others had the PMDs' cores all the time goes on until there is something to measure.
  while (now.received === before.received && performance.now() - start < WINDOW_LIMIT_MS) {
    await sleep(LOOK_MS);
    now = subject.counters();
  }
  const packets = now.transmitted - before.transmitted;
  const elapsed = (performance.now() - start) / 1000;
  const yardsticksAfter = subject.yardsticks();
  const shares = runningShares(threads, readThreadTimes(), subject.pmdCount, elapsed);
  const running = shares.reduce((sum, share) => sum + share, 0) / shares.length;
  const spent = yardsticksAfter.reduce((sum, { spent }, i) => sum + spent - yardsticks[i]!.spent, 0);
  const working = elapsed - spent / subject.pmdCount / cycleCounter().ghz / 1e9;
  const yardstick = yardstickWindow(subject.yardstickReadings(yardsticks, yardsticksAfter));
  return {
    mpps: packets / working / 1e6,
    running,
    ...(shares.length > 1 ? { shares } : {}),
    ...(yardstick === undefined ? {} : { yardstick }),
  };
}

function resultOf(options: MeasureOptions, runs: readonly Run[], others: readonly string[]): BenchResult {
  const { subject } = options;
  const [first] = runs as [Run];
  const rates = summarize(runs.flatMap((run) => run.windows.map((window) => window.mpps)));
  const sum = (of: (run: Run) => number) => runs.reduce((total, run) => total + of(run), 0);
  const delta = (of: (counters: SubjectCounters) => number) => sum((run) => of(run.after) - of(run.before));
  const received = delta((counters) => counters.received);
  const transmitted = delta((counters) => counters.transmitted);
  const { ghz } = cycleCounter();
  // Windows count packets that leave; a packet may leave several times, or not at all.
  const copies = received === 0 ? 1 : transmitted / received;
  const busySeconds = sum((run) => run.elapsed * run.pmds);
  const nsPerPacket =
    rates.median > 0 && copies > 0
      ? (1000 * first.pmds * copies) / rates.median
      : (busySeconds * 1e9) / Math.max(1, received);
  const hits = hitShares(delta);
  const profile = runs.map((run) => run.profile).reduce(addProfiles);
  return {
    name: options.name,
    mpps: rates.median,
    nsPerPacket,
    cyclesPerPacket: nsPerPacket * ghz,
    spread: rates.spread,
    windows: runs.map((run) => run.windows),
    repeated: sum((run) => run.repeated),
    rxPackets: received,
    drops: delta((counters) => counters.dropped),
    upcallLost: delta((counters) => counters.upcallLost),
    upcalls: delta((counters) => counters.upcalls),
    hits: hits.shares,
    masksPerLookup: delta((counters) => counters.masksVisited) / Math.max(1, hits.lookups),
    megaflows: first.after.megaflows,
    masks: first.after.masks,
    stages: stageCosts(profile, ghz),
    batchLatencyNs: batchLatency(profile, ghz),
    tracePackets: first.packets,
    hash: first.hash,
    yardstick: yardstickModule().version,
    warnings: warningsOf(runs),
    environment: {
      megaflow: options.megaflow,
      profile: options.profile,
      settings: subject.settings,
      fifoFrames: subject.fifoFrames === true,
      pmdCores: subject.cores,
      placement: first.placement,
      portMode:
        "trace in linear memory, each packet copied into a fresh frame; null ports that count and recycle",
      cyclesPerNs: ghz,
      clockGhz: measureClockGhz(),
      ...readEnvironment(others),
    },
  };
}

function hitShares(delta: (of: (counters: SubjectCounters) => number) => number) {
  const microflow = delta((counters) => counters.hits.microflow);
  const maskCache = delta((counters) => counters.hits.maskCache);
  const masked = delta((counters) => counters.hits.masked);
  const upcall = delta((counters) => counters.hits.upcall);
  const lookups = microflow + maskCache + masked + upcall;
  const share = (hits: number) => hits / Math.max(1, lookups);
  const shares = {
    microflow: share(microflow),
    maskCache: share(maskCache),
    masked: share(masked),
    upcall: share(upcall),
  };
  return { lookups, shares };
}

function warningsOf(runs: readonly Run[]): string[] {
  const warnings: string[] = [];
  const [first] = runs as [Run];
  if (runs.some((run) => !run.settled)) {
    warnings.push(
      "the traffic does not settle: every round of the trace makes upcalls (see flowLimit, maskLimit)",
    );
  }
  if (first.packets < TRACE_MIN) {
    warnings.push(
      `the trace has ${first.packets} packets: branch predictors learn one under ${TRACE_MIN}, and the rate is too good`,
    );
  }
  const running = Math.min(...runs.flatMap((run) => run.windows.map((window) => window.running)));
  if (running < QUIET_SHARE) {
    warnings.push(
      `in the worst window the PMDs had only ${(running * 100).toFixed(0)} % of their cores: other processes run there`,
    );
  }
  if (new Set(runs.map((run) => run.hash)).size > 1) warnings.push("the runs sent different bytes");
  return warnings;
}

function stageCosts(profile: StageProfile, ghz: number): StageCost[] {
  if (profile.packets === 0) return [];
  return datapathStages.map((stage, i) => {
    const cycles = profile.cycles[i]! / profile.packets;
    return { stage: stage.title, cycles, ns: cycles / ghz };
  });
}

/** Percentiles off the histogram, interpolated within a bucket. */
function batchLatency(profile: StageProfile, ghz: number): BenchResult["batchLatencyNs"] {
  const total = profile.histogram.reduce((sum, count) => sum + count, 0);
  if (total === 0) return null;
  const at = (share: number) => {
    let left = total * share;
    for (let i = 0; i < profile.histogram.length; i++) {
      const count = profile.histogram[i]!;
      if (left <= count) return 2 ** ((i + left / count) / PROFILE_BUCKETS_PER_OCTAVE) / ghz;
      left -= count;
    }
    return Number.POSITIVE_INFINITY;
  };
  return { p50: at(0.5), p99: at(0.99), p999: at(0.999) };
}
