// Ports and receive queues for snapshots: what they are called, of which kind they are, what they have counted.

import { PortKind, RxqKind } from "../../assembly/layout/port.ts";
import { readPortKind, readRxqs } from "../datapath/port-stats.ts";
import type { OdpPort } from "../odp/action.ts";
import { jsonPortNumber, odpPortToOf } from "../openflow/port.ts";
import type { Pmd } from "../pmd/pmd.ts";
import type { Switch } from "../switch.ts";
import { ThreadedSwitch } from "../threaded-switch.ts";
import type { PortSnapshot, RxqSnapshot } from "./snapshot.ts";

/** Ports of one snapshot: real ports are asked once. */
export class PortReader {
  readonly #owner: Switch;
  readonly #real: ReturnType<ThreadedSwitch["realPorts"]>;
  /** Queues named so far, by port, for ports whose queues have no numbers of their own. */
  readonly #named = new Map<number, number>();

  constructor(owner: Switch) {
    this.#owner = owner;
    this.#real = owner instanceof ThreadedSwitch ? owner.realPorts() : [];
  }

  /** The receive queues of a PMD; to be called for one PMD after the other. */
  rxqs(pmd: Pmd): RxqSnapshot[] {
    const seen = new Map<number, number>();
    return readRxqs(pmd.memory, pmd.layout).map((rxq) => {
      const port = odpPortToOf(rxq.port as OdpPort);
      const place = seen.get(port) ?? 0;
      seen.set(port, place + 1);
      return {
        port: jsonPortNumber(port),
        portName: this.#owner.bridge.ports.get(port)?.name ?? String(port),
        queue: this.#queueNumber(rxq.port, pmd.index, place),
        kind: (RxqKind[rxq.kind] ?? `kind ${rxq.kind}`).toLowerCase(),
        packets: rxq.packets,
        batches: rxq.batches,
        cycles: rxq.cycles,
      };
    });
  }

  /** All ports of the bridge. */
  ports(): PortSnapshot[] {
    const traces = new Set(
      this.#owner.pmds.flatMap((pmd) =>
        readRxqs(pmd.memory, pmd.layout)
          .filter((rxq) => rxq.kind === RxqKind.TRACE)
          .map((rxq) => rxq.port),
      ),
    );
    return [...this.#owner.bridge.ports.values()].map((port) => ({
      name: port.name,
      number: jsonPortNumber(port.ofPort),
      datapathNumber: port.odpPort,
      kind: traces.has(port.odpPort) ? "trace" : this.#kind(port.odpPort),
      ...this.#owner.portCounters(port.ofPort),
    }));
  }

  #kind(odp: number): string {
    const real = this.#real.find((one) => one.odp === odp);
    const first = this.#owner.pmds[0];
    if (real !== undefined || first === undefined) return real?.kind ?? "none";
    const kind = readPortKind(this.#owner.memory, first.layout, odp);
    return (PortKind[kind] ?? `kind ${kind}`).toLowerCase();
  }

  /** A real queue has its device's number; others are counted. `place`: which of the PMD's queues of the port it is. */
  #queueNumber(odp: number, pmd: number, place: number): number {
    const counted = this.#named.get(odp) ?? 0;
    this.#named.set(odp, counted + 1);
    const queues = this.#real.find((one) => one.odp === odp)?.queues.filter((queue) => queue.pmd === pmd);
    return queues?.[place]?.queue ?? counted;
  }
}
