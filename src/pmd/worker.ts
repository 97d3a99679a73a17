// The thread of a PMD: pins itself to its core, starts the datapath over the shared memory and polls. Each
// turn of the loop is one bounded call into wasm; there is no JavaScript, allocation or system call a packet.

import {
  PMD_CLOCK_US,
  PMD_KICK_COUNT,
  PMD_REGIONS,
  PMD_SIGNAL,
  PMD_STOP,
  RegionId,
} from "../../assembly/layout/pmd.ts";
import { RING_HEAD } from "../../assembly/layout/ring.ts";
import { clockMs, clockUs } from "../datapath/clock-us.ts";
import { startDatapath } from "../datapath/instance.ts";
import { SwitchMemory } from "../datapath/memory.ts";
import { loadNative } from "../native.ts";
import { Idle, type IdleMode } from "./idle.ts";
import { Kicks } from "./kicks.ts";
import { RxqCycles } from "./rxq-cycles.ts";
import { PROFILE_BURST_INTERVAL, StageProfiler } from "./stage-profiler.ts";
import { TimeAccount } from "./time-account.ts";
import { Yardstick, type YardstickTask } from "./yardstick.ts";

/** What a worker is started with. */
export interface WorkerTask {
  readonly memory: WebAssembly.Memory;
  readonly module: WebAssembly.Module;
  readonly control: number;
  /** CPU to run on; -1 = wherever the system likes. */
  readonly core: number;
  /** Start of the switch's clock, as clockMs() gives it. */
  readonly epochMs: number;
  /** Address of the word that wakes the controller. */
  readonly wakeWord: number;
  readonly idle: IdleMode;
  /** Eventfds of all PMDs by index; empty where there is no addon. */
  readonly events: readonly number[];
  /** Number of the PMD. */
  readonly index: number;
  /** There where a bench measures. */
  readonly yardstick?: YardstickTask | undefined;
}

/** What it says when it is told to stop. */
export interface WorkerResult {
  readonly polls: number;
}

/** Turns of the datapath a call: about 4,096 packets, well under a millisecond. */
const TURNS = 64;

/** Calls between two accounts of the receive queues: tens of times a second under load. */
const RXQ_CYCLES_INTERVAL = 1024;

/** Runs until PMD_STOP is set. */
export default function runPmd(task: WorkerTask): WorkerResult {
  const native = loadNative().addon;
  if (task.core >= 0) native?.setAffinity(task.core);
  const memory = new SwitchMemory(task.memory);
  const datapath = startDatapath(memory, task.control, task.module);
  const profiler = new StageProfiler(memory, task.control, datapath);
  const time = new TimeAccount(memory, task.control);
  const rxqCycles = new RxqCycles(memory, task.control);
  const yardstick =
    task.yardstick === undefined ? undefined : new Yardstick(memory, task.control, task.yardstick);
  const words = memory.i32;
  const idle = new Idle(memory, task.control, native, task.idle, task.events[task.index] ?? -1);
  const kicks = native === undefined ? undefined : new Kicks(memory, task.control, native, task.events);
  const kickCount = (task.control + PMD_KICK_COUNT) / 4;
  const stop = (task.control + PMD_STOP) / 4;
  const signal = (task.control + PMD_SIGNAL) / 4;
  const upcallRing = memory.u32[(task.control + PMD_REGIONS) / 4 + RegionId.UPCALL_RING * 2]!;
  const upcallHead = (upcallRing + RING_HEAD) >>> 2;
  const wake = task.wakeWord / 4;
  const clock = (task.control + PMD_CLOCK_US) / 4;
  let seen = words[upcallHead]!;
  let polls = 0;
  while (Atomics.load(words, stop) === 0) {
    words[clock] = clockUs();
    const worked = datapath.poll(TURNS, clockMs() - task.epochMs);
    yardstick?.polled(worked);
    polls++;
    if (polls % (PROFILE_BURST_INTERVAL / TURNS) === 0) profiler.timeBurst();
    if (polls % RXQ_CYCLES_INTERVAL === 0) rxqCycles.update();
    time.polled(worked !== 0);
    if (words[upcallHead] !== seen) {
      seen = words[upcallHead]!;
      Atomics.add(words, wake, 1);
      Atomics.notify(words, wake);
    }
    const kicked = words[kickCount] !== 0 && kicks?.serve() === true;
    if (worked !== 0 || kicked) idle.busy();
    else if (idle.wait()) time.slept();
    Atomics.store(words, signal, 0);
  }
  return { polls };
}
