// The vocabulary of `megaflow doctor`: what was looked at, what was found, and the command that mends it.

/** Parts of the report, in its order. */
export const areas = ["software", "kernel", "privileges", "memory", "cores"] as const;
export type Area = (typeof areas)[number];

/**
 * ok: as it should be. note: works, and something could be better. problem: something cannot work.
 * unknown: could not be found out, mostly for want of privilege.
 */
export type FindingState = "ok" | "note" | "problem" | "unknown";

/** One thing that was looked at. */
export interface Finding {
  readonly area: Area;
  /** What it is about, in a word or three; names it in JSON and in tests. */
  readonly topic: string;
  readonly state: FindingState;
  /** What there is. */
  readonly found: string;
  /** Why it matters and what it breaks; absent where all is well. */
  readonly meaning?: string;
  /** Commands, each complete, of which the first is the one to try. */
  readonly remedies?: readonly string[];
}

/** How an interface can be used by a port of type afxdp. */
export type XdpMode = "native-with-zerocopy" | "native" | "generic" | "none" | "unknown";

/** A network interface. */
export interface InterfaceReport {
  readonly name: string;
  readonly netns: string | null;
  /** "" when it does not say. */
  readonly driver: string;
  readonly up: boolean;
  readonly mtu: number;
  readonly rxQueues: number;
  readonly txQueues: number;
  readonly defaultRoute: boolean;
  /** The best mode. */
  readonly xdp: XdpMode;
  /** How that is known: the kernel's word, or an attempt on an interface that was named. */
  readonly xdpSource: "kernel" | "attempt" | "version";
  /** Frames larger than a page may arrive in native mode. */
  readonly multiBuffer: boolean | null;
  /** Offloads that are on and of interest, as `ethtool -k` names them; null when ethtool is not there. */
  readonly offloads: readonly string[] | null;
  /** What stands in the way or is worth knowing, with what to do. */
  readonly notes: readonly InterfaceNote[];
}

/** Something about an interface. */
export interface InterfaceNote {
  readonly state: "note" | "problem";
  readonly text: string;
  readonly remedies: readonly string[];
}

/** What one type of port can do here. */
export interface PortVerdict {
  readonly type: "afxdp" | "tap" | "internal" | "afpacket" | "trace, pcap, null";
  readonly usable: boolean;
  /** What it reaches, and how well. */
  readonly how: string;
  /** Why not, or what limits it. */
  readonly limits: readonly string[];
  readonly remedies: readonly string[];
}

/** Everything that `megaflow doctor` says; its --json. */
export interface DoctorReport {
  readonly megaflow: string;
  /** Whether it ran with the privileges that ports need. */
  readonly privileged: boolean;
  readonly findings: readonly Finding[];
  readonly interfaces: readonly InterfaceReport[];
  readonly ports: readonly PortVerdict[];
  /** What more would be known or possible with root; empty when nothing. */
  readonly rootWouldAdd: readonly string[];
  /** No problem was found, and a port can reach a real interface. */
  readonly healthy: boolean;
}
