// What this process may do: capabilities and the limit of locked memory.

import { realpathSync } from "node:fs";
import { FRAME_SIZE } from "../../assembly/layout/frame.ts";
import { findProfile, resolveSettings } from "../config/profiles.ts";
import type { Finding } from "./finding.ts";
import type { MachineFiles } from "./machine-files.ts";

/** Capabilities that ports use, by their number in linux/capability.h. */
const CAPABILITIES = { NET_ADMIN: 12, NET_RAW: 13, IPC_LOCK: 14, SYS_ADMIN: 21, BPF: 39 } as const;
export type CapabilityName = keyof typeof CAPABILITIES;

const PURPOSE: Readonly<Record<CapabilityName, string>> = {
  NET_ADMIN: "attaches XDP programs, creates TAP devices, sets interfaces up",
  NET_RAW: "opens AF_XDP and AF_PACKET sockets",
  IPC_LOCK: "locks packet memory whatever the limit is",
  SYS_ADMIN: "enters network namespaces, its own among them, which afxdp ports need",
  BPF: "loads the XDP program; CAP_SYS_ADMIN does too",
};

/** Bytes of packet memory that a PMD adds, with default settings; one more such slice is kept for a PMD that is started anew. */
const SLICE = resolveSettings(findProfile("default"), {}).frames * FRAME_SIZE;
/** Bytes of packet memory of a switch with one PMD and default settings. */
const PACKET_MEMORY = 2 * SLICE;

/** What a process may do. */
export interface Privileges {
  readonly root: boolean;
  readonly has: ReadonlySet<CapabilityName>;
  /** Bytes; Infinity when there is no limit. */
  readonly memlock: number;
}

/** Reads what this process may do. */
export function readPrivileges(files: MachineFiles): Privileges {
  const bits = /^CapEff:\s*([0-9a-f]+)/m.exec(files.text("proc/self/status"))?.[1] ?? "0";
  const effective = BigInt(`0x${bits}`);
  const names = Object.keys(CAPABILITIES) as CapabilityName[];
  const has = new Set(names.filter((name) => ((effective >> BigInt(CAPABILITIES[name])) & 1n) === 1n));
  const limit = /^Max locked memory\s+(\S+)/m.exec(files.text("proc/self/limits"))?.[1];
  const memlock = limit === undefined || limit === "unlimited" ? Number.POSITIVE_INFINITY : Number(limit);
  return { root: process.getuid?.() === 0, has, memlock };
}

/** Whether the XDP program may be loaded and attached, and its sockets opened in a namespace of their own. */
export function mayUseXdp({ has }: Privileges): boolean {
  return has.has("NET_ADMIN") && has.has("NET_RAW") && has.has("SYS_ADMIN");
}

/** The command again, as root. */
export const AS_ROOT = "sudo -E env PATH=$PATH megaflow run switch.yaml";

/** What to do about missing capabilities. */
export function capabilityRemedies(): string[] {
  return [
    AS_ROOT,
    "sudo systemctl enable --now megaflow  # docs/megaflow.service gives them to a user of its own",
    `sudo setcap cap_net_admin,cap_net_raw,cap_ipc_lock,cap_sys_admin,cap_bpf+ep ${realpathSync(process.execPath)}  # to everybody who may run this Node`,
  ];
}

/** Findings about capabilities and limits. */
export function privilegeFindings(privileges: Privileges): Finding[] {
  return [
    ...(Object.keys(PURPOSE) as CapabilityName[]).map((name) => capability(privileges, name)),
    memlock(privileges),
  ];
}

function capability({ has }: Privileges, name: CapabilityName): Finding {
  const topic = `CAP_${name}`;
  const common = { area: "privileges", topic } as const;
  if (has.has(name)) return { ...common, state: "ok", found: "yes" };
  const bySysAdmin = name === "BPF" && has.has("SYS_ADMIN");
  // The limit of locked memory says whether this one matters.
  if (name === "IPC_LOCK" || bySysAdmin)
    return { ...common, state: "ok", found: bySysAdmin ? "no, CAP_SYS_ADMIN stands in for it" : "no" };
  return {
    ...common,
    state: "problem",
    found: "no",
    meaning: `It ${PURPOSE[name]}.`,
    remedies: capabilityRemedies(),
  };
}

function memlock({ has, memlock: limit }: Privileges): Finding {
  const common = { area: "privileges", topic: "locked memory" } as const;
  const text = limit === Number.POSITIVE_INFINITY ? "no limit" : `at most ${formatMemory(limit)}`;
  if (has.has("IPC_LOCK")) return { ...common, state: "ok", found: `${text}, which CAP_IPC_LOCK lifts` };
  if (limit >= PACKET_MEMORY) return { ...common, state: "ok", found: text };
  return {
    ...common,
    state: "problem",
    found: text,
    meaning: `The packet memory of afxdp ports is locked: ${formatMemory(PACKET_MEMORY)} with one PMD and default settings, ${formatMemory(SLICE)} more with each further one. Registering it will fail with ENOBUFS.`,
    remedies: [
      "sudo prlimit --memlock=unlimited --pid $$  # then start megaflow from this shell",
      "echo '* - memlock unlimited' | sudo tee /etc/security/limits.d/megaflow.conf  # for new logins; systemd: LimitMEMLOCK=infinity",
    ],
  };
}

/** Bytes for people: 8 MiB. */
export function formatMemory(bytes: number): string {
  const unit = [
    ["GiB", 2 ** 30],
    ["MiB", 2 ** 20],
    ["KiB", 2 ** 10],
  ] as const;
  const [name, size] = unit.find(([, one]) => bytes >= one) ?? ["bytes", 1];
  return `${Math.round((bytes / size) * 10) / 10} ${name}`;
}
