// A soak: connections come and go, and rules change, for minutes. At the end memory must have stayed flat, every
// packet and every counter must be accounted for, no packet overtaken another one of its connection or met rules
// that were not, and no PMD stood still. soak-main.ts is its command.

import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { FrameStore } from "../../src/bench/pipeline/frame-store.ts";
import { workloadRules } from "../../src/bench/workload/generate.ts";
import { completeSpec } from "../../src/bench/workload/spec.ts";
import { defaultSettings } from "../../src/config/settings.ts";
import { loadNative } from "../../src/native.ts";
import { placeTrace } from "../../src/netdev/trace.ts";
import type { OfPort } from "../../src/openflow/port.ts";
import { clockGhz } from "../../src/pmd/cycle-counter.ts";
import { forgetLongest, readPmdTime } from "../../src/pmd/time-account.ts";
import { ThreadedSwitch } from "../../src/threaded-switch.ts";
import { ChurnLoad } from "./churn-load.ts";

/** Where and how long. */
export interface SoakOptions {
  readonly seconds: number;
  readonly pmdCore: number;
  readonly controllerCore: number;
  /** Connections alive at a time. */
  readonly connections: number;
  readonly log: (line: string) => void;
}

/** What came of it. */
export interface SoakResult {
  readonly seconds: number;
  readonly packets: number;
  readonly changes: number;
  readonly megaflowsRemoved: number;
  /** Sizes in MiB, averaged over the second and the last quarter. */
  readonly rssMiB: readonly [number, number];
  readonly heapMiB: readonly [number, number];
  readonly linearMiB: readonly [number, number];
  /** Longest time that the PMD did not look at its queues, and the longest that the system kept its core from it. */
  readonly longestStallMs: number;
  readonly longestRobbedMs: number;
  /** What is wrong; empty when all is well. */
  readonly faults: readonly string[];
}

interface Sizes {
  readonly rss: number;
  readonly heap: number;
  readonly linear: number;
}

const QUIET_PORT = 2 as OfPort;
const QUIET_RULES = completeSpec({ flows: 1000, masks: 16 });
const BURST = 128;
const CHANGE_EVERY_MS = 100;
/** Longest that a PMD may keep its queues waiting, in milliseconds. */
export const STALL_MAX_MS = 50;
/** What a size may grow by from the second quarter to the last: this share, and so many MiB in any case. */
export const GROWTH_SHARE = 0.05;
export const GROWTH_MIB = 24;
/** Time between two lines of progress. */
const PROGRESS_MS = 30_000;
const WARM_UP_MS = 1000;
/** A shorter run is all growth: code is compiled, heaps find their size. */
const GROWTH_SECONDS = 60;
/** Versions of the rules that there are at least, however slow the machine, and the time they may take. */
const CHANGES_MIN = 4;
const PATIENCE_MS = 120_000;

/** Runs the soak. */
export async function soak(options: SoakOptions): Promise<SoakResult> {
  loadNative().addon?.setAffinity(options.controllerCore);
  let load: ChurnLoad | undefined;
  const owner = new ThreadedSwitch({
    settings: { ...defaultSettings, maxIdleMs: 2000 },
    seed: 1n,
    cores: [options.pmdCore],
    log: options.log,
    sent: (port, bytes) => load?.take(port, bytes),
    ruleRemoved: (removal) => load?.ruleRemoved(removal),
  });
  try {
    for (const number of [1, 2, 3, 4, 5]) {
      const transmit = number === 3 || number === 4 ? "ring" : "null";
      owner.addPort({ number: number as OfPort, name: `p${number}`, transmit });
    }
    load = new ChurnLoad(owner, options.connections);
    await load.change(quietRules());
    const frames = FrameStore.ofWorkload(QUIET_RULES).packets();
    owner.addTrace(QUIET_PORT, { ...placeTrace(owner.memory, frames), leftOut: 0 });
    const sizes = await run(owner, load, options);
    return await verdict(owner, load, options, sizes);
  } finally {
    await owner.close();
  }
}

/** Established traffic on a port of its own, which no version of the rules changes. */
function quietRules(): string {
  return [...workloadRules(QUIET_RULES)]
    .map((rule) => rule.replaceAll("in_port=1,", "in_port=2,").replace(/output:\d+/, "output:5"))
    .join("\n");
}

interface Course {
  readonly sizes: readonly Sizes[];
  readonly longestStallMs: number;
  readonly longestRobbedMs: number;
}

async function run(owner: ThreadedSwitch, load: ChurnLoad, options: SoakOptions): Promise<Course> {
  const { pmds, memory } = owner;
  const quiet = quietRules();
  const robbed = new RobbedWatch(options.pmdCore);
  const sizes: Sizes[] = [];
  const start = performance.now();
  let changedMs = start;
  let sampledMs = start;
  let toldMs = start;
  let warm = false;
  let changing: Promise<void> = Promise.resolve();
  const isOver = (ms: number): boolean =>
    ms >= options.seconds * 1000 && (load.version >= CHANGES_MIN || ms >= PATIENCE_MS);
  while (!isOver(performance.now() - start)) {
    load.send(BURST);
    await sleep(1);
    const now = performance.now();
    robbed.look();
    if (!warm && now - start > Math.min(WARM_UP_MS, options.seconds * 250)) {
      warm = true;
      forgetLongest(memory, pmds[0]!.layout.control);
      robbed.forget();
    }
    if (now - changedMs > CHANGE_EVERY_MS) {
      changedMs = now;
      changing = changing.then(() => load.change(quiet));
    }
    if (now - toldMs > PROGRESS_MS) {
      toldMs = now;
      options.log(
        `${((now - start) / 1000).toFixed(0)} of ${options.seconds} s: ${load.sent} packets, ${load.version} versions of the rules, resident ${(process.memoryUsage().rss / 2 ** 20).toFixed(0)} MiB`,
      );
    }
    if (now - sampledMs > 1000 || sizes.length === 0) {
      sampledMs = now;
      const { rss, heapUsed } = process.memoryUsage();
      sizes.push({ rss, heap: heapUsed, linear: memory.allocated });
    }
  }
  await changing;
  const cycles = readPmdTime(memory, pmds[0]!.layout.control).longest;
  return { sizes, longestStallMs: cycles / clockGhz() / 1e6, longestRobbedMs: robbed.longestMs };
}

async function verdict(
  owner: ThreadedSwitch,
  load: ChurnLoad,
  options: SoakOptions,
  course: Course,
): Promise<SoakResult> {
  await owner.drain();
  await owner.settled();
  // What was sent is handed over, and what was counted credited, a little later.
  const start = performance.now();
  while (accountFaults(owner, load).length > 0 && performance.now() - start < PATIENCE_MS) await sleep(20);
  const { removed } = owner.revalidatorStats();
  const result = {
    seconds: options.seconds,
    packets: load.sent,
    changes: load.version,
    megaflowsRemoved: removed.idle + removed.changed + removed.flowLimit,
    rssMiB: quarters(course.sizes, ({ rss }) => rss),
    heapMiB: quarters(course.sizes, ({ heap }) => heap),
    linearMiB: quarters(course.sizes, ({ linear }) => linear),
    longestStallMs: course.longestStallMs,
    longestRobbedMs: course.longestRobbedMs,
  };
  const faults = [...accountFaults(owner, load), ...trafficFaults(load)];
  for (const name of ["rssMiB", "heapMiB", "linearMiB"] as const) {
    const [before, after] = result[name];
    if (options.seconds < GROWTH_SECONDS) continue;
    if (after > before * (1 + GROWTH_SHARE) && after > before + GROWTH_MIB) {
      faults.push(`${name} grew from ${before.toFixed(0)} to ${after.toFixed(0)}`);
    }
  }
  const own = result.longestStallMs - result.longestRobbedMs;
  if (own > STALL_MAX_MS) faults.push(`the PMD stood still for ${own.toFixed(0)} ms`);
  return { ...result, faults };
}

function quarters(sizes: readonly Sizes[], of: (sizes: Sizes) => number): [number, number] {
  const quarter = Math.max(1, Math.floor(sizes.length / 4));
  const mean = (some: readonly Sizes[]) =>
    some.reduce((sum, one) => sum + of(one), 0) / some.length / 2 ** 20;
  return [mean(sizes.slice(quarter, 2 * quarter + 1)), mean(sizes.slice(-quarter))];
}

function trafficFaults({ faults }: ChurnLoad): string[] {
  return Object.entries(faults)
    .filter(([, count]) => count > 0)
    .map(([what, count]) => `${count} packets ${what}`);
}

/** Sums that have to agree when nothing is under way. */
function accountFaults(owner: ThreadedSwitch, load: ChurnLoad): string[] {
  const all = owner.stats();
  const sum = (name: "RX" | "FORWARDED" | "DROPPED" | "CONSUMED") =>
    all.reduce((total, { counters }) => total + counters[name], 0);
  const ended = sum("FORWARDED") + sum("DROPPED") + sum("CONSUMED");
  const { entry, versions } = load.counted();
  const { upcallsLost } = owner.portCounters(1 as OfPort);
  const { frames } = owner.pmds[0]!.frames;
  const checks: [string, number, number][] = [
    ["packets that ended", ended, sum("RX")],
    ["packets that came out or were lost waiting", load.received + upcallsLost, load.sent],
    ["packets that the entry rule counted", entry, load.received],
    ["packets that the versions' rules counted", versions, load.received],
    ["free frames", owner.pmds[0]!.stats.freeFrames, frames],
  ];
  return checks
    .filter(([, is, should]) => is !== should)
    .map(([what, is, should]) => `${what}: ${is} instead of ${should}`);
}

/** Sees how long the system keeps a core from the thread that is bound to it, 0 where nobody tells. */
class RobbedWatch {
  longestMs = 0;
  readonly #file: string | undefined;
  #last: number;

  constructor(core: number) {
    const threads = readdirSync("/proc/self/task").filter((task) => Number(task) !== process.pid);
    const allowed = (task: string) =>
      /Cpus_allowed_list:\s*(\S+)/.exec(readFileSync(`/proc/self/task/${task}/status`, "utf8"))?.[1];
    const bound = threads.filter((task) => allowed(task) === String(core));
    this.#file = bound.length === 0 ? undefined : `/proc/self/task/${bound.at(-1)}/schedstat`;
    this.#last = this.#waitedMs();
  }

  /** To be called often: what is seen is the time robbed between two calls. */
  look(): void {
    const waited = this.#waitedMs();
    this.longestMs = Math.max(this.longestMs, waited - this.#last);
    this.#last = waited;
  }

  forget(): void {
    this.longestMs = 0;
  }

  #waitedMs(): number {
    if (this.#file === undefined) return 0;
    return Number(readFileSync(this.#file, "utf8").split(" ")[1]) / 1e6;
  }
}
