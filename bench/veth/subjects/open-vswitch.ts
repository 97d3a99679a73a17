// Open vSwitch's userspace datapath in a private directory: its own afxdp ports with a PMD on the switch's core, and
// what it does with an interface by default, AF_PACKET in its main thread.

import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { sh } from "../../../test/support/netns.ts";
import { until } from "../../peers/process.ts";
import type { RunningSubject, Subject } from "../subject.ts";
import { IN, OUT, type Topology } from "../topology.ts";

const run = promisify(execFile);
const SCHEMA = "/usr/share/openvswitch/vswitch.ovsschema";
const { OVS_VSWITCHD: chosen } = process.env;
const VSWITCHD = chosen ?? "/usr/sbin/ovs-vswitchd";

export const ovsAfxdp: Subject = {
  name: "Open vSwitch, afxdp",
  note: "its own afxdp ports, xdp-mode=native, one PMD, in_port=1 -> output:2",
  missing() {
    if (ovsMissing() !== undefined) return ovsMissing();
    const linked = sh("ldd", VSWITCHD);
    return /libxdp|libbpf/.test(linked) ? undefined : `${VSWITCHD} is built without AF_XDP`;
  },
  start: (topology) => start(topology, ["type=afxdp", "options:xdp-mode=native", "options:n_rxq=1"]),
};

export const ovsPacket: Subject = {
  name: "Open vSwitch, AF_PACKET",
  note: "userspace datapath with system ports, polled by its main thread on the switch's core",
  missing: ovsMissing,
  start: (topology) => start(topology, ["type=system"]),
};

function ovsMissing(): string | undefined {
  return existsSync(VSWITCHD) ? undefined : `${VSWITCHD} is not there: apt-get install openvswitch-switch`;
}

async function start(topology: Topology, port: readonly string[]): Promise<RunningSubject> {
  const folder = mkdtempSync(join(tmpdir(), "megaflow-veth-ovs-"));
  const remove = (): void => rmSync(folder, { recursive: true, force: true });
  process.once("exit", remove);
  try {
    return await startIn(folder, topology, port, () => {
      process.off("exit", remove);
      remove();
    });
  } catch (error) {
    const log = existsSync(`${folder}/vs.log`) ? readFileSync(`${folder}/vs.log`, "utf8") : "";
    throw new Error(
      `Open vSwitch did not start: ${error instanceof Error ? error.message : error}\n${log.split("\n").slice(-12).join("\n")}`,
    );
  }
}

async function startIn(
  folder: string,
  topology: Topology,
  port: readonly string[],
  remove: () => void,
): Promise<RunningSubject> {
  const { lab, middle, switchCore } = topology;
  const path = (name: string): string => join(folder, name);
  const environment = ["env", `OVS_RUNDIR=${folder}`, `OVS_DBDIR=${folder}`, `OVS_LOGDIR=${folder}`];
  const vsctl = async (...args: string[]): Promise<string> =>
    (await run("ovs-vsctl", [`--db=unix:${path("db.sock")}`, "--timeout=20", ...args])).stdout;
  await run("ovsdb-tool", ["create", path("conf.db"), SCHEMA]);
  const database = lab.start(
    undefined,
    ...words(
      environment,
      "ovsdb-server",
      path("conf.db"),
      `--remote=punix:${path("db.sock")}`,
      `--unixctl=${path("db.ctl")}`,
      "-vconsole:off",
    ),
  );
  await until(() => vsctl("--no-wait", "init"));
  await vsctl(
    "--no-wait",
    "set",
    "Open_vSwitch",
    ".",
    `other_config:pmd-cpu-mask=0x${(1 << switchCore).toString(16)}`,
  );
  // Not by `ip netns exec`, which hides /sys/fs/bpf.
  const inside = [
    "taskset",
    "-c",
    `${switchCore}`,
    "nsenter",
    `--net=/var/run/netns/${middle}`,
    ...environment,
  ];
  const daemon = lab.start(
    undefined,
    ...words(
      inside,
      VSWITCHD,
      `unix:${path("db.sock")}`,
      `--unixctl=${path("vs.ctl")}`,
      `--log-file=${path("vs.log")}`,
      "-vconsole:off",
    ),
  );
  await vsctl("add-br", "br0", "--", "set", "bridge", "br0", "datapath_type=netdev", "fail_mode=secure");
  for (const [index, name] of [IN, OUT].entries()) {
    await vsctl(
      "add-port",
      "br0",
      name,
      "--",
      "set",
      "interface",
      name,
      `ofport_request=${index + 1}`,
      ...port,
    );
    const error = (await vsctl("get", "interface", name, "error")).trim();
    if (error !== "[]") throw new Error(`port ${name}: ${error}`);
  }
  await run("ovs-ofctl", ["add-flow", `unix:${path("br0.mgmt")}`, "in_port=1,actions=output:2"]);
  const version = sh(VSWITCHD, "--version").split("\n")[0] ?? "";
  return {
    details: version,
    async stop() {
      await daemon.stop();
      await database.stop();
      remove();
      return undefined;
    },
  };
}

function words(before: readonly string[], ...command: string[]): [string, ...string[]] {
  return [...before, ...command] as [string, ...string[]];
}
