// A switch with real ports for tests: PMDs on the cores that this process may use, NORMAL as its only rule until a
// test says otherwise, and everything that it logged.

import { setTimeout as sleep } from "node:timers/promises";
import { findProfile, resolveSettings } from "../../src/config/profiles.ts";
import type { RealPortConfig } from "../../src/config/real-port-config.ts";
import { requireNative } from "../../src/native.ts";
import type { OfPort } from "../../src/openflow/port.ts";
import type { IdleMode } from "../../src/pmd/idle.ts";
import { ThreadedSwitch } from "../../src/threaded-switch.ts";

/** What a real switch is made with. */
export interface RealSwitchOptions {
  /** PMDs (default 1); with fewer cores than that, two on one. */
  readonly pmds?: number;
  readonly flows?: string;
  readonly idle?: IdleMode;
}

/** See the head of the file. */
export class RealSwitch implements AsyncDisposable {
  readonly sw: ThreadedSwitch;
  readonly log: string[] = [];

  constructor({ pmds = 1, flows = "priority=0,actions=NORMAL", idle }: RealSwitchOptions = {}) {
    const allowed = requireNative("a real switch").getAffinity();
    this.sw = new ThreadedSwitch({
      settings: resolveSettings(findProfile("default")),
      cores: Array.from({ length: pmds }, (_, i) => allowed[i % allowed.length]!),
      log: (line) => this.log.push(line),
      ...(idle === undefined ? {} : { idle }),
    });
    this.sw.addFlows(flows);
  }

  /** Adds a port; its name is its number's. */
  async add(number: number, config: RealPortConfig): Promise<void> {
    await this.sw.addRealPort({ number: number as OfPort, name: `p${number}` }, config);
  }

  async remove(number: number): Promise<void> {
    await this.sw.removeRealPort(number as OfPort);
  }

  /** Sums over all PMDs once nothing is in flight, so that received = forwarded + dropped + consumed. */
  async settled(): Promise<{ received: number; forwarded: number; dropped: number; consumed: number }> {
    const deadline = Date.now() + 3000;
    for (;;) {
      const stats = this.sw.stats();
      const idle = stats.every((pmd) => pmd.inFlight === 0);
      if (idle || Date.now() > deadline) {
        const sum = (key: "RX" | "FORWARDED" | "DROPPED" | "CONSUMED"): number =>
          stats.reduce((total, pmd) => total + pmd.counters[key], 0);
        return {
          received: sum("RX"),
          forwarded: sum("FORWARDED"),
          dropped: sum("DROPPED"),
          consumed: sum("CONSUMED"),
        };
      }
      await sleep(5);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.sw.close();
  }
}
