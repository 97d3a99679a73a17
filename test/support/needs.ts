// What a test needs from the machine. Use it as a test's `skip` option: it is false when all is there and
// otherwise the reason, by name. Under CI=true everything has to be there, so it throws instead.

import { spawnSync } from "node:child_process";

/** Something of the machine's that a test may need: `root` with network namespaces, or a command or file (a shell pattern) of a Debian package. */
export type Need =
  | "root"
  | { readonly command: string; readonly package: string }
  | { readonly file: string; readonly package: string };

/** Commands that more than one test needs. */
export const NEED_IP: Need = { command: "ip", package: "iproute2" };
export const NEED_OVS: Need = { command: "ovs-vswitchd", package: "openvswitch-switch" };
export const NEED_TCPDUMP: Need = { command: "tcpdump", package: "tcpdump" };
export const NEED_ETHTOOL: Need = { command: "ethtool", package: "ethtool" };
export const NEED_IPERF3: Need = { command: "iperf3", package: "iperf3" };
export const NEED_PING: Need = { command: "ping", package: "iputils-ping" };
export const NEED_CHROMIUM: Need = { command: "/usr/bin/chromium", package: "chromium" };

const { CI } = process.env;

/** False when the machine has everything, else why the test is skipped; throws under CI=true. */
export function needs(...wanted: readonly Need[]): string | false {
  const missing = wanted.map(problem).filter((one) => one !== undefined);
  if (missing.length === 0) return false;
  const reason = `needs ${missing.join(" and ")}`;
  if (CI === "true") throw new Error(`${reason}; under CI=true that is a failure`);
  return reason;
}

function problem(need: Need): string | undefined {
  if (need === "root") {
    if (process.getuid?.() !== 0) return "root (try sudo)";
    const isolated = spawnSync("unshare", ["--net", "true"]).status === 0;
    return isolated ? undefined : "CAP_SYS_ADMIN for network namespaces (a privileged container)";
  }
  const [name, look] =
    "file" in need ? [need.file, `ls ${need.file}`] : [need.command, `command -v ${need.command}`];
  const found = spawnSync("sh", ["-c", look]).status === 0;
  return found ? undefined : `${name} (apt-get install ${need.package})`;
}
