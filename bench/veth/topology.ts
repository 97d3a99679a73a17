// Where bench/veth runs: a generator, a switch and a far end, each in a network namespace, in a row:
//
//   [generator] g0 === p0 [switch] p1 === s0 [far end]

import { NetLab } from "../../test/support/netns.ts";

/** Names of the switch's interfaces. */
export const IN = "p0";
export const OUT = "p1";
const SOURCE = "g0";
const SINK = "s0";

/** See the head of the file; `close` removes it all. */
export class Topology {
  readonly lab = new NetLab();
  readonly generator = this.lab.add("gen");
  readonly middle = this.lab.add("sw");
  readonly farEnd = this.lab.add("far");
  /** CPU of the generator, and of what forwards. */
  readonly generatorCore: number;
  readonly switchCore: number;
  readonly source = SOURCE;
  readonly sink = SINK;

  constructor(generatorCore: number, switchCore: number) {
    this.generatorCore = generatorCore;
    this.switchCore = switchCore;
    // A veth end polls by NAPI, which live frames need, once it has GRO or an XDP program.
    const polls = { gro: true };
    this.lab.veth({ netns: this.generator, name: SOURCE }, { netns: this.middle, name: IN, offloads: polls });
    this.lab.veth(
      { netns: this.middle, name: OUT },
      { netns: this.farEnd, name: SINK, mac: "02:00:00:00:00:fe" },
    );
  }

  /** Frames that have arrived at the far end. */
  delivered(): number {
    return this.lab.counters(this.farEnd, SINK).rxPackets;
  }

  /** Path of the far end's namespace, for a program that enters it. */
  get farEndPath(): string {
    return `/var/run/netns/${this.farEnd}`;
  }

  async close(): Promise<void> {
    await this.lab.remove();
  }
}
