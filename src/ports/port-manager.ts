// The real ports of a switch: opens and closes them while packets flow, gives their queues to PMDs, and
// follows what happens to their interfaces.

import { setTimeout as sleep } from "node:timers/promises";
import { Command } from "../../assembly/layout/command.ts";
import { FRAME_SIZE } from "../../assembly/layout/frame.ts";
import { PORT_FLAG_DOWN, PortKind, RxqKind } from "../../assembly/layout/port.ts";
import { QueueKind } from "../../assembly/layout/queue.ts";
import type { RealPortConfig } from "../config/real-port-config.ts";
import type { SwitchMemory } from "../datapath/memory.ts";
import { readRxqCycles } from "../datapath/port-stats.ts";
import { MegaflowError } from "../errors.ts";
import type { NativeAddon } from "../native.ts";
import type { LinkInfo } from "../native-netdev.ts";
import type { Pmd } from "../pmd/pmd.ts";
import { openAfpacket } from "./afpacket-port.ts";
import { openAfxdp } from "./afxdp-port.ts";
import { LinkWatch } from "./link-watch.ts";
import type { PacketMemory } from "./packet-memory.ts";
import { frameMaxOf, type OpenKind, type PortContext, refuseTaken } from "./port-kind.ts";
import { QueueBlocks, setFillTarget, setPumpPacketMax, writeQueueBlock } from "./queue-block.ts";
import { type Queue, type RealPort, type RealPortReport, reportPort } from "./real-port.ts";
import { balance, type RxqLoad } from "./rebalance.ts";
import { openInternalPort, openTapPort, tapPacketMax } from "./tap-port.ts";

/** What opens each kind. */
const kinds: Readonly<Record<RealPortConfig["kind"], OpenKind>> = {
  afxdp: openAfxdp,
  afpacket: openAfpacket,
  tap: openTapPort,
  internal: openInternalPort,
};

/** Frames of a FRAMES command. */
const FRAMES_A_COMMAND = 1024;
/** Longest wait for a PMD to apply what it was told. */
const APPLY_LIMIT_MS = 30_000;
/** Time between two tries to attach to an interface that came back. */
const REATTACH_MS = 200;

/** What the manager works on. */
export interface PortManagerOptions {
  readonly native: NativeAddon;
  readonly memory: SwitchMemory;
  readonly packets: PacketMemory;
  readonly bridge: string;
  /** Small frames of each PMD. */
  readonly frames: number;
  /** The PMDs as they are now. */
  readonly pmds: () => readonly Pmd[];
  readonly log: (line: string) => void;
  /** A port went up or down. */
  readonly liveChanged: (odp: number, live: boolean) => void;
}

/** See the head of the file. */
export class PortManager {
  readonly #options: PortManagerOptions;
  readonly #ports = new Map<number, RealPort>();
  readonly #blocks: QueueBlocks;
  readonly #watch: LinkWatch;
  #anchor: { readonly fd: number; readonly multiBuffer: boolean } | undefined;
  #nextPmd = 0;

  constructor(options: PortManagerOptions) {
    this.#options = options;
    this.#blocks = new QueueBlocks(options.memory);
    this.#watch = new LinkWatch(options.native, (netns, name) => this.#linkNews(netns, name));
  }

  /** Opens a port and gives its queues to PMDs. @throws what the kind throws; then nothing has changed. */
  async add(odp: number, config: RealPortConfig): Promise<void> {
    if (this.#ports.has(odp)) throw new MegaflowError("PORT_EXISTS", `port ${odp} is there already`);
    refuseTaken(config, this.#ports.values());
    const port: RealPort = {
      odp,
      config,
      open: undefined,
      queues: [],
      up: true,
      busy: Promise.resolve(),
      removed: false,
    };
    this.#ports.set(odp, port);
    try {
      await this.#exclusively(port, () => this.#attach(port));
    } catch (error) {
      this.#ports.delete(odp);
      throw error;
    }
    this.#watch.add(config.netns);
    this.#linkNews(config.netns, port.open?.link.name);
  }

  /** Takes a port away; what its queues held is dropped, packets on other ports are not touched. */
  async remove(odp: number): Promise<void> {
    const port = this.#port(odp);
    port.removed = true;
    await this.#exclusively(port, () => this.#detach(port));
    this.#ports.delete(odp);
  }

  /** Whether the port is a real one. */
  has(odp: number): boolean {
    return this.#ports.has(odp);
  }

  /** Words of the port's record for a PMD. */
  record(pmd: Pmd, odp: number): number[] {
    const port = this.#port(odp);
    const down = port.up && port.open !== undefined ? 0 : PORT_FLAG_DOWN;
    const frameMax = port.open === undefined ? 0 : frameMaxOf(port.open);
    const own = port.queues.find((queue) => queue.pmd === pmd);
    if (own !== undefined) return [PortKind.QUEUE | down, own.block, frameMax, 0];
    if (port.queues.length === 0) return [PortKind.NULL | PORT_FLAG_DOWN, 0, 0, 0];
    const others = port.queues[pmd.index % port.queues.length]!.pmd;
    return [PortKind.PEER | down, this.#options.packets.passRing(pmd.index, others.index), frameMax, 0];
  }

  /** Moves a queue to another PMD, without losing what is in its rings. */
  async move(odp: number, queueIndex: number, pmd: Pmd): Promise<void> {
    const port = this.#port(odp);
    await this.#exclusively(port, async () => {
      const queue = port.queues.find((one) => one.index === queueIndex);
      if (queue === undefined) throw new MegaflowError("NO_QUEUE", `port ${odp} has no queue ${queueIndex}`);
      if (queue.pmd === pmd) return;
      const before = queue.pmd;
      queue.pmd = pmd;
      // The PMD before passes its packets on from here, and only then stops looking after the rings.
      for (const one of this.#options.pmds()) if (one !== pmd) this.#tell(one, port);
      before.removeRxq(queue.rxq);
      await this.#applied(this.#options.pmds());
      queue.rxq = pmd.addRxq([RxqKind.QUEUE, odp, queue.block, 0, 0, 0, 0, 0]);
      this.#tell(pmd, port);
      this.#aimFill();
      await this.#applied([pmd]);
    });
  }

  /** Queues with what they cost since they were set up, for pmd-rxq-rebalance. */
  #loads(): { readonly port: RealPort; readonly queue: Queue; readonly load: RxqLoad }[] {
    return [...this.#ports.values()].flatMap((port) =>
      port.queues.map((queue) => ({
        port,
        queue,
        load: {
          pmd: queue.pmd.index,
          cycles: readRxqCycles(this.#options.memory, queue.pmd.layout, queue.rxq),
          pinned: port.config.rxqAffinity?.[queue.index] !== undefined,
        },
      })),
    );
  }

  /** Gives queues to PMDs by what they cost; returns how many moved. */
  async rebalance(): Promise<number> {
    const all = this.#loads();
    const pmds = this.#options.pmds();
    const place = balance(
      all.map((one) => one.load),
      pmds.length,
    );
    let moved = 0;
    for (const [i, { port, queue, load }] of all.entries()) {
      if (place[i] === load.pmd) continue;
      await this.move(port.odp, queue.index, pmds[place[i]!]!);
      moved++;
    }
    return moved;
  }

  /** A PMD was started in place of one that died: its queues are opened anew. */
  async revive(dead: Pmd, fresh: Pmd): Promise<void> {
    for (const port of this.#ports.values()) {
      const mine = port.queues.some((queue) => queue.pmd === dead);
      for (const queue of port.queues) if (queue.pmd === dead) queue.pmd = fresh;
      await this.#exclusively(port, async () => {
        if (!mine) {
          this.#tell(fresh, port);
          return;
        }
        await this.#detach(port, dead);
        if (!port.removed) await this.#attach(port);
      });
    }
  }

  /** All real ports. */
  report(): RealPortReport[] {
    return [...this.#ports.values()].map((port) => reportPort(this.#options.memory, port));
  }

  /** Gives all interfaces back. The PMDs have stopped, or still run. */
  async close(): Promise<void> {
    this.#watch.close();
    for (const port of this.#ports.values()) {
      port.removed = true;
      await this.#exclusively(port, () => this.#detach(port));
    }
    this.#ports.clear();
    if (this.#anchor !== undefined) this.#options.native.closePort(this.#anchor.fd);
    this.#anchor = undefined;
  }

  async #attach(port: RealPort): Promise<void> {
    const { memory, packets } = this.#options;
    const opened = await kinds[port.config.kind](this.#context, port.config);
    port.open = opened;
    port.up = opened.link.up && opened.link.running;
    opened.queues.forEach((queue, index) => {
      const { number, block } = this.#blocks.take();
      writeQueueBlock(memory, block, {
        kind: queue.kind,
        fd: queue.fd,
        port: port.odp,
        number,
        flags: queue.flags,
        umem: packets.umem,
        fillTarget: 0,
        rings: queue.rings,
        ...(queue.pumpState === undefined ? {} : { pumpState: queue.pumpState }),
      });
      port.queues.push({ index, number, open: queue, block, pmd: this.#pmdFor(port, index), rxq: -1 });
    });
    this.#aimFill();
    for (const queue of port.queues) {
      queue.rxq = queue.pmd.addRxq([RxqKind.QUEUE, port.odp, queue.block, 0, 0, 0, 0, 0]);
    }
    for (const pmd of this.#options.pmds()) this.#tell(pmd, port);
    await this.#applied(this.#options.pmds());
    this.#options.log(`port ${port.odp}: ${opened.description}`);
  }

  /** Closes a port's device; `dead` is a PMD that no longer runs. */
  async #detach(port: RealPort, dead?: Pmd): Promise<void> {
    const { open, queues } = port;
    if (open === undefined) return;
    open.detach();
    port.open = undefined;
    port.queues = [];
    for (const pmd of this.#options.pmds()) this.#tell(pmd, port);
    for (const queue of queues) if (queue.rxq >= 0 && dead === undefined) queue.pmd.removeRxq(queue.rxq);
    await this.#applied(this.#options.pmds());
    for (const queue of queues) {
      queue.open.close();
      this.#blocks.give(queue.number);
      for (const [pmd, frames] of this.#options.packets.reclaim(queue.number)) this.#giveFrames(pmd, frames);
    }
    this.#aimFill();
  }

  #giveFrames(index: number, frames: readonly number[]): void {
    const pmd = this.#options.pmds()[index];
    if (pmd === undefined) return;
    for (let at = 0; at < frames.length; at += FRAMES_A_COMMAND) {
      const some = frames.slice(at, at + FRAMES_A_COMMAND);
      pmd.channel.record(Command.FRAMES, some.length, some);
    }
  }

  /** The PMD named for the queue, or the next in turn. */
  #pmdFor(port: RealPort, queue: number): Pmd {
    const pmds = this.#options.pmds();
    const named = port.config.rxqAffinity?.[queue];
    if (named === undefined) return pmds[this.#nextPmd++ % pmds.length]!;
    const pmd = pmds[named];
    if (pmd === undefined) {
      throw new MegaflowError("NO_PMD", `rxq-affinity: no PMD ${named}, they are 0 to ${pmds.length - 1}`);
    }
    return pmd;
  }

  #tell(pmd: Pmd, port: RealPort): void {
    pmd.setPort({ number: port.odp, words: this.record(pmd, port.odp) });
  }

  /** Shares half of each PMD's frames out over its queues' fill rings; the other half is for what is on its way. */
  #aimFill(): void {
    const queues = [...this.#ports.values()].flatMap((port) => port.queues);
    for (const queue of queues) {
      const siblings = queues.filter((other) => other.pmd === queue.pmd).length;
      const share = Math.floor(this.#options.frames / 2 / siblings);
      setFillTarget(this.#options.memory, queue.block, Math.min(queue.open.rings.fill.size, share));
    }
  }

  /** Resolves when PMDs have applied all commands sent so far. */
  async #applied(pmds: readonly Pmd[]): Promise<void> {
    const deadline = performance.now() + APPLY_LIMIT_MS;
    while (pmds.some((pmd) => !pmd.channel.idle && this.#options.pmds().includes(pmd))) {
      if (performance.now() > deadline) {
        throw new MegaflowError("PMD_STALLED", `a PMD took no commands for ${APPLY_LIMIT_MS / 1000} s`);
      }
      await sleep(1);
    }
  }

  /** An interface of the namespace changed. */
  #linkNews(netns: string | undefined, name: string | undefined): void {
    for (const port of this.#ports.values()) {
      const device = port.open?.link.name ?? port.config.dev;
      if (port.config.netns !== netns || (name !== undefined && device !== name)) continue;
      void this.#exclusively(port, () => this.#follow(port)).catch((error: unknown) => {
        this.#options.log(`port ${port.odp}: ${error instanceof Error ? error.message : String(error)}`);
      });
    }
  }

  /** Brings a port in line with its interface: gone, back, up or down, with another MTU. */
  async #follow(port: RealPort): Promise<void> {
    if (port.removed) return;
    const { native, log } = this.#options;
    const { dev: name = port.open?.link.name ?? "", netns } = port.config;
    let link: LinkInfo | undefined;
    try {
      link = native.linkInfo({ name, netns });
    } catch {
      // It is not there, and neither may be its namespace.
    }
    if (port.open !== undefined && link?.index !== port.open.link.index) {
      log(`port ${port.odp}: interface ${name} is gone`);
      await this.#detach(port);
      this.#setUp(port, false);
    }
    if (port.open === undefined && link !== undefined) {
      try {
        await this.#attach(port);
      } catch (error) {
        log(`port ${port.odp}: ${error instanceof Error ? error.message : String(error)}`);
        setTimeout(() => this.#linkNews(netns, name), REATTACH_MS).unref();
        return;
      }
    }
    if (link === undefined) return;
    this.#setMtu(port, link);
    this.#setUp(port, link.up && link.running);
  }

  #setMtu(port: RealPort, link: LinkInfo): void {
    if (port.open === undefined || port.open.link.mtu === link.mtu) return;
    port.open = { ...port.open, link };
    for (const { open, block } of port.queues) {
      if (open.kind === QueueKind.TAP) setPumpPacketMax(this.#options.memory, block, tapPacketMax(link));
    }
    for (const pmd of this.#options.pmds()) this.#tell(pmd, port);
    this.#options.log(`port ${port.odp}: MTU ${link.mtu}`);
  }

  #setUp(port: RealPort, up: boolean): void {
    if (port.up === up) return;
    port.up = up;
    for (const pmd of this.#options.pmds()) this.#tell(pmd, port);
    this.#options.log(`port ${port.odp}: link ${up ? "up" : "down"}`);
    this.#options.liveChanged(port.odp, up);
  }

  #exclusively(port: RealPort, work: () => Promise<void>): Promise<void> {
    const done = port.busy.then(work);
    port.busy = done.catch(() => {});
    return done;
  }

  #port(odp: number): RealPort {
    const port = this.#ports.get(odp);
    if (port === undefined) throw new MegaflowError("NO_PORT", `port ${odp} is not a real port`);
    return port;
  }

  get #context(): PortContext {
    const { native, memory, packets, bridge, log } = this.#options;
    return {
      native,
      memory,
      umem: packets.umem,
      anchor: () => {
        this.#anchor ??= native.openAnchor(memory.u8, {
          umemOffset: packets.umem.base,
          umemLength: packets.umem.size,
          chunk: FRAME_SIZE,
        });
        return this.#anchor;
      },
      allocate: (bytes, purpose) => memory.allocate(bytes, purpose),
      release: (region) => memory.release(region),
      bridge,
      log,
    };
  }
}
