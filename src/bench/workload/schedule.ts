// Which connection each packet of a trace belongs to: popularity and churn.
import { permutation, Random, shuffle, Zipf } from "./random.ts";
import type { WorkloadSpec } from "./spec.ts";

/**
 * Connection numbers, packet by packet. Uniform: every block of `flows` packets visits each living
 * connection once, in a new random order. Zipf: independent draws; which connection is how popular is a
 * random permutation, so that popularity says nothing about the order of rules or masks. Churn: that
 * share of packets begins a connection with a new number (`flows`, `flows` + 1 ...), which takes the
 * place of a random living one, or of none where `transient` says that it sends one packet only.
 */
export class Schedule {
  private readonly living: Uint32Array;
  private readonly order: Uint32Array;
  private readonly random: Random;
  private readonly churnRandom: Random;
  private readonly zipf: Zipf | null;
  private position: number;
  private born: number;

  constructor(
    private readonly spec: WorkloadSpec,
    private readonly transient: boolean,
  ) {
    this.random = new Random(spec.seed, "schedule");
    this.churnRandom = new Random(spec.seed, "churn");
    this.living = permutation(spec.flows, new Random(spec.seed, "popularity"));
    this.zipf = spec.zipf > 0 ? new Zipf(spec.flows, spec.zipf) : null;
    this.order = this.zipf ? new Uint32Array(0) : permutation(spec.flows, this.random);
    this.position = 0;
    this.born = spec.flows;
  }

  /** The next packet's connection. */
  next(): number {
    if (this.spec.churn > 0 && this.churnRandom.unit() < this.spec.churn) {
      const flow = this.born++;
      if (!this.transient) this.living[this.churnRandom.below(this.living.length)] = flow;
      return flow;
    }
    return this.living[this.zipf ? this.zipf.draw(this.random) : this.nextInOrder()]!;
  }

  private nextInOrder(): number {
    if (this.position === this.order.length) {
      shuffle(this.order, this.random);
      this.position = 0;
    }
    return this.order[this.position++]!;
  }
}
