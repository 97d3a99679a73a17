// Looks at a switch through its control socket, and compares with the look before.

import type { ControlClient } from "../../control/client.ts";
import { MegaflowError } from "../../errors.ts";
import type { MegaflowList } from "../../observe/megaflows.ts";
import { ratesBetweenSnapshots } from "../../observe/rates.ts";
import { type Snapshot, zeroCounters } from "../../observe/snapshot.ts";
import type { TopState } from "./state.ts";
import type { RatedMegaflow, TopFrame } from "./view.ts";

/** Megaflows asked for: more than a screen has, few enough for the controller not to notice. */
const MEGAFLOWS = 200;

/** See the head of the file. */
export class TopWatcher {
  readonly #client: ControlClient;
  #snapshot: Snapshot | undefined;
  /** Packets and bytes of the megaflows of the last look. */
  #counts = new Map<string, { readonly packets: number; readonly bytes: number }>();

  constructor(client: ControlClient) {
    this.#client = client;
  }

  /** Looks again; rates are since the last look, the first time since the start of the switch. */
  async look(state: TopState): Promise<TopFrame> {
    const snapshot = await this.#client.json<Snapshot>("snapshot");
    const { list, problem } = await this.#list(state);
    const before = this.#snapshot ?? emptied(snapshot);
    this.#snapshot = snapshot;
    const rates = ratesBetweenSnapshots(before, snapshot);
    const counts = new Map<string, { packets: number; bytes: number }>();
    const entries: RatedMegaflow[] = list.entries.map((one) => {
      const last = this.#counts.get(one.ufid) ?? one;
      counts.set(one.ufid, { packets: one.packets, bytes: one.bytes });
      const rate = (now: number, then: number): number =>
        rates.seconds > 0 ? Math.max(0, now - then) / rates.seconds : 0;
      return {
        ...one,
        packetRate: rate(one.packets, last.packets),
        bitRate: rate(one.bytes, last.bytes) * 8,
      };
    });
    this.#counts = counts;
    if (state.sort === "rate") entries.sort((a, b) => b.packetRate - a.packetRate || b.packets - a.packets);
    return { snapshot, rates, megaflows: { ...list, entries }, problem };
  }

  async #list(state: TopState): Promise<{ list: MegaflowList; problem?: string }> {
    const args = [`limit=${MEGAFLOWS}`, `sort=${state.sort === "rate" ? "packets" : state.sort}`];
    if (state.search !== "") args.push(`search=${state.search}`);
    if (state.filter !== "") args.push(`filter=${state.filter}`);
    try {
      return { list: await this.#client.json<MegaflowList>("megaflows", ...args) };
    } catch (error) {
      if (!(error instanceof MegaflowError) || error.code !== "CONTROL_REFUSED") throw error;
      return { list: { total: 0, matched: 0, entries: [] }, problem: error.message };
    }
  }
}

/** The same switch at its start. */
function emptied(snapshot: Snapshot): Snapshot {
  return {
    ...snapshot,
    timeMs: snapshot.timeMs - snapshot.uptimeMs,
    pmds: [],
    ports: [],
    totals: zeroCounters,
  };
}
