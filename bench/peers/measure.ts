// Their side of a case: one configuration of Open vSwitch with DPDK, warmed up and measured in windows.
import { measureQuietWindows } from "../../src/bench/quiet-windows.ts";
import type { Window } from "../../src/bench/result.ts";
import type { OvsConfiguration } from "./configurations.ts";
import { HugePages } from "./huge-pages.ts";
import { DEBIAN_VSWITCHD, OvsDpdk, type PeerInput, pagesNeeded } from "./ovs-dpdk.ts";

/** Where and how long. */
export interface PeerOptions {
  readonly core: number;
  readonly warmup: number;
  readonly windows: number;
  /** Seconds of one window. */
  readonly seconds: number;
  /** Disturbed windows that are measured again, at most. */
  readonly again: number;
  /** The vswitchd to run. */
  readonly binary?: string;
}

/** What one configuration did with one trace. */
export interface PeerResult {
  readonly configuration: string;
  readonly version: string;
  /** Windows: millions of packets sent a second by wall clock, and the share that the PMD had of its core. */
  readonly windows: readonly Window[];
  /** Windows that were measured again because others had too much of the core. */
  readonly repeated?: number;
  /** TSC cycles a packet in the last window, as Open vSwitch counts them. */
  readonly cyclesPerPacket: number;
  /** Shares of the passes. */
  readonly hits: { simpleMatch: number; emc: number; smc: number; megaflow: number; upcall: number };
  readonly subtablesPerHit: number;
  readonly megaflows: number;
  /** Packets sent for every one received. */
  readonly copies: number;
}

/** Longest warm-up: 100,000 upcalls take their time. */
const WARMUP_LIMIT_SECONDS = 90;

/** Measures a configuration. Throws when traffic does not settle: such figures would say nothing. */
export async function measurePeer(
  input: PeerInput,
  configuration: OvsConfiguration,
  options: PeerOptions,
): Promise<PeerResult> {
  using _pages = HugePages.reserve(pagesNeeded(input.packets));
  const { core, binary = DEBIAN_VSWITCHD } = options;
  await using ovs = await OvsDpdk.start(input, configuration, core, binary);
  let waited = 0;
  for (let quiet = false; !quiet || waited < options.warmup; waited++) {
    if (waited > WARMUP_LIMIT_SECONDS)
      throw new Error(`Open vSwitch (${configuration.name}) still makes upcalls`);
    const second = await ovs.window(1);
    quiet = second.rxPackets > 0 && second.hits.upcall === 0;
  }
  const { windows, repeated } = await measureQuietWindows(options.windows, options.again, () =>
    ovs.window(options.seconds),
  );
  const last = windows[windows.length - 1]!;
  const share = (hits: number) => hits / Math.max(1, last.rxPackets);
  return {
    configuration: configuration.name,
    version: await ovs.version(),
    windows: windows.map(({ txPackets, seconds, running }) => ({ mpps: txPackets / seconds / 1e6, running })),
    repeated,
    cyclesPerPacket: last.cyclesPerPacket,
    hits: {
      simpleMatch: share(last.hits.simpleMatch),
      emc: share(last.hits.emc),
      smc: share(last.hits.smc),
      megaflow: share(last.hits.megaflow),
      upcall: share(last.hits.upcall),
    },
    subtablesPerHit: last.subtablesPerHit,
    megaflows: await ovs.megaflowCount(),
    copies: last.txPackets / Math.max(1, last.rxPackets),
  };
}
