// The switch of `megaflow run`: PMDs on worker threads, ports over captures.

import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import type { RealPortConfig } from "../config/real-port-config.ts";
import type { PortConfig } from "../config/run-config.ts";
import { type Control, openControl } from "../control/open.ts";
import { ConfigError, MegaflowError } from "../errors.ts";
import type { FlowChange, FlowText } from "../flow-changes.ts";
import { loadNative, type NativeAddon } from "../native.ts";
import { feedCapture } from "../netdev/capture-port.ts";
import { CaptureReader } from "../netdev/pcap/reader.ts";
import { CaptureWriter } from "../netdev/pcap/writer.ts";
import { loadTrace } from "../netdev/trace.ts";
import type { OfPort } from "../openflow/port.ts";
import { servePage } from "../page/serve.ts";
import type { PageServer } from "../page/server.ts";
import { kernelTscGhz } from "../pmd/cycle-counter.ts";
import { ThreadedSwitch } from "../threaded-switch.ts";
import { stopProfiler } from "../tune/profilers.ts";
import type { RunEngine, RunEngineOptions } from "./engine.ts";
import { packageVersion } from "./environment.ts";
import { toOfPort } from "./ports.ts";
import { countersOf, megaflowsOf, tablesOf } from "./switch-report.ts";

/** Creates a switch with its ports and rules, ready to start. Throws as its parts do. */
export async function createRunEngine(options: RunEngineOptions): Promise<RunEngine> {
  checkCores(options.cores);
  const writers = new Map<OfPort, CaptureWriter>();
  const owner = new ThreadedSwitch({
    bridge: options.bridge,
    settings: options.settings,
    exactMegaflows: options.profile.exactMegaflows,
    seed: options.seed,
    cores: options.cores,
    idle: options.idle,
    log: options.log,
    sent: (port, bytes) => writers.get(port)?.write(nowNs(), bytes),
  });
  const engine = new ThreadedEngine(owner, writers);
  try {
    await engine.setUp(options);
    await engine.started();
    await engine.servePage(options);
    await engine.openControl(options);
  } catch (error) {
    await engine.close();
    throw error;
  }
  return engine;
}

class ThreadedEngine implements RunEngine {
  readonly #owner: ThreadedSwitch;
  readonly #writers: Map<OfPort, CaptureWriter>;
  readonly #cycles = new CycleCounter();
  readonly #stopping = new AbortController();
  readonly #inputs: (() => Promise<void>)[] = [];
  page: PageServer | undefined;
  control: Control | undefined;
  #exit: () => void = () => {};
  readonly exitAsked = new Promise<void>((resolve) => (this.#exit = resolve));
  inputEnded: Promise<void> = never;

  constructor(owner: ThreadedSwitch, writers: Map<OfPort, CaptureWriter>) {
    this.#owner = owner;
    this.#writers = writers;
  }

  /** Rules come before traffic: no packet meets half a pipeline. Captures are opened and loaded here. */
  async setUp(options: RunEngineOptions): Promise<void> {
    const owner = this.#owner;
    for (const port of options.ports) {
      if (port.real !== undefined) continue;
      const number = port.number as OfPort;
      if (port.write !== undefined)
        this.#writers.set(number, new CaptureWriter(port.write, { nanosecond: true }));
      owner.addPort({ number, name: port.name, transmit: port.write === undefined ? "null" : "ring" });
    }
    for (const port of options.ports)
      if (port.real !== undefined) owner.bridge.announcePort(toOfPort(port.number), port.name);
    for (const { text, file } of options.meters) owner.addMeters(text, file);
    for (const { text, file } of options.groups) owner.addGroups(text, file);
    for (const { text, file } of options.flows) owner.addFlows(text, file);
    for (const port of options.ports) {
      if (port.real === undefined) continue;
      await addRealPort(owner, port, port.real);
    }
    for (const port of options.ports) {
      if (port.read !== undefined) await this.#openInput(port, port.read, options.log);
    }
  }

  start(): void {
    const ends = this.#inputs.splice(0).map((begin) => begin());
    this.inputEnded = ends.length === 0 ? never : Promise.all(ends).then(() => undefined);
    // Whoever waits for it sees the rejection; nobody may be waiting yet.
    this.inputEnded.catch(() => {});
  }

  /** Resolves when every PMD polls: loading a thread's code takes longer than many a packet. */
  async started(): Promise<void> {
    const deadline = performance.now() + START_LIMIT_MS;
    while (this.#owner.pmds.some((pmd) => pmd.stats.counters.POLLS === 0)) {
      if (performance.now() > deadline) {
        throw new MegaflowError("PMD_STALLED", `a PMD did not start within ${START_LIMIT_MS / 1000} s`);
      }
      await sleep(START_LOOK_MS);
    }
  }

  /** Serves the live page, if it was asked for. */
  async servePage({ http, log }: RunEngineOptions): Promise<void> {
    if (http !== undefined)
      this.page = await servePage(this.#owner, {
        ...http,
        version: packageVersion(),
        log,
      });
  }

  /** Opens the control socket, unless it was not wanted. */
  async openControl({ control, log }: RunEngineOptions): Promise<void> {
    if (control === null) return;
    const options = { socket: control, version: packageVersion(), exit: this.#exit, log };
    this.control = await openControl(this.#owner, options);
  }

  get placement(): readonly string[] {
    const native = loadNative();
    return this.#owner.cores.map((core, pmd) => {
      if (core >= 0) return `PMD ${pmd} on CPU ${core}`;
      return `PMD ${pmd} not pinned${native.addon === undefined ? `: ${native.reason}` : ""}`;
    });
  }

  get cyclesPerNs(): number | undefined {
    return this.#cycles.perNs();
  }

  counters() {
    return countersOf(this.#owner);
  }

  async megaflows() {
    return megaflowsOf(this.#owner);
  }

  tables() {
    return tablesOf(this.#owner);
  }

  async replaceFlows(flows: readonly FlowText[]): Promise<FlowChange> {
    const change = this.#owner.replaceFlows(flows);
    await this.#owner.settled();
    return change;
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#owner.drain();
  }

  async close(): Promise<void> {
    this.#stopping.abort();
    await this.page?.close();
    await this.control?.close();
    await stopProfiler(this.#owner);
    await this.#owner.close();
    for (const writer of this.#writers.values()) writer.close();
  }

  /** Opens a port's input; what is put on the list starts it and resolves at its end, for a trace never. */
  async #openInput(port: PortConfig, file: string, log: (line: string) => void): Promise<void> {
    const number = port.number as OfPort;
    const { memory } = this.#owner;
    if (port.kind === "trace") {
      const trace = await loadTrace(memory, file);
      if (trace.leftOut > 0) log(`${file}: ${trace.leftOut} packets left out, too short or too long to send`);
      this.#inputs.push(() => {
        this.#owner.addTrace(number, trace);
        return never;
      });
      return;
    }
    const reader = await CaptureReader.open(file);
    this.#inputs.push(() => feedCapture(reader, memory, this.#owner.addRing(number), this.#stopping.signal));
  }
}

const START_LIMIT_MS = 30_000;
const START_LOOK_MS = 2;

/** The end of an input that has none. */
const never = new Promise<void>(() => {});

/** Measures the time-stamp counter's rate over the life of the switch. */
class CycleCounter {
  readonly #addon: NativeAddon | undefined = loadNative().addon;
  readonly #startNs = process.hrtime.bigint();
  readonly #startCycles = this.#addon?.readTsc();

  /** Cycles a nanosecond, or undefined where nobody counts them. */
  perNs(): number | undefined {
    const ns = Number(process.hrtime.bigint() - this.#startNs);
    if (this.#addon === undefined || this.#startCycles === undefined || ns < SHORTEST_NS)
      return kernelTscGhz();
    return Number(this.#addon.readTsc() - this.#startCycles) / ns;
  }
}

/** Below this the two clocks' own cost shows. */
const SHORTEST_NS = 10_000_000;

function checkCores(cores: readonly number[]): void {
  const usable = usableCpus();
  const wrong = cores.find((core) => usable !== undefined && !usable.includes(core));
  if (wrong === undefined || usable === undefined) return;
  throw new ConfigError(`CPU ${wrong} is not one that this process may use`, {
    expected: `one of ${usable.join(", ")}`,
    got: String(wrong),
  });
}

/** CPUs that this process may run on, as the kernel says (`0-3,8`); undefined on another system. */
function usableCpus(): number[] | undefined {
  if (process.platform !== "linux") return undefined;
  const list = /^Cpus_allowed_list:\s*(\S+)/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1];
  return list?.split(",").flatMap((range) => {
    const [first, last = first] = range.split("-").map(Number) as [number, number?];
    return Array.from({ length: last - first + 1 }, (_, i) => first + i);
  });
}

function nowNs(): bigint {
  return BigInt(Math.round((performance.timeOrigin + performance.now()) * 1000)) * 1000n;
}

/** The same with the port's number in what the kernel refuses. */
async function addRealPort(
  owner: ThreadedSwitch,
  { number, name }: PortConfig,
  config: RealPortConfig,
): Promise<void> {
  try {
    await owner.addRealPort({ number: toOfPort(number), name }, config);
  } catch (error) {
    if (error instanceof Error && "syscall" in error) {
      error.message = `port ${number}: ${config.kind} ${config.dev ?? ""}: ${error.message}`.replace(
        " : ",
        ": ",
      );
    }
    throw error;
  }
}
