// Counters of the switch's ports over all PMDs, those that are no more included, and without what was counted for
// earlier ports of the same numbers: a PMD's own records know neither.

import type { SwitchMemory } from "./memory.ts";
import type { PmdMemory } from "./pmd-memory.ts";
import { addPortCounters, NO_PORT_COUNTERS, type PortCounters, readPortCounters } from "./port-stats.ts";

/** See the head of the file. */
export class PortBooks {
  readonly #memory: SwitchMemory;
  /** The PMDs that are there now. */
  readonly #pmds: () => readonly PmdMemory[];
  /** What PMDs that are no more have counted, less what is not the port's, by datapath port. */
  readonly #corrections = new Map<number, PortCounters>();

  constructor(memory: SwitchMemory, pmds: () => readonly PmdMemory[]) {
    this.#memory = memory;
    this.#pmds = pmds;
  }

  /** A new port has this number. */
  open(odp: number): void {
    this.#corrections.set(odp, addPortCounters(NO_PORT_COUNTERS, this.#present(odp), -1));
  }

  /** Keeps what a PMD counted that is no more. */
  keep(dead: PmdMemory): void {
    for (const [odp, counters] of this.#corrections) {
      this.#corrections.set(odp, addPortCounters(counters, readPortCounters(this.#memory, dead, odp)));
    }
  }

  /** Counters of a port. */
  read(odp: number): PortCounters {
    return addPortCounters(this.#present(odp), this.#corrections.get(odp) ?? NO_PORT_COUNTERS);
  }

  #present(odp: number): PortCounters {
    return this.#pmds().reduce(
      (sum, pmd) => addPortCounters(sum, readPortCounters(this.#memory, pmd, odp)),
      NO_PORT_COUNTERS,
    );
  }
}
