// Open vSwitch with DPDK in a private directory: one PMD, a looping capture on port 1, ports that only
// count and free behind it.
//
// Port 1 is DPDK's net_pcap with infinite_rx: it loads the capture into packet buffers and copies one of
// them into a fresh buffer for every packet received. The other ports are net_pcap with an empty capture
// and no transmit file, which frees and counts what it is given.
import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { readThreadTimes, runningShare } from "../../src/bench/thread-time.ts";
import { Unixctl } from "../../test/support/ovs-unixctl.ts";
import type { OvsConfiguration } from "./configurations.ts";
import { type PmdPerf, parsePmdPerf } from "./perf-show.ts";
import { Child, until } from "./process.ts";
import { EMPTY_CAPTURE } from "./testpmd.ts";

const run = promisify(execFile);

/** Debian's build, of the package openvswitch-switch-dpdk. */
export const DEBIAN_VSWITCHD = "/usr/lib/openvswitch-switch-dpdk/ovs-vswitchd-dpdk";
const SCHEMA = "/usr/share/openvswitch/vswitch.ovsschema";

/** Buffers of the pool that ports share by default (netdev-dpdk's MAX_NB_MBUF); a capture takes one a packet. */
const SHARED_POOL_BUFFERS = 262_144;
/** Longest descriptor ring that netdev-dpdk accepts; with it a port's own pool grows by as much a queue asked for. */
const RING_DESCRIPTORS = 4096;
/** 2 MiB pages for the shared pool and the capture's ring. */
const SHARED_POOL_PAGES = 700;
/** Pages a packet of a long capture needs, with all that goes with it: 2,600 for 1,048,576. */
const PAGES_PER_PACKET = 2600 / 1_048_576;

/** What is to be forwarded. */
export interface PeerInput {
  readonly pcap: string;
  readonly flows: string;
  /** Packets of the capture. */
  readonly packets: number;
  /** Highest port that rules send to. */
  readonly ports: number;
}

/** Longest that a window without a single packet goes on. */
const WINDOW_LIMIT_MS = 30_000;

/** Huge pages that a capture of so many packets needs. */
export function pagesNeeded(packets: number): number {
  return needsOwnPool(packets) ? Math.ceil(packets * PAGES_PER_PACKET) + 100 : SHARED_POOL_PAGES;
}

/** Why Open vSwitch with DPDK can't run here, or undefined when it can. */
export function ovsDpdkMissing(binary: string = DEBIAN_VSWITCHD): string | undefined {
  if (process.getuid?.() !== 0) return "Open vSwitch with DPDK needs root for its huge pages";
  if (!existsSync(binary)) return `${binary} is not there: apt-get install openvswitch-switch-dpdk`;
  return undefined;
}

/** A running vswitchd with bridge br0. */
export class OvsDpdk {
  private readonly folder = mkdtempSync(join(tmpdir(), "megaflow-peer-"));
  private readonly children: Child[] = [];
  private control: Unixctl | undefined;

  private constructor(
    private readonly binary: string,
    private readonly core: number,
  ) {
    process.once("exit", this.removeFolder);
  }

  /** Starts it with its PMD on `core` and everything else on another, ports and rules in place. */
  static async start(
    input: PeerInput,
    configuration: OvsConfiguration,
    core: number,
    binary: string = DEBIAN_VSWITCHD,
  ): Promise<OvsDpdk> {
    const ovs = new OvsDpdk(binary, core);
    try {
      await ovs.startDaemons(configuration, needsOwnPool(input.packets));
      await ovs.addSinks(input.ports);
      // Rules before traffic: under a storm of upcalls 100,000 of them take minutes.
      await run("ovs-ofctl", ["add-flows", `unix:${ovs.path("br0.mgmt")}`, input.flows]);
      await ovs.addSource(input);
    } catch (error) {
      const log = ovs.log();
      await ovs[Symbol.asyncDispose]();
      throw new Error(`Open vSwitch with DPDK did not start: ${String(error)}\n${log}`);
    }
    return ovs;
  }

  /** Clears the counters, waits, and returns what the PMD did meanwhile and how much of its core it had. */
  async window(seconds: number): Promise<PmdPerf & { readonly running: number }> {
    const pid = this.children[this.children.length - 1]?.pid ?? 0;
    const threads = readThreadTimes(pid);
    const start = performance.now();
    await this.appctl("dpif-netdev/pmd-stats-clear");
    const look = async (): Promise<PmdPerf> => {
      await sleep(seconds * 1000);
      return parsePmdPerf(await this.appctl("dpif-netdev/pmd-perf-show", "-nh"), this.core);
    };
    let perf = await look();
    // As ours: a window in which others had the PMD's core all the time goes on until there is something to measure.
    while (perf.rxPackets === 0 && performance.now() - start < WINDOW_LIMIT_MS) perf = await look();
    const elapsed = (performance.now() - start) / 1000;
    return { ...perf, running: runningShare(threads, readThreadTimes(pid), 1, elapsed) };
  }

  /** Number of megaflows in the datapath. */
  async megaflowCount(): Promise<number> {
    const text = await this.appctl("upcall/show");
    return Number(/flows\s*: \(current (\d+)\)/.exec(text)?.[1] ?? 0);
  }

  /** `Open vSwitch 3.1.0, DPDK 22.11.11`. */
  async version(): Promise<string> {
    const text = await this.appctl("version");
    const dpdk = await this.vsctl("get", "Open_vSwitch", ".", "dpdk_version");
    const version = /\(Open vSwitch\) (\S+)/.exec(text)?.[1] ?? text.trim();
    return `Open vSwitch ${version}, ${dpdk.trim().replaceAll('"', "")}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.control?.close();
    for (const child of this.children.reverse()) await child.stop();
    process.off("exit", this.removeFolder);
    this.removeFolder();
  }

  private readonly removeFolder = () => rmSync(this.folder, { recursive: true, force: true });

  private async startDaemons(configuration: OvsConfiguration, ownPool: boolean): Promise<void> {
    const database = this.path("db.sock");
    const environment = { OVS_RUNDIR: this.folder, OVS_DBDIR: this.folder, OVS_LOGDIR: this.folder };
    await run("ovsdb-tool", ["create", this.path("conf.db"), SCHEMA]);
    this.children.push(
      new Child(
        "ovsdb-server",
        [
          this.path("conf.db"),
          `--remote=punix:${database}`,
          `--unixctl=${this.path("db.ctl")}`,
          "-vconsole:off",
        ],
        environment,
      ),
    );
    await until(() => this.vsctl("--no-wait", "init"));
    const settings = {
      "dpdk-init": "true",
      "dpdk-extra": "--no-pci --in-memory",
      "dpdk-lcore-mask": `0x${(1 << otherCore(this.core)).toString(16)}`,
      "pmd-cpu-mask": `0x${(1 << this.core).toString(16)}`,
      "per-port-memory": String(ownPool),
      "max-idle": "600000",
      ...configuration.settings,
    };
    const columns = Object.entries(settings).map(([key, value]) => `other_config:${key}=${value}`);
    await this.vsctl("--no-wait", "set", "Open_vSwitch", ".", ...columns);
    const args = [
      `unix:${database}`,
      `--unixctl=${this.path("vs.ctl")}`,
      `--log-file=${this.path("vs.log")}`,
    ];
    // In a network namespace of its own: the userspace datapath makes a TAP device of a fixed name.
    const command = ["--net", this.binary, ...args, "-vconsole:off"];
    this.children.push(new Child("unshare", command, environment));
    this.control = await until(() => Unixctl.connect(this.path("vs.ctl")));
  }

  private async addSinks(ports: number): Promise<void> {
    const empty = this.path("empty.pcap");
    writeFileSync(empty, EMPTY_CAPTURE);
    const bridge = [
      "add-br",
      "br0",
      "--",
      "set",
      "bridge",
      "br0",
      "datapath_type=netdev",
      "fail_mode=secure",
    ];
    await this.vsctl(...bridge, "protocols=OpenFlow10,OpenFlow13");
    for (let port = 2; port <= ports; port++) await this.addPort(port, `rx_pcap=${empty}`, []);
  }

  private async addSource(input: PeerInput): Promise<void> {
    const queues = Math.ceil(input.packets / RING_DESCRIPTORS) + 40;
    const pool = needsOwnPool(input.packets)
      ? [`options:n_rxq=${queues}`, `options:n_rxq_desc=${RING_DESCRIPTORS}`]
      : [];
    await this.addPort(1, `rx_pcap=${input.pcap},infinite_rx=1`, pool);
  }

  private async addPort(port: number, device: string, options: string[]): Promise<void> {
    const name = `p${port}`;
    const args = [
      "add-port",
      "br0",
      name,
      "--",
      "set",
      "interface",
      name,
      "type=dpdk",
      `ofport_request=${port}`,
    ];
    await this.vsctl(...args, `options:dpdk-devargs="net_pcap${port},${device}"`, ...options);
    const error = (await this.vsctl("get", "interface", name, "error")).trim();
    if (error !== "[]") throw new Error(`port ${name}: ${error}`);
  }

  private async vsctl(...args: string[]): Promise<string> {
    const result = await run("ovs-vsctl", [`--db=unix:${this.path("db.sock")}`, "--timeout=300", ...args]);
    return result.stdout;
  }

  private appctl(...command: [string, ...string[]]): Promise<string> {
    if (!this.control) throw new Error("Open vSwitch is not running");
    return this.control.run(...command);
  }

  private log(): string {
    if (!existsSync(this.path("vs.log"))) return this.children.map((child) => child.output).join("\n");
    return readFileSync(this.path("vs.log"), "utf8").split("\n").slice(-15).join("\n");
  }

  private path(name: string): string {
    return join(this.folder, name);
  }
}

/** A capture that the shared pool can't hold beside the buffers in flight gets a pool of its own. */
function needsOwnPool(packets: number): boolean {
  return packets > SHARED_POOL_BUFFERS * 0.9;
}

function otherCore(core: number): number {
  return core === 0 ? 1 : 0;
}
