// A switch with real ports for tests: PMDs on the cores that this process may use, NORMAL as its only rule until a
// test says otherwise, and everything that it logged.

import { setTimeout as sleep } from "node:timers/promises";
import { findProfile, resolveSettings } from "../../src/config/profiles.ts";
import type { RealPortConfig } from "../../src/config/real-port-config.ts";
import { requireNative } from "../../src/native.ts";
import type { OfPort } from "../../src/openflow/port.ts";
import type { IdleMode } from "../../src/pmd/idle.ts";
import { ThreadedSwitch } from "../../src/threaded-switch.ts";
import { PATIENCE_MS } from "./eventually.ts";
import type { NetLab } from "./netns.ts";

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
    const deadline = performance.now() + PATIENCE_MS;
    for (;;) {
      const stats = this.sw.stats();
      const sum = (key: "RX" | "FORWARDED" | "DROPPED" | "CONSUMED"): number =>
        stats.reduce((total, pmd) => total + pmd.counters[key], 0);
      const [received, forwarded] = [sum("RX"), sum("FORWARDED")];
      const [dropped, consumed] = [sum("DROPPED"), sum("CONSUMED")];
      // A packet that comes while the counters are read may be in some of them and not in others.
      const adds = received === forwarded + dropped + consumed;
      if (adds || performance.now() > deadline) return { received, forwarded, dropped, consumed };
      await sleep(5);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.sw.close();
  }
}

/** How a port is to be attached. */
export interface Attachment {
  readonly kind: "afxdp" | "afpacket" | "tap";
  /** Namespace in which the port's other end appears as eth0. */
  readonly netns: string;
  readonly addresses?: readonly string[];
  readonly queues?: number;
  readonly mtu?: number;
  readonly more?: Partial<RealPortConfig>;
}

/**
 * Puts a namespace on the switch: a TAP port's device is its eth0; for the other kinds eth0 is one end of a veth pair and
 * the port has the other one, vNUMBER, in the namespace `host`.
 */
export async function attach(
  lab: NetLab,
  real: RealSwitch,
  host: string,
  number: number,
  { kind, netns, addresses = [], queues = 1, mtu = 1500, more = {} }: Attachment,
): Promise<void> {
  if (kind === "tap") {
    await real.add(number, { kind, dev: "eth0", netns, queues, mtu, ...more });
    lab.address(netns, "eth0", ...addresses);
    return;
  }
  const dev = `v${number}`;
  lab.veth({ netns, name: "eth0", addresses }, { netns: host, name: dev }, { queues, mtu });
  await real.add(number, { kind, dev, netns: host, queues, ...more });
}
