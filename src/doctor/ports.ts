// What each type of port can do here, concluded from what was found.

import type { Finding, InterfaceReport, PortVerdict } from "./finding.ts";
import { capabilityRemedies, mayUseXdp, type Privileges } from "./privileges.ts";

/** What the verdicts stand on. */
export interface PortGround {
  readonly findings: readonly Finding[];
  readonly interfaces: readonly InterfaceReport[];
  readonly privileges: Privileges;
}

/** Returns a verdict for every type of port. */
export function portVerdicts(ground: PortGround): PortVerdict[] {
  const tap = tapVerdict(
    ground,
    "tap",
    "virtual machines (QEMU), containers and processes that open a TAP device",
  );
  return [
    afxdpVerdict(ground),
    tap,
    tapVerdict(ground, "internal", "this machine itself, through an interface with the bridge's name"),
    afpacketVerdict(ground),
    {
      type: "trace, pcap, null",
      usable: true,
      how: "captures, packets from memory, and nowhere: needs no privilege",
      limits: [],
      remedies: [],
    },
  ];
}

/** The findings that stop a type of port. */
function blockers({ findings }: PortGround, topics: readonly string[]): Finding[] {
  return findings.filter((one) => one.state === "problem" && topics.includes(one.topic));
}

const AFXDP_NEEDS = [
  "native addon",
  "linear memory",
  "datapath",
  "Node",
  "AF_XDP",
  "XDP_SHARED_UMEM",
  "BPF link for XDP",
  "locked memory",
];

function afxdpVerdict(ground: PortGround): PortVerdict {
  const stops = blockers(ground, AFXDP_NEEDS);
  const limits = stops.map((one) => `${one.topic}: ${one.found}`);
  const remedies = stops.flatMap((one) => one.remedies?.slice(0, 1) ?? []);
  if (!mayUseXdp(ground.privileges)) {
    limits.unshift("CAP_NET_ADMIN, CAP_NET_RAW and CAP_SYS_ADMIN are needed");
    remedies.unshift(capabilityRemedies()[0] as string);
  }
  const usable = limits.length === 0;
  const jumbo = ground.findings.find((one) => one.topic === "XDP multi-buffer");
  if (jumbo?.state === "note") limits.push(jumbo.meaning ?? "no jumbo frames");
  return {
    type: "afxdp",
    usable,
    how: `network cards, veth and virtio interfaces${bestModes(ground.interfaces)}`,
    limits,
    remedies,
  };
}

function bestModes(interfaces: readonly InterfaceReport[]): string {
  const byMode = new Map<string, string[]>();
  for (const { name, xdp } of interfaces) byMode.set(xdp, [...(byMode.get(xdp) ?? []), name]);
  const parts = [...byMode].map(([mode, names]) => `${mode}: ${names.join(", ")}`);
  return parts.length === 0 ? "" : `; ${parts.join("; ")}`;
}

function tapVerdict(ground: PortGround, type: "tap" | "internal", reach: string): PortVerdict {
  const stops = blockers(ground, [
    "native addon",
    "linear memory",
    "datapath",
    "Node",
    "TAP",
    "CAP_NET_ADMIN",
  ]);
  return verdict(type, reach, stops);
}

function afpacketVerdict(ground: PortGround): PortVerdict {
  const stops = blockers(ground, ["native addon", "linear memory", "datapath", "Node", "CAP_NET_RAW"]);
  return verdict("afpacket", "any interface, through the kernel's packet sockets; slower than afxdp", stops);
}

function verdict(type: PortVerdict["type"], how: string, stops: readonly Finding[]): PortVerdict {
  return {
    type,
    usable: stops.length === 0,
    how,
    limits: stops.map((one) => `${one.topic}: ${one.found}`),
    remedies: [...new Set(stops.flatMap((one) => one.remedies?.slice(0, 1) ?? []))],
  };
}
