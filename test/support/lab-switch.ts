// A switch on the calling thread with eight ports whose packets can be looked at.

import type { Settings } from "../../src/config/settings.ts";
import { InlineSwitch, type PacketFate } from "../../src/inline-switch.ts";
import type { OfPort } from "../../src/openflow/port.ts";
import type { SwitchOptions } from "../../src/switch.ts";

/** A packet to send, and into which port. */
export interface Traffic {
  readonly port: number;
  readonly bytes: Uint8Array;
}

const PORTS = 8;

/** Makes the switch; seeded, so that a case repeats. */
export function labSwitch(settings: Settings, options: Partial<SwitchOptions> = {}): InlineSwitch {
  const sw = new InlineSwitch({ settings: { ...settings, frames: 2048 }, seed: 1n, trace: true, ...options });
  for (let number = 1; number <= PORTS; number++) {
    sw.addPort({ number: number as OfPort, name: `p${number}`, transmit: "ring" });
  }
  return sw;
}

/** Sends packets in bursts, in order; tells what became of each. */
export function sendAll(sw: InlineSwitch, traffic: readonly Traffic[], burst: number): PacketFate[] {
  const fates: PacketFate[] = [];
  for (let i = 0; i < traffic.length; i += burst) {
    const some = traffic.slice(i, i + burst).map(({ port, bytes }) => ({ port: port as OfPort, bytes }));
    fates.push(...sw.sendBurst(some));
  }
  return fates;
}
