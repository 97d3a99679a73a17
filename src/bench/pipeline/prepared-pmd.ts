// A PMD laid out in linear memory with a trace, ports and megaflows, but without anybody to run it: the
// datapath in WebAssembly and its twin in C start from the same bytes and the same commands.
import { Command } from "../../../assembly/layout/command.ts";
import { RegionId } from "../../../assembly/layout/pmd.ts";
import { PortKind, RXQ_SIZE, RxqKind } from "../../../assembly/layout/port.ts";
import type { Settings } from "../../config/settings.ts";
import { SwitchMemory } from "../../datapath/memory.ts";
import { MeterTable } from "../../datapath/meters.ts";
import { PmdChannel } from "../../datapath/pmd-channel.ts";
import { layOutPmd, type PmdMemory } from "../../datapath/pmd-memory.ts";
import { placeTrace } from "../../netdev/trace.ts";
import type { FrameStore } from "./frame-store.ts";
import type { LearnedMegaflow } from "./learn.ts";

/** What a PMD is prepared from. */
export interface PipelineInput {
  readonly frames: FrameStore;
  readonly megaflows: readonly LearnedMegaflow[];
  readonly settings: Settings;
  readonly seed: bigint;
  /** Ports 1 to n; those but `inPort` count and recycle, and so does `inPort`. */
  readonly ports: number;
  readonly inPort: number;
  readonly fifoFrames: boolean;
  /** A build of the datapath other than the present one. */
  readonly module?: WebAssembly.Module;
}

/** See the head of the file. */
export class PreparedPmd {
  readonly memory = new SwitchMemory();
  readonly layout: PmdMemory;
  readonly channel: PmdChannel;

  /** `relieve` is called with the PMD when its command ring is full: it must make room. */
  constructor(input: PipelineInput, relieve: (pmd: PreparedPmd) => void) {
    this.layout = layOutPmd(this.memory, input.settings, {
      index: 0,
      seed: input.seed,
      trace: false,
      fifoFrames: input.fifoFrames,
      meters: new MeterTable(this.memory).region,
      upcallShare: 0,
    });
    this.channel = new PmdChannel(this.memory, this.layout, () => relieve(this));
    for (let port = 1; port <= input.ports; port++) {
      this.channel.record(Command.PORT, port, [PortKind.NULL, 0, 0, 0]);
    }
    input.megaflows.forEach((megaflow, i) => {
      this.channel.capacity.reserveFlow(megaflow.lanes.length, megaflow.program);
      this.channel.putFlow({ ...megaflow, pending: 0, cookie: i + 1 });
    });
    // Last, and silent: as many rounds made as there may be. Whoever runs the PMD starts the trace.
    const { index, packets } = placeTrace(this.memory, input.frames.packets());
    const queue = [RxqKind.TRACE, input.inPort, index.base, packets, 0, 1, 1, 0];
    this.channel.record(Command.RXQ, 0, queue);
  }

  /** Address of the record of receive queue number `index`. */
  rxq(index: number): number {
    return this.region(RegionId.RXQS) + index * RXQ_SIZE;
  }

  /** Address of a region. */
  region(id: RegionId): number {
    return this.layout.regions.get(id)!.base;
  }
}
