// What the commands ask of a switch, and nothing more. switch-engine.ts answers with the real one.

import type { Profile } from "../config/profiles.ts";
import type { HttpConfig, PortConfig, RuleText, RunConfig } from "../config/run-config.ts";
import type { Settings } from "../config/settings.ts";
import type { FlowChange } from "../flow-changes.ts";

/** Level that answered a lookup, as JSON names it. */
export type LookupLevelName = "microflow" | "maskCache" | "masked" | "upcall";

/** One pass of a packet through the lookup. */
export interface LookupReport {
  readonly recircId: number;
  readonly level: LookupLevelName;
  readonly masksVisited: number;
}

/** A packet that the controller got. */
export interface ControllerReport {
  readonly reason: string;
  readonly table: number;
  readonly cookie: bigint;
  /** Bytes of the packet before it was cut to the action's max_len. */
  readonly totalLength: number;
  readonly bytes: Uint8Array;
}

/** A copy that was sent. */
export interface OutputReport {
  /** OpenFlow port. */
  readonly port: number;
  readonly bytes: Uint8Array;
}

/** What became of one packet. Its bytes are valid until the next packet is sent. */
export interface PacketReport {
  readonly out: readonly OutputReport[];
  readonly controller: readonly ControllerReport[];
  /** Why it was dropped; null unless `out` and `controller` are empty. */
  readonly drop: string | null;
  readonly lookups: readonly LookupReport[];
}

/** A megaflow in Open vSwitch's datapath-flow syntax. */
export interface MegaflowReport {
  readonly ufid: string;
  readonly match: string;
  readonly actions: string;
  readonly packets: number;
  readonly bytes: number;
}

/** Counters of a switch since its start, over all PMDs. */
export interface SwitchCounters {
  readonly received: number;
  /** Received packets of which at least one copy was sent. */
  readonly forwarded: number;
  /** Copies sent. */
  readonly transmissions: number;
  /** Received packets that only the controller got. */
  readonly consumed: number;
  /** Received packets that have not ended yet. */
  readonly inFlight: number;
  /** Received packets dropped, by reason; reasons that did not occur are left out. */
  readonly dropped: Readonly<Record<string, number>>;
  readonly upcalls: number;
  /** Lookups answered by each level. */
  readonly hits: Readonly<Record<LookupLevelName, number>>;
  readonly masksVisited: number;
  readonly megaflows: number;
  readonly masks: number;
}

/** A rule table, as `ovs-ofctl dump-flows` prints its rules. */
export interface TableReport {
  readonly id: number;
  readonly rules: readonly string[];
}

/** What every switch answers. */
export interface Engine {
  counters(): SwitchCounters;
  megaflows(): Promise<readonly MegaflowReport[]>;
  tables(): readonly TableReport[];
  close(): Promise<void>;
}

/** A switch on the calling thread that settles every packet before the next. */
export interface ReplayEngine extends Engine {
  /** Sends a packet into an OpenFlow port; `wireLength` is more than its bytes where a capture cut it, and
   * `clockMs` the time since the start, never less than before. */
  send(port: number, packet: Uint8Array, wireLength: number, clockMs: number): PacketReport;
}

/** A switch on worker threads. */
export interface RunEngine extends Engine {
  /** What the commands say about the cores: which PMD runs where, pinned or why not. */
  readonly placement: readonly string[];
  /** TSC cycles a nanosecond; undefined where it cannot be known. */
  readonly cyclesPerNs: number | undefined;
  /** Where the live page is, and the token that its changes need; undefined when none was asked for. */
  readonly page: { readonly url: string; readonly token: string } | undefined;
  /** Where the control socket is; undefined when there is none. */
  readonly control: { readonly path: string } | undefined;
  /** Resolves when the control socket was asked to end the switch. */
  readonly exitAsked: Promise<void>;
  /** Begins to receive. */
  start(): void;
  /**
   * Gives the switch just these rules, all at once or not at all; resolves when no packet goes by the old ones any
   * more. Throws FlowSyntaxError and the like.
   */
  replaceFlows(flows: readonly RuleText[]): Promise<FlowChange>;
  /** Stops receiving and waits until what is under way has ended, so that the counters add up. */
  stop(): Promise<void>;
  /** Resolves when no port has anything more to send; rejects with the mistake of a capture. */
  readonly inputEnded: Promise<void>;
}

/** What any switch is made of. */
export interface EngineOptions {
  readonly bridge: string;
  readonly profile: Profile;
  readonly settings: Settings;
  /** Undefined = from a secure random source. */
  readonly seed: bigint | undefined;
  readonly flows: readonly RuleText[];
  readonly groups: readonly RuleText[];
  readonly meters: readonly RuleText[];
}

/** A switch for `replay`: ports 1 to `portCount`, and LOCAL if asked for. */
export interface ReplayEngineOptions extends EngineOptions {
  readonly portCount: number;
  readonly local: boolean;
  /** Whether `PacketReport.lookups` is wanted. */
  readonly explain: boolean;
}

/** A switch for `run`. */
export interface RunEngineOptions extends EngineOptions {
  readonly cores: readonly number[];
  readonly ports: readonly PortConfig[];
  readonly http: HttpConfig | undefined;
  /** What PMDs do while nothing comes. */
  readonly idle: RunConfig["idle"];
  /** Name or path of the control socket; undefined = the bridge's name, null = none. */
  readonly control: string | null | undefined;
  readonly log: (line: string) => void;
}
