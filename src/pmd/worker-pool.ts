// Workers for PMDs: a piscina pool with one thread and one task, for ever, a PMD.

import { Piscina } from "piscina";
import { PMD_SIGNAL, PMD_STOP } from "../../assembly/layout/pmd.ts";
import { datapathModule } from "../datapath/instance.ts";
import type { SwitchMemory } from "../datapath/memory.ts";
import type { IdleMode } from "./idle.ts";
import type { Pmd, PmdRunner } from "./pmd.ts";
import type { WorkerResult, WorkerTask } from "./worker.ts";
import type { YardstickTask } from "./yardstick.ts";

/** How a worker's life ended that was not told to. */
export type DeathListener = (pmd: Pmd, error: Error) => void;

/** Runs from src by tsx as well as from dist: the worker is the file beside this one, in the same language. */
const fromSource = import.meta.url.endsWith(".ts");
const workerFile = new URL(fromSource ? "./worker.ts" : "./worker.js", import.meta.url).href;

/** The threads of a switch. */
export class WorkerPool {
  readonly #pool: Piscina;
  readonly #memory: SwitchMemory;
  readonly #epochMs: number;
  readonly #wakeWord: number;
  readonly #idle: IdleMode;
  readonly #events: readonly number[];

  /** `events` are the eventfds of the PMDs, one a thread, or none. */
  constructor(
    memory: SwitchMemory,
    threads: number,
    wakeWord: number,
    epochMs: number,
    idle: IdleMode,
    events: readonly number[],
  ) {
    this.#memory = memory;
    this.#wakeWord = wakeWord;
    this.#epochMs = epochMs;
    this.#idle = idle;
    this.#events = events;
    this.#pool = new Piscina({
      filename: workerFile,
      minThreads: threads,
      maxThreads: threads,
      concurrentTasksPerWorker: 1,
      atomics: "disabled",
      ...(fromSource ? { execArgv: ["--import", import.meta.resolve("tsx")] } : {}),
    });
  }

  /** Starts the PMD's thread on a core (-1 = anywhere). */
  start(pmd: Pmd, core: number, died: DeathListener, yardstick?: YardstickTask): WorkerRunner {
    const task: WorkerTask = {
      memory: this.#memory.wasm,
      module: datapathModule(),
      control: pmd.layout.control,
      core,
      epochMs: this.#epochMs,
      wakeWord: this.#wakeWord,
      idle: this.#idle,
      events: this.#events,
      index: pmd.index,
      yardstick,
    };
    const runner = new WorkerRunner(pmd, this.#pool.run(task) as Promise<WorkerResult>, died);
    pmd.runner = runner;
    return runner;
  }

  /** The operating-system side of the threads, for tests that end one. */
  get threads(): Piscina["threads"] {
    return this.#pool.threads;
  }

  /** Ends all threads. */
  async close(): Promise<void> {
    await this.#pool.destroy();
  }
}

/** A PMD on a thread of its own. */
export class WorkerRunner implements PmdRunner {
  readonly #pmd: Pmd;
  readonly #ended: Promise<void>;
  #stopping = false;

  constructor(pmd: Pmd, task: Promise<WorkerResult>, died: DeathListener) {
    this.#pmd = pmd;
    this.#ended = task.then(
      () => undefined,
      (error: unknown) => {
        if (!this.#stopping) died(pmd, error instanceof Error ? error : new Error(String(error)));
      },
    );
  }

  relieve(): void {
    // The ring is full because the worker is behind, or waits for room for its replies: make that room.
    this.#pmd.handler.drain();
    Atomics.wait(this.#pmd.memory.i32, (this.#pmd.layout.control + PMD_STOP) / 4, 0, 1);
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    const { i32 } = this.#pmd.memory;
    Atomics.store(i32, (this.#pmd.layout.control + PMD_STOP) / 4, 1);
    const signal = (this.#pmd.layout.control + PMD_SIGNAL) / 4;
    Atomics.store(i32, signal, 1);
    Atomics.notify(i32, signal);
    this.#pmd.channel.wake();
    await this.#ended;
  }
}
