// Profiles a running switch: has every PMD write the lookups of a sample of its connections into a ring, and a
// thread of its own turn them into miss-ratio curves. It costs a PMD under 2 % of its throughput: what few
// connections make up for in sampling, they pay for by being sampled a small part of the time.

import { isDeepStrictEqual } from "node:util";
import { Worker } from "node:worker_threads";
import { Command } from "../../assembly/layout/command.ts";
import { RegionId, Setting } from "../../assembly/layout/pmd.ts";
import type { Region } from "../datapath/memory.ts";
import { ringInit } from "../datapath/ring.ts";
import type { Pmd } from "../pmd/pmd.ts";
import type { Switch } from "../switch.ts";
import type { LivePolicy, LiveSize, MissRatioCurves } from "./live-curves.ts";
import { asksMaskCache } from "./mask-cache-sim.ts";
import type { ProfileNews, ProfileOrder } from "./profile-worker.ts";

/** What the profiler knows of one PMD. */
export interface PmdProfile extends MissRatioCurves {
  readonly pmd: number;
  /** Share of the time that its connections are sampled. */
  readonly onShare: number;
}

/** Runs from src by tsx as well as from dist: the thread is the file beside this one, in the same language. */
const fromSource = import.meta.url.endsWith(".ts");
const workerFile = new URL(fromSource ? "./profile-worker.ts" : "./profile-worker.js", import.meta.url);

const RING_BYTES = 2 << 20;
/** One connection in so many, by the connections that are alive: least of them, sampling. */
const SAMPLINGS = [
  [131_072, 256],
  [16_384, 64],
  [2048, 8],
  [0, 1],
] as const;
const SAMPLING_FIRST = 64;
/** One packet in so many is written, in the long run. */
const BUDGET = 512;
/** A time of sampling, in ms: longer where more connections have to come round in it. */
const WINDOW_MS = 40;
const WINDOW_MS_A_SAMPLING = 2;

interface Watch {
  readonly pmd: Pmd;
  readonly ring: Region;
  sampling: number;
  on: boolean;
  /** Time at which it is turned on or off, by performance.now(). */
  next: number;
  latest: MissRatioCurves | undefined;
  /** What its caches were simulated as. */
  policy: LivePolicy;
}

/** See the head of the file. */
export class LiveProfiler {
  readonly #owner: Switch;
  readonly #worker: Worker;
  readonly #watches = new Map<number, Watch>();
  readonly #timer: NodeJS.Timeout;

  /** Begins to profile; `stop` ends it. */
  constructor(owner: Switch) {
    this.#owner = owner;
    const workerData = { memory: owner.memory.wasm };
    // tsx takes part in what is imported, but not in a thread's first file.
    this.#worker = fromSource
      ? new Worker(sourceStarter(), { workerData, eval: true })
      : new Worker(workerFile, { workerData });
    this.#worker.unref();
    this.#worker.on("message", (news: ProfileNews) => this.#take(news));
    this.#timer = setInterval(() => this.#turn(), WINDOW_MS / 2);
    this.#timer.unref();
    this.#turn();
  }

  /** The curves of every PMD that has sent something, as plain JSON. */
  missRatioCurves(): PmdProfile[] {
    const profiles: PmdProfile[] = [];
    for (const [pmd, watch] of this.#watches) {
      if (watch.latest === undefined) continue;
      const sizes = watch.latest.sizes.map((size) => this.#asked(size, watch.pmd));
      profiles.push({ pmd, onShare: onShare(watch.sampling), ...watch.latest, sizes });
    }
    return profiles.sort((a, b) => a.pmd - b.pmd);
  }

  /** A size without what a mask cache would answer, where none is asked. */
  #asked(size: LiveSize, pmd: Pmd): LiveSize {
    const victim = this.#owner.settings["maskCache.victim"];
    if (asksMaskCache({ entries: 1, victim }, pmd.stats.masks)) return size;
    return { ...size, maskCache: size.maskCache.map((cell) => ({ ...cell, missRatio: size.missRatio })) };
  }

  /** Ends it; the PMDs' rings are given back with the PMDs. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    for (const watch of this.#watches.values()) this.#set(watch, false);
    await this.#worker.terminate();
  }

  /** Turns sampling on and off where it is time to, and finds new PMDs. */
  #turn(): void {
    for (const pmd of this.#owner.pmds) {
      if (this.#watches.get(pmd.index)?.pmd !== pmd) this.#attach(pmd);
    }
    const now = performance.now();
    for (const watch of this.#watches.values()) {
      if (!isDeepStrictEqual(watch.policy, policyOf(this.#owner))) this.#order(watch);
      if (now < watch.next || watch.pmd.layout.owned.length === 0) continue;
      const share = onShare(watch.sampling);
      if (share === 1) this.#set(watch, true);
      else this.#set(watch, !watch.on);
      const window = Math.max(WINDOW_MS, watch.sampling * WINDOW_MS_A_SAMPLING);
      watch.next = now + (watch.on ? window : window * (1 / share - 1));
    }
  }

  #attach(pmd: Pmd): void {
    const ring = this.#owner.memory.allocate(RING_BYTES + 4096, `PMD ${pmd.index}: sample ring`);
    ringInit(this.#owner.memory, ring);
    // Given back when the PMD ends.
    pmd.layout.owned.push(ring);
    pmd.channel.plain(Command.REGION, RegionId.SAMPLE_RING, ring.base, ring.size);
    const policy = policyOf(this.#owner);
    const watch: Watch = {
      pmd,
      ring,
      sampling: SAMPLING_FIRST,
      on: false,
      next: 0,
      latest: undefined,
      policy,
    };
    this.#watches.set(pmd.index, watch);
    this.#order(watch);
  }

  #take({ pmd, curves }: ProfileNews): void {
    const watch = this.#watches.get(pmd);
    if (watch === undefined || curves.sampling !== watch.sampling) return;
    watch.latest = curves;
    const fitting = samplingOf(curves.connections);
    // Between two samplings the finer one stays until it is clearly too fine.
    const coarser = fitting > watch.sampling && curves.connections < watch.sampling * 4096;
    if (fitting === watch.sampling || coarser || curves.sampled < 500) return;
    watch.sampling = fitting;
    this.#set(watch, false);
    watch.next = 0;
    this.#order(watch);
  }

  #set(watch: Watch, on: boolean): void {
    if (watch.on === on || watch.pmd.layout.owned.length === 0) return;
    watch.on = on;
    watch.pmd.channel.plain(Command.SET, Setting.SAMPLE, on ? 1 + Math.log2(watch.sampling) : 0);
  }

  /** Has the worker begin anew with a PMD. */
  #order(watch: Watch): void {
    const { pmd, ring, sampling } = watch;
    watch.policy = policyOf(this.#owner);
    const order: ProfileOrder = { pmd: pmd.index, ring: ring.base, sampling, policy: watch.policy };
    this.#worker.postMessage(order);
  }
}

function policyOf({ settings }: Switch): LivePolicy {
  return {
    mode: settings["microflow.mode"],
    insertInverse: settings["microflow.insertInverse"],
    victim: settings["maskCache.victim"],
  };
}

/** A program that makes its thread read TypeScript, and then runs the worker. */
function sourceStarter(): string {
  const [tsx, worker] = [import.meta.resolve("tsx/esm/api"), workerFile.href].map((url) =>
    JSON.stringify(url),
  );
  return `import(${tsx}).then(({ register }) => { register(); return import(${worker}); });`;
}

/** One connection in so many is sampled where so many are alive. */
export function samplingOf(connections: number): number {
  return SAMPLINGS.find(([least]) => connections >= least)![1];
}

/** Share of the time that a sample of one connection in so many is taken. */
export function onShare(sampling: number): number {
  return Math.min(1, sampling / BUDGET);
}
