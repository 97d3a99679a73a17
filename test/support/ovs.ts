// The oracle: Debian's Open vSwitch in dummy mode, in a private directory, without root.
// Packets go in through the daemon's control socket and come out in one capture file a port; each is
// settled (upcall, install, recirculation, packet-ins) before the next. The clock stands still, and the revalidators
// with it: they go round only when it is moved, so nothing happens behind a test's back.

import { type ChildProcess, execFile, spawn } from "node:child_process";
import {
  accessSync,
  closeSync,
  constants,
  mkdtempSync,
  openSync,
  readSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { PATIENCE_MS } from "./eventually.ts";
import { maskOf } from "./ovs-mask.ts";
import { OvsMonitor, type PacketIn } from "./ovs-monitor.ts";
import { Unixctl } from "./ovs-unixctl.ts";

const run = promisify(execFile);

/** OpenFlow's number of the LOCAL port. */
export const OFPP_LOCAL = 65534;
const SCHEMA = "/usr/share/openvswitch/vswitch.ovsschema";
/** Most time between two rounds of the revalidators; the least that Open vSwitch takes. */
const REVALIDATOR_MS = 100;
const PCAP_HEADER_SIZE = 24;
const PCAP_RECORD_SIZE = 16;

/** What the switch is told: `ovs-ofctl` text. */
export interface Ruleset {
  flows: string[];
  groups?: string[];
  meters?: string[];
  /** What `ovs-ofctl` speaks; default OpenFlow15. OpenFlow10 cannot carry instructions, and loses them silently. */
  version?: "OpenFlow10" | "OpenFlow15";
}

/** The parts of a rule set that can be refused. */
export type RulesetPart = "flows" | "groups" | "meters";

/** What became of one packet. */
export interface OvsResult {
  /** OpenFlow port and bytes in hex; in the order sent for each port, ports ascending. */
  out: [port: number, hex: string][];
  controller: PacketIn[];
}

/** A rule set that `ovs-ofctl` or the switch refused. */
export class OvsRefusal extends Error {
  /** Line of the file that was refused, from 1; 0 when the message names none. */
  readonly line: number;
  readonly what: RulesetPart;
  constructor(what: RulesetPart, message: string) {
    super(`Open vSwitch refused the ${what}: ${message.replaceAll(/^[0-9a-f]{8} {2}.*\n/gm, "")}`);
    this.what = what;
    const at = /:(\d+): /.exec(message);
    this.line = at === null ? 0 : Number(at[1]);
  }
}

/** Why the oracle can't run here, or undefined when it can. */
export function ovsMissing(): string | undefined {
  try {
    accessSync(SCHEMA, constants.R_OK);
    accessSync("/usr/sbin/ovs-vswitchd", constants.X_OK);
    accessSync("/usr/bin/ovs-ofctl", constants.X_OK);
    return undefined;
  } catch {
    return "openvswitch-switch is not installed";
  }
}

/** A running Open vSwitch with bridge br0, ports p1..pN (OpenFlow ports 1..N) and LOCAL. */
export class OvsOracle {
  readonly directory: string;
  readonly portCount: number;
  readonly #children: ChildProcess[] = [];
  readonly #captures: { port: number; fd: number; offset: number }[] = [];
  #control!: Unixctl;
  #monitor!: OvsMonitor;
  #log = "";
  readonly #onExit = () => {
    for (const child of this.#children) child.kill("SIGKILL");
  };

  private constructor(portCount: number) {
    this.portCount = portCount;
    this.directory = mkdtempSync(join(tmpdir(), "megaflow-ovs-"));
  }

  /** Starts the daemons and builds the bridge. */
  static async start(options: { ports?: number } = {}): Promise<OvsOracle> {
    const oracle = new OvsOracle(options.ports ?? 8);
    try {
      await oracle.#start();
    } catch (error) {
      await oracle.close();
      throw new Error(`Open vSwitch did not start in ${oracle.directory}: ${String(error)}\n${oracle.#log}`);
    }
    return oracle;
  }

  /** Replaces all rules, groups and meters, and forgets all megaflows and learned addresses. */
  async load(rules: Ruleset): Promise<void> {
    await this.#forgetMegaflows();
    await this.#monitor.deleteRules();
    await this.#ofctl("-O", "OpenFlow15", "del-groups", "br0");
    await this.#ofctl("-O", "OpenFlow15", "del-meters", "br0");
    await this.#control.run("fdb/flush");
    const meters = rules.meters ?? [];
    for (const meter of meters) await this.#add("meters", ["-O", "OpenFlow15", "add-meter", "br0", meter]);
    if (rules.groups !== undefined && rules.groups.length > 0) {
      const file = join(this.directory, "groups");
      writeFileSync(file, `${rules.groups.join("\n")}\n`);
      await this.#add("groups", ["-O", "OpenFlow15", "add-groups", "br0", file]);
    }
    const file = join(this.directory, "flows");
    writeFileSync(file, `${rules.flows.join("\n")}\n`);
    await this.#add("flows", ["-O", rules.version ?? "OpenFlow15", "add-flows", "br0", file]);
    await this.#monitor.barrier();
    this.#drain();
    this.#monitor.take();
  }

  /** Sends one packet in on an OpenFlow port and returns what became of it. */
  async send(inPort: number, hex: string): Promise<OvsResult> {
    await this.#control.run("netdev-dummy/receive", inPort === OFPP_LOCAL ? "br0" : `p${inPort}`, hex);
    await this.#monitor.barrier();
    return { out: this.#drain(), controller: this.#monitor.take() };
  }

  /** Waits until every megaflow has been revalidated after the last change (learning, rules). */
  async settle(): Promise<void> {
    for (let round = 0; round < 2; round++) {
      await this.#monitor.barrier();
      await this.warp(REVALIDATOR_MS + 1);
    }
  }

  /** Moves the clock on, by more than 100 ms, and waits for the round of the revalidators that this starts. */
  async warp(ms: number): Promise<void> {
    if (ms <= REVALIDATOR_MS) throw new RangeError(`expected more than ${REVALIDATOR_MS} ms, got ${ms}`);
    await this.#duringRound("time/warp", String(ms));
  }

  /** The megaflows, one a line, as `ovs-appctl dpctl/dump-flows` prints them. */
  async megaflows(...options: string[]): Promise<string[]> {
    const text = await this.#control.run("dpctl/dump-flows", ...options);
    return text.split("\n").filter((line) => line.includes("actions:"));
  }

  /** Number of distinct masks among the megaflows. */
  async maskCount(): Promise<number> {
    const masks = new Set<string>();
    for (const line of await this.megaflows("-m")) masks.add(maskOf(line));
    return masks.size;
  }

  /** `ofproto/trace` of a flow on br0. */
  trace(flow: string, hex?: string): Promise<string> {
    return this.#control.run("ofproto/trace", "br0", flow, ...(hex === undefined ? [] : [hex]));
  }

  /** Any other control command. */
  appctl(...command: [string, ...string[]]): Promise<string> {
    return this.#control.run(...command);
  }

  /** Any `ovs-ofctl` command; `br0` stands for the bridge. */
  ofctl(...args: string[]): Promise<string> {
    return this.#ofctl(...args);
  }

  /** Ends the daemons and removes the directory. */
  async close(): Promise<void> {
    this.#control?.close();
    this.#monitor?.close();
    for (const child of this.#children.reverse()) {
      child.ref();
      if (child.exitCode !== null || child.signalCode !== null) continue;
      const ended = new Promise((resolve) => child.once("exit", resolve));
      child.kill("SIGKILL");
      await ended;
    }
    for (const capture of this.#captures) closeSync(capture.fd);
    process.off("exit", this.#onExit);
    rmSync(this.directory, { recursive: true, force: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #path(name: string): string {
    return join(this.directory, name);
  }

  async #start(): Promise<void> {
    process.on("exit", this.#onExit);
    const database = `unix:${this.#path("db.sock")}`;
    await run("ovsdb-tool", ["create", this.#path("conf.db"), SCHEMA]);
    this.#daemon("ovsdb-server", [
      this.#path("conf.db"),
      `--remote=p${database}`,
      `--unixctl=${this.#path("db.ctl")}`,
    ]);
    await until(() => Unixctl.connect(this.#path("db.ctl"))).then((control) => control.close());
    await run("ovs-vsctl", [`--db=${database}`, "--no-wait", "init"]);
    this.#daemon("ovs-vswitchd", [
      database,
      "--enable-dummy",
      "--disable-system",
      "--disable-system-route",
      `--unixctl=${this.#path("vs.ctl")}`,
    ]);
    this.#control = await until(() => Unixctl.connect(this.#path("vs.ctl")));
    await run("ovs-vsctl", [`--db=${database}`, "--timeout=60", ...this.#bridge()]);
    for (let port = 1; port <= this.portCount; port++) await this.#openCapture(port, `p${port}`);
    await this.#openCapture(OFPP_LOCAL, "br0");
    this.#monitor = await OvsMonitor.connect(this.#path("br0.mgmt"));
    await this.#control.run("time/stop");
  }

  /**
   * Not by `revalidator/purge`: in Open vSwitch 3.1 it passes over the megaflow that a revalidator looks at in that
   * moment. This ends the revalidators, empties the datapath and starts them anew.
   */
  async #forgetMegaflows(): Promise<void> {
    await this.#duringRound("upcall/enable-megaflows");
    const left = await this.megaflows();
    if (left.length > 0) throw new Error(`Open vSwitch kept megaflows:\n${left.join("\n")}`);
  }

  /** Runs a command that makes the revalidators go round once, and waits for the end of the round. */
  async #duringRound(...command: [string, ...string[]]): Promise<void> {
    const { sent, answer } = this.#control.begin("revalidator/wait");
    await sent;
    // The daemon accepts connections, then serves them in their order: what comes by a new one is later than the wait.
    const other = await Unixctl.connect(this.#path("vs.ctl"));
    try {
      await other.run(...command);
      await answer;
    } finally {
      other.close();
    }
  }

  #bridge(): string[] {
    const args = [
      "set",
      "Open_vSwitch",
      ".",
      "other_config:vlan-limit=2",
      `other_config:max-revalidator=${REVALIDATOR_MS}`,
    ];
    args.push("--", "add-br", "br0", "--", "set", "bridge", "br0", "datapath_type=dummy", "fail_mode=secure");
    args.push("other-config:datapath-id=fedcba9876543210", "other-config:hwaddr=aa:55:aa:55:00:00");
    args.push("protocols=OpenFlow10,OpenFlow11,OpenFlow12,OpenFlow13,OpenFlow14,OpenFlow15");
    args.push(
      "--",
      "set",
      "interface",
      "br0",
      `options:tx_pcap=${this.#path("br0.pcap")}`,
      "mtu_request=65000",
    );
    for (let port = 1; port <= this.portCount; port++) {
      args.push("--", "add-port", "br0", `p${port}`, "--", "set", "interface", `p${port}`, "type=dummy");
      args.push(
        `ofport_request=${port}`,
        `options:tx_pcap=${this.#path(`p${port}.pcap`)}`,
        "mtu_request=65000",
      );
    }
    return args;
  }

  async #openCapture(port: number, name: string): Promise<void> {
    const fd = await until(() => openSync(this.#path(`${name}.pcap`), "r"));
    this.#captures.push({ port, fd, offset: PCAP_HEADER_SIZE });
  }

  #daemon(command: string, args: string[]): void {
    const options = ["--no-chdir", "-vconsole:off", `--log-file=${this.#path(`${command}.log`)}`];
    const child = spawn(command, [...args, ...options], {
      cwd: this.directory,
      env: {
        ...process.env,
        OVS_RUNDIR: this.directory,
        OVS_DBDIR: this.directory,
        OVS_LOGDIR: this.directory,
      },
      stdio: ["ignore", "ignore", "pipe"],
    });
    child.stderr?.on("data", (text: Buffer) => {
      this.#log += text.toString();
    });
    child.unref();
    this.#children.push(child);
  }

  async #ofctl(...args: string[]): Promise<string> {
    const target = `unix:${this.#path("br0.mgmt")}`;
    const result = await run(
      "ovs-ofctl",
      args.map((arg) => (arg === "br0" ? target : arg)),
      { maxBuffer: 1 << 26 },
    );
    return result.stdout;
  }

  async #add(what: RulesetPart, args: string[]): Promise<void> {
    try {
      await this.#ofctl(...args);
    } catch (error) {
      throw new OvsRefusal(what, (error as { stderr?: string }).stderr ?? String(error));
    }
  }

  /** Reads what the capture files got since the last call. */
  #drain(): [number, string][] {
    const out: [number, string][] = [];
    const chunk = Buffer.alloc(1 << 17);
    for (const capture of this.#captures) {
      for (;;) {
        const count = readSync(capture.fd, chunk, 0, chunk.length, capture.offset);
        let at = 0;
        while (at + PCAP_RECORD_SIZE <= count) {
          const end = at + PCAP_RECORD_SIZE + chunk.readUInt32LE(at + 8);
          if (end > count) break;
          out.push([capture.port, chunk.toString("hex", at + PCAP_RECORD_SIZE, end)]);
          at = end;
        }
        capture.offset += at;
        if (at === 0) break;
      }
    }
    return out;
  }
}

/** Tries until it works, as long as patience lasts. */
async function until<T>(attempt: () => T | Promise<T>): Promise<T> {
  const deadline = performance.now() + PATIENCE_MS;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (performance.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}
