// A switch whose PMDs run on threads of their own, one a core. The calling thread is the controller: it
// sleeps until a PMD has an upcall, and restarts a PMD whose worker dies.

import { setTimeout as sleep } from "node:timers/promises";
import {
  PortKind,
  RxqKind,
  TX_RECORD_DATA,
  TX_RECORD_LENGTH,
  TX_RECORD_PORT,
} from "../assembly/layout/port.ts";
import { YARDSTICK_REGION_SIZE } from "../assembly/layout/yardstick.ts";
import type { RealPortConfig } from "./config/real-port-config.ts";
import { clockMs } from "./datapath/clock-us.ts";
import { RingWriter, ringInit } from "./datapath/ring.ts";
import { MegaflowError } from "./errors.ts";
import { loadNative, requireNative } from "./native.ts";
import type { LoadedTrace } from "./netdev/trace.ts";
import type { OdpPort } from "./odp/action.ts";
import { type OfPort, odpPortToOf, ofPortToOdp } from "./openflow/port.ts";
import type { IdleMode } from "./pmd/idle.ts";
import type { Pmd } from "./pmd/pmd.ts";
import { type TraceLimits, TraceQueues } from "./pmd/trace-queues.ts";
import { WorkerPool } from "./pmd/worker-pool.ts";
import { type YardstickTask, yardstickModule } from "./pmd/yardstick.ts";
import { PacketMemory } from "./ports/packet-memory.ts";
import { PortManager } from "./ports/port-manager.ts";
import type { RealPortReport } from "./ports/real-port.ts";
import { type PortOptions, Switch, type SwitchOptions } from "./switch.ts";

/** What a threaded switch is made with. */
export interface ThreadedOptions extends SwitchOptions {
  /** CPUs, one PMD each. */
  readonly cores: readonly number[];
  /** What PMDs do while nothing comes; by default they wait in the kernel. */
  readonly idle?: IdleMode;
  /** Takes what `ring` ports send; the bytes are valid during the call. */
  readonly sent?: (port: OfPort, bytes: Uint8Array) => void;
  /** PMDs time a yardstick beside their work, for a bench. */
  readonly yardstick?: boolean;
}

const RX_RING_BYTES = 4 << 20;

interface RxqPlace {
  readonly pmd: Pmd;
  readonly index: number;
  readonly words: readonly number[];
}

/** Longest that packets on their way are waited for: on a machine whose cores others use, seconds are possible. */
const DRAIN_MS = 30_000;
/** Longest sleep of the controller: what nobody announces (clock, transmit rings) still happens. */
const NAP_MS = 10;
/** The same where no transmit ring is to be drained: an idle switch costs next to nothing. */
const LONG_NAP_MS = 50;
/** Upcalls of a PMD answered before the next PMD, and everything else that the controller has to do, gets its turn. */
const UPCALLS_A_TURN = 256;
/** Longest that revalidation keeps upcalls waiting. */
const SLICE_MS = 2;

/** See the head of the file. */
export class ThreadedSwitch extends Switch {
  /** CPU of each PMD; -1 = not pinned. */
  readonly cores: readonly number[];
  /** Times a worker died and its PMD was started anew. */
  restarts = 0;
  readonly #pool: WorkerPool;
  readonly #wakeWord: number;
  readonly #epochMs = clockMs();
  readonly #sent: (port: OfPort, bytes: Uint8Array) => void;
  readonly #log: (line: string) => void;
  readonly #traces = new TraceQueues(() => this.#closing);
  readonly #rings: RxqPlace[] = [];
  /** Eventfds that end PMDs' waits in the kernel. */
  readonly #events: readonly number[] = [];
  readonly #packets: PacketMemory;
  /** One a PMD, or none. */
  readonly yardsticks: readonly YardstickTask[];
  readonly #realPorts: PortManager | undefined;
  #nextPmd = 0;
  #closing = false;
  #closed: Promise<void> | undefined;
  readonly #serving: Promise<void>;

  constructor(options: ThreadedOptions) {
    super(options);
    const native = loadNative();
    this.cores = native.addon === undefined ? [-1] : options.cores;
    // Flow tables are read at random: with 4 KiB pages half of the misses are those of the page tables.
    native.addon?.adviseHugePages(this.memory.u8, 0, this.memory.u8.length);
    this.#log = options.log ?? (() => {});
    if (native.addon === undefined && options.cores.length > 0) {
      this.#log(`one unpinned PMD instead of cores ${options.cores.join(",")}: ${native.reason}`);
    }
    this.#sent = options.sent ?? (() => {});
    this.#wakeWord = this.memory.allocate(4096, "wake word").base;
    if (native.addon !== undefined) this.#events = this.cores.map(() => native.addon.openEvent());
    this.#pool = new WorkerPool(
      this.memory,
      this.cores.length,
      this.#wakeWord,
      this.#epochMs,
      options.idle ?? { mode: "block" },
      this.#events,
    );
    const { frames } = options.settings;
    this.#packets = new PacketMemory(this.memory, this.cores.length, frames);
    for (let i = 0; i < this.cores.length; i++) this.pmds.push(this.#createPmd(i));
    this.yardsticks = options.yardstick === true ? this.cores.map(() => this.#createYardstick()) : [];
    for (const pmd of this.pmds) this.#start(pmd);
    if (native.addon !== undefined) {
      this.#realPorts = new PortManager({
        native: native.addon,
        memory: this.memory,
        packets: this.#packets,
        bridge: this.bridge.name,
        frames,
        pmds: () => this.pmds,
        log: this.#log,
        liveChanged: (odp, live) => this.#setLive(odp as OdpPort, live),
      });
    }
    this.#serving = this.#serve();
  }

  override get isThreaded(): boolean {
    return true;
  }

  override coreOf(index: number): number {
    return this.cores[index] ?? -1;
  }

  /**
   * Adds a port over an interface and attaches to it. @throws MegaflowError, or the system's error with what to do;
   * then nothing has changed.
   */
  async addRealPort(port: Omit<PortOptions, "transmit">, config: RealPortConfig): Promise<void> {
    const odp = this.addBridgePort(port);
    try {
      await this.#manager(config.kind).add(odp, config);
    } catch (error) {
      this.removeBridgePort(port.number);
      throw error;
    }
    this.changed();
  }

  /** Detaches from a port's interface and takes the port away; other ports do not notice. */
  async removeRealPort(number: OfPort): Promise<void> {
    const odp = ofPortToOdp(number) as number;
    this.removeBridgePort(number);
    await this.#manager("real").remove(odp);
  }

  /** The real ports with their interfaces, queues and what the kernel counted. */
  realPorts(): RealPortReport[] {
    return this.#realPorts?.report() ?? [];
  }

  /** Moves a receive queue of a real port to another PMD, with everything that is in its rings. */
  async moveRxq(number: OfPort, queue: number, pmd: number): Promise<void> {
    const to = this.pmds[pmd];
    if (to === undefined) throw new MegaflowError("NO_PMD", `there is no PMD ${pmd}`);
    await this.#manager("real").move(ofPortToOdp(number) as number, queue, to);
  }

  override async rebalanceRxqs(): Promise<number> {
    return (await this.#realPorts?.rebalance()) ?? 0;
  }

  /**
   * Gives a capture to a port's receive queue, which sends it round and round on the next PMD in turn;
   * `rounds` times where that is given, and with no more than `window` of the port's upcalls waiting.
   */
  addTrace(port: OfPort, trace: LoadedTrace, limits: TraceLimits = {}): void {
    this.#traces.add(this.#pmdInTurn(), ofPortToOdp(port) as number, trace, limits);
  }

  /** Gives a port's receive queue a ring of RX_RECORDs that the caller fills, on the next PMD in turn. */
  addRing(port: OfPort): RingWriter {
    const region = this.memory.allocate(RX_RING_BYTES, `port ${port}: receive ring`);
    ringInit(this.memory, region);
    const pmd = this.#pmdInTurn();
    const words = [RxqKind.RING, ofPortToOdp(port) as number, region.base, 0, 0, 0, 0, 0];
    this.#rings.push({ pmd, index: pmd.addRxq(words), words });
    return new RingWriter(this.memory, region.base);
  }

  /** Rounds that the slowest trace has completed. */
  traceRounds(): number {
    return this.#traces.rounds;
  }

  /**
   * Stops all traces, sends each through once from its start, and returns the digest of every byte that
   * was sent, in order. Then the traces go on.
   */
  digestRound(): Promise<bigint> {
    return this.#traces.digestRound();
  }

  /** Makes the traces fall silent and waits until every packet has come to its end, or half a minute. */
  async drain(): Promise<void> {
    this.#traces.end();
    const isDone = (pmd: Pmd) =>
      pmd.channel.idle && pmd.stats.inFlight === 0 && pmd.handler.outstanding === 0;
    const deadline = performance.now() + DRAIN_MS;
    while (!this.pmds.every(isDone) && performance.now() < deadline) await sleep(2);
  }

  /** The threads, for tests that end one. */
  get threads(): WorkerPool["threads"] {
    return this.#pool.threads;
  }

  /** Ends all PMDs. Further calls wait for the first. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    await this.#realPorts?.close();
    await Promise.all(this.pmds.map((pmd) => pmd.runner?.stop()));
    this.#closing = true;
    this.#wake();
    await this.#serving;
    // The PMDs have stopped: what they sent last is all there is.
    for (const pmd of this.pmds) this.#handOver(pmd);
    this.revalidator.close();
    await this.#pool.close();
    for (const pmd of this.pmds) pmd.release();
    const { addon } = loadNative();
    for (const fd of this.#events) addon?.closeFd(fd);
  }

  #createPmd(index: number): Pmd {
    const pmd = this.createPmd(index, this.#packets.share(index));
    this.#packets.introduce(index, pmd.layout.control);
    const event = this.#events[index];
    const { addon } = loadNative();
    if (event !== undefined && addon !== undefined) pmd.channel.wake = () => addon.notifyEvent(event);
    return pmd;
  }

  #manager(who: string): PortManager {
    if (this.#realPorts === undefined) requireNative(`a port of kind ${who}`);
    return this.#realPorts as PortManager;
  }

  #setLive(odp: OdpPort, live: boolean): void {
    const number = odpPortToOf(odp);
    const port = this.bridge.ports.get(number);
    if (port === undefined) return;
    this.bridge.setPort({ ...port, live });
    this.changed();
  }

  #start(pmd: Pmd): void {
    const died = (dead: Pmd, error: Error) => this.#revive(dead, error);
    this.#pool.start(pmd, this.cores[pmd.index] as number, died, this.yardsticks[pmd.index]);
  }

  #createYardstick(): YardstickTask {
    const { base } = this.memory.allocate(YARDSTICK_REGION_SIZE, "yardstick");
    this.memory.u8.fill(0, base, base + YARDSTICK_REGION_SIZE);
    return { module: yardstickModule().module, base };
  }

  /** A worker died: its PMD starts anew with its ports, queues and megaflows. */
  #revive(dead: Pmd, error: Error): void {
    if (this.#closing) return;
    this.restarts++;
    dead.handler.drain();
    this.#handOver(dead);
    this.#log(
      `PMD ${dead.index} died (${error.message}); restarting it with ${dead.handler.liveCount} megaflows`,
    );
    this.keepCounters(dead);
    const pmd = this.#createPmd(dead.index);
    this.pmds[this.pmds.indexOf(dead)] = pmd;
    for (const port of this.ports) this.givePort(pmd, port);
    this.#traces.revive(dead, pmd);
    this.#rings.forEach((ring, i) => {
      // The place of the last record taken is in the ring itself: nothing is lost or sent twice.
      if (ring.pmd === dead) this.#rings[i] = { pmd, index: pmd.addRxq(ring.words), words: ring.words };
    });
    this.revalidator.replace(dead.handler, pmd.handler);
    dead.release();
    this.#start(pmd);
    this.#realPorts?.revive(dead, pmd).catch((error: unknown) => {
      this.#log(
        `PMD ${pmd.index}: its ports are lost: ${error instanceof Error ? error.message : String(error)}`,
      );
    });
  }

  /** The controller's loop. */
  async #serve(): Promise<void> {
    const words = this.memory.i32;
    const at = this.#wakeWord / 4;
    while (!this.#closing) {
      const seen = Atomics.load(words, at);
      this.nowMs = clockMs() - this.#epochMs;
      let answered = 0;
      for (const pmd of [...this.pmds]) {
        answered += pmd.handler.drain(UPCALLS_A_TURN);
        pmd.tx.drain((record) => this.#handOn(record), 4096);
      }
      const more = this.revalidator.turn({ deadline: performance.now() + SLICE_MS });
      if (answered > 0 || more) {
        await new Promise((resolve) => setImmediate(resolve));
        continue;
      }
      const waiting = Atomics.waitAsync(words, at, seen, this.#hasRings ? NAP_MS : LONG_NAP_MS);
      if (waiting.async) await waiting.value;
      else await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** Whether what PMDs send out of some port ends with the controller. */
  get #hasRings(): boolean {
    return this.ports.some((port) => port.words[0] === PortKind.RING);
  }

  /** Hands on everything that a PMD, which has ended, sent out of ports that end with the controller. */
  #handOver(pmd: Pmd): void {
    pmd.tx.drain((record) => this.#handOn(record));
  }

  #handOn(record: number): void {
    const { u32, u8 } = this.memory;
    const data = record + TX_RECORD_DATA;
    const port = odpPortToOf(u32[(record + TX_RECORD_PORT) >>> 2]! as OdpPort);
    this.#sent(port, u8.subarray(data, data + u32[(record + TX_RECORD_LENGTH) >>> 2]!));
  }

  protected override changed(): void {
    this.#wake();
  }

  #wake(): void {
    Atomics.add(this.memory.i32, this.#wakeWord / 4, 1);
    Atomics.notify(this.memory.i32, this.#wakeWord / 4);
  }

  #pmdInTurn(): Pmd {
    return this.pmds[this.#nextPmd++ % this.pmds.length] as Pmd;
  }
}
