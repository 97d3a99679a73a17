// A laboratory of network namespaces for tests and benches with real interfaces: namespaces with names of their
// own, veth pairs, VLAN interfaces, and children that run inside. Everything is gone after `remove`, and also
// when the process exits early or on a signal; what a killed process left is removed by the next one.

import { execFileSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { LabChild } from "./lab-child.ts";
import { VlanRelay } from "./vlan-relay.ts";

const NAMESPACES = "/var/run/netns";
/** Names that this file gives: mfPIDxLABLABEL. */
const OURS = /^mf(\d+)x\d+/;
/** Requests for an address before a host counts as unreachable: three, the kernel's own number, is three seconds. */
const ADDRESS_REQUESTS = 60;
let labs = 0;

/** Runs a command to its end; throws with what it said when it fails. For set-up: blocks the thread. */
export function sh(command: string, ...args: string[]): string {
  return execFileSync(command, args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
}

/** Why this process may make no namespaces, or undefined. A test says `skip: needs("root", NEED_IP)` instead. */
export function namespacesMissing(): string | undefined {
  try {
    sh("unshare", "--net", "true");
    return undefined;
  } catch {
    return process.getuid?.() === 0
      ? "CAP_SYS_ADMIN for network namespaces is missing (a privileged container has it)"
      : "network namespaces need root (try sudo)";
  }
}

/** One end of a veth pair. */
export interface LabEnd {
  readonly netns: string;
  readonly name: string;
  /** `10.0.0.1/24`, `fd00::1/64`; an IPv6 one switches IPv6 on and duplicate address detection off. */
  readonly addresses?: readonly string[];
  readonly mac?: string;
  /** `ethtool -K`: `{ tx: false, gro: true }`. */
  readonly offloads?: Readonly<Record<string, boolean>>;
  /** Left down. */
  readonly down?: boolean;
}

/** What both ends of a veth pair have in common. */
export interface LabPair {
  /** Receive and transmit queues of each end (default 1). */
  readonly queues?: number;
  /** Default 1500. */
  readonly mtu?: number;
}

/** Counters of an interface, as the kernel has them. */
export interface LinkCounters {
  readonly rxPackets: number;
  readonly rxBytes: number;
  readonly rxDropped: number;
  readonly txPackets: number;
  readonly txBytes: number;
  readonly txDropped: number;
}

/** See the head of the file. */
export class NetLab implements AsyncDisposable {
  readonly #prefix = `mf${process.pid}x${labs++}`;
  readonly #namespaces: string[] = [];
  readonly #children = new Set<LabChild>();
  readonly #relays: VlanRelay[] = [];

  constructor() {
    removeLeftovers();
    process.once("exit", this.#removeNow);
    for (const [signal, handler] of this.#signals) process.once(signal, handler);
  }

  readonly #signals = (["SIGINT", "SIGTERM", "SIGHUP"] as const).map(
    (signal) => [signal, () => process.exit(signal === "SIGINT" ? 130 : 143)] as const,
  );

  /** Creates a namespace with its loopback up and no IPv6 chatter; returns its name for `ip netns`. */
  add(label: string): string {
    const name = `${this.#prefix}${label}`;
    sh("ip", "netns", "add", name);
    this.#namespaces.push(name);
    sh("ip", "-n", name, "link", "set", "lo", "up");
    this.set(name, "net/ipv6/conf/default/disable_ipv6", 1);
    return name;
  }

  /** Creates a veth pair, ends in one namespace or two; both are up unless said otherwise. */
  veth(left: LabEnd, right: LabEnd, { queues = 1, mtu = 1500 }: LabPair = {}): void {
    const count = ["numtxqueues", `${queues}`, "numrxqueues", `${queues}`, "mtu", `${mtu}`];
    const peer = ["peer", "name", right.name, "netns", right.netns, ...count];
    sh("ip", "-n", left.netns, "link", "add", "name", left.name, ...count, "type", "veth", ...peer);
    for (const end of [left, right]) {
      if (end.mac !== undefined) this.ip(end.netns, "link", "set", "dev", end.name, "address", end.mac);
      if (end.down !== true) this.ip(end.netns, "link", "set", "dev", end.name, "up");
      this.address(end.netns, end.name, ...(end.addresses ?? []));
    }
    // After both are up: GRO on an end that is down is lost.
    for (const { netns, name, offloads } of [left, right])
      if (offloads !== undefined) this.offloads(netns, name, offloads);
  }

  /**
   * Creates a VLAN interface NAME.VID on an interface, up; returns its name. A kernel without VLAN interfaces gets a
   * TAP device that this thread tags and untags for.
   */
  vlan(netns: string, name: string, vid: number, ...addresses: string[]): string {
    const tagged = `${name}.${vid}`;
    try {
      this.ip(netns, "link", "add", "link", name, "name", tagged, "type", "vlan", "id", `${vid}`);
      this.ip(netns, "link", "set", "dev", tagged, "up");
    } catch (error) {
      if (!/Unknown device type/.test(String(error))) throw error;
      this.#relays.push(new VlanRelay(netns, name, tagged, vid));
    }
    this.address(netns, tagged, ...addresses);
    return tagged;
  }

  /** Gives an interface addresses, usable at once. */
  address(netns: string, name: string, ...addresses: string[]): void {
    for (const address of addresses) {
      const six = address.includes(":");
      if (six) this.set(netns, `net/ipv6/conf/${name}/disable_ipv6`, 0);
      this.set(netns, `net/ipv${six ? 6 : 4}/neigh/${name}/mcast_solicit`, ADDRESS_REQUESTS);
      this.ip(netns, "address", "add", address, "dev", name, ...(six ? ["nodad"] : []));
    }
  }

  /** Switches offloads of an interface on or off, as `ethtool -K` names them. */
  offloads(netns: string, name: string, offloads: Readonly<Record<string, boolean>>): void {
    const words = Object.entries(offloads).flatMap(([key, on]) => [key, on ? "on" : "off"]);
    this.run(netns, "ethtool", "-K", name, ...words);
  }

  /** Sets a kernel parameter of a namespace, given as a path under /proc/sys. */
  set(netns: string, parameter: string, value: number | string): void {
    this.run(netns, "sh", "-c", `echo ${value} >/proc/sys/${parameter}`);
  }

  /** `ip -n NETNS ...`; returns what it printed. */
  ip(netns: string, ...args: string[]): string {
    return sh("ip", "-n", netns, ...args);
  }

  /** Runs a command in a namespace to its end and returns what it printed; blocks the thread, so for set-up only. */
  run(netns: string, command: string, ...args: string[]): string {
    return sh("ip", "netns", "exec", netns, command, ...args);
  }

  /** Starts a command, in a namespace or (undefined) in our own; it is ended by `remove` at the latest. */
  start(netns: string | undefined, command: string, ...args: string[]): LabChild {
    const words = netns === undefined ? [command, ...args] : ["ip", "netns", "exec", netns, command, ...args];
    const child = new LabChild(words);
    this.#children.add(child);
    void child.ended.then(() => this.#children.delete(child));
    return child;
  }

  /** Runs a command to its end without blocking; returns its standard output, throws when it fails. */
  async exec(netns: string | undefined, command: string, ...args: string[]): Promise<string> {
    const child = this.start(netns, command, ...args);
    const status = await child.ended;
    if (status === 0) return child.stdout;
    throw new Error(`${[command, ...args].join(" ")}: status ${status}\n${child.stdout}${child.stderr}`);
  }

  /** The kernel's counters of an interface. */
  counters(netns: string, name: string): LinkCounters {
    const [link] = JSON.parse(this.ip(netns, "-j", "-s", "link", "show", "dev", name)) as {
      stats64: Record<"rx" | "tx", { packets: number; bytes: number; dropped: number }>;
    }[];
    if (link === undefined) throw new Error(`no counters of ${name}`);
    const { rx, tx } = link.stats64;
    return {
      rxPackets: rx.packets,
      rxBytes: rx.bytes,
      rxDropped: rx.dropped,
      txPackets: tx.packets,
      txBytes: tx.bytes,
      txDropped: tx.dropped,
    };
  }

  /** The permanent entry that makes `address` reachable without asking: for peers that answer no ARP or ND. */
  neighbour(netns: string, name: string, address: string, mac: string): void {
    this.ip(netns, "neighbour", "replace", address, "lladdr", mac, "dev", name);
  }

  /** Ends the children and removes the namespaces with all that is in them. */
  async remove(): Promise<void> {
    for (const relay of this.#relays.splice(0)) relay.close();
    await Promise.all([...this.#children].map((child) => child.stop()));
    this.#removeNow();
    process.off("exit", this.#removeNow);
    for (const [signal, handler] of this.#signals) process.off(signal, handler);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.remove();
  }

  readonly #removeNow = (): void => {
    for (const child of this.#children) child.kill("SIGKILL");
    this.#children.clear();
    for (const name of this.#namespaces.splice(0)) {
      if (existsSync(`${NAMESPACES}/${name}`)) sh("ip", "netns", "del", name);
    }
  };
}

/** Removes namespaces whose process is gone: it was killed, or the machine's CI was. */
function removeLeftovers(): void {
  for (const name of existsSync(NAMESPACES) ? readdirSync(NAMESPACES) : []) {
    const pid = OURS.exec(name)?.[1];
    // What has our own number is a predecessor's as long as we have made none ourselves.
    const gone = pid === `${process.pid}` ? labs <= 1 : !existsSync(`/proc/${pid}`);
    if (pid === undefined || !gone) continue;
    try {
      sh("ip", "netns", "del", name);
    } catch {
      // Another process that started meanwhile was faster, or we may not.
    }
  }
}
