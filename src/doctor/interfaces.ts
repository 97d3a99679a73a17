// Network interfaces: what each one is, what its driver can do with XDP, and what stands in a port's way.

import { execFileSync } from "node:child_process";
import { availableParallelism, release } from "node:os";
import { FRAME_DATA_MAX } from "../../assembly/layout/frame.ts";
import { FRAME_OVERHEAD } from "../../assembly/layout/port.ts";
import { UsageError } from "../errors.ts";
import type { NativeAddon } from "../native.ts";
import type { LinkInfo } from "../native-netdev.ts";
import { tryInterface } from "./attempt-xdp.ts";
import type { InterfaceNote, InterfaceReport, XdpMode } from "./finding.ts";
import { isOlder } from "./kernel.ts";

/** NETDEV_XDP_ACT_*, linux/netdev.h. */
const XDP_REDIRECT = 2;
const XDP_ZERO_COPY = 8;
const XDP_RX_SG = 32;

/** Largest MTU whose frames fit into one buffer. */
const MTU_ONE_BUFFER = FRAME_DATA_MAX - FRAME_OVERHEAD;

/** Drivers with native XDP, for kernels that do not say; those in the second list do zero-copy too. */
const NATIVE_DRIVERS =
  "veth virtio_net tun tap ena bnxt_en mlx4_en nfp qede sfc thunderx dpaa2 mvneta mvpp2 hv_netvsc netvsc gve cpsw fec tsnep vmxnet3 xen-netfront";
const ZERO_COPY_DRIVERS = "i40e ice ixgbe igc igb mlx5_core stmmac";

/** Offloads that matter to a port, as `ethtool -k` prints them. */
const OFFLOADS: Readonly<Record<string, string>> = {
  "large-receive-offload": "lro",
  "rx-gro-hw": "rx-gro-hw",
  "generic-receive-offload": "gro",
  "rx-vlan-offload": "rxvlan",
  "tx-checksumming": "tx",
};

/** Which interfaces to look at. */
export interface InterfaceChoice {
  /** Names; none: all but the loopback. Those named must be usable, and are tried unless they carry the default route. */
  readonly names: readonly string[];
  readonly netns: string | undefined;
}

/** Looks at interfaces. Throws UsageError for a name that is not there. */
export function inspectInterfaces(
  addon: NativeAddon | undefined,
  choice: InterfaceChoice,
  mayTry: boolean,
): InterfaceReport[] {
  const present = interfaceNames(choice.netns);
  const missing = choice.names.find((name) => !present.includes(name));
  if (missing !== undefined) {
    const where = choice.netns === undefined ? "" : ` in namespace ${choice.netns}`;
    throw new UsageError(`no interface ${missing}${where}; there is ${present.join(", ")}`);
  }
  if (addon === undefined) return [];
  const named = choice.names.length > 0;
  const names = named ? choice.names : present.filter((name) => name !== "lo");
  return names.map((name) => inspect(addon, name, choice.netns, named, mayTry));
}

function interfaceNames(netns: string | undefined): string[] {
  const path = netns === undefined || netns.includes("/") ? netns : `/var/run/netns/${netns}`;
  const [command, ...args] = path === undefined ? ["cat"] : ["nsenter", `--net=${path}`, "cat"];
  try {
    const table = execFileSync(command as string, [...args, "/proc/self/net/dev"], {
      encoding: "utf8",
      stdio: "pipe",
    });
    return [...table.matchAll(/^\s*([^\s|]+):/gm)].map((match) => match[1] as string).sort();
  } catch (error) {
    if (netns === undefined) return [];
    const said = (error as { stderr?: string }).stderr?.trim() ?? String(error);
    throw new UsageError(
      `network namespace ${netns}: ${said}; \`ip netns list\` shows those that have a name, and entering one needs root`,
    );
  }
}

function inspect(
  addon: NativeAddon,
  name: string,
  netns: string | undefined,
  named: boolean,
  mayTry: boolean,
): InterfaceReport {
  const link = addon.linkInfo({ name, netns });
  const features = addon.xdpFeatures({ index: link.index, netns });
  const offloads = readOffloads(name, netns);
  const found = [...linkNotes(link, netns), ...offloadNotes(name, netns, offloads ?? [])];
  // What nobody asked for is in nobody's way.
  const notes: InterfaceNote[] = named ? found : found.map((note) => ({ ...note, state: "note" }));
  const told = features >= 0 ? modeOfFeatures(features) : modeOfDriver(link.driver);
  let xdp: XdpMode = told;
  let xdpSource: InterfaceReport["xdpSource"] = features >= 0 ? "kernel" : "version";
  if (named && mayTry && !link.defaultRoute) {
    const tried = tryInterface(addon, link, netns, told === "native-with-zerocopy");
    xdp = tried.mode;
    xdpSource = "attempt";
    notes.push(...tried.notes);
  } else if (named && mayTry) {
    notes.push({
      state: "note",
      text: "not tried, because the default route leaves through it",
      remedies: [],
    });
  }
  const multiBuffer = features < 0 ? null : (features & XDP_RX_SG) !== 0;
  if (xdp === "generic" && told === "generic")
    notes.push({
      state: "note",
      text: `driver ${link.driver || "unknown"} has no native XDP: mode generic copies every frame into a socket buffer first`,
      remedies: [],
    });
  return {
    name,
    netns: netns ?? null,
    driver: link.driver,
    up: link.up,
    mtu: link.mtu,
    rxQueues: link.rxQueues,
    txQueues: link.txQueues,
    defaultRoute: link.defaultRoute,
    xdp,
    xdpSource,
    multiBuffer,
    offloads,
    notes,
  };
}

function modeOfFeatures(features: number): XdpMode {
  if ((features & XDP_REDIRECT) === 0) return "generic";
  return (features & XDP_ZERO_COPY) === 0 ? "native" : "native-with-zerocopy";
}

function modeOfDriver(driver: string): XdpMode {
  if (isOlder(release(), 5, 4)) return "unknown";
  if (ZERO_COPY_DRIVERS.split(" ").includes(driver)) return "native-with-zerocopy";
  return NATIVE_DRIVERS.split(" ").includes(driver) ? "native" : "generic";
}

function linkNotes(link: LinkInfo, netns: string | undefined): InterfaceNote[] {
  const prefix = netns === undefined ? "sudo ip" : `sudo ip -n ${netns}`;
  const notes: InterfaceNote[] = [];
  if (!link.up)
    notes.push({
      state: "note",
      text: "it is down; a port sets it up",
      remedies: [`${prefix} link set ${link.name} up`],
    });
  else if (!link.running)
    notes.push({
      state: "note",
      text: "it has no carrier",
      remedies: [`${prefix} link show ${link.name}  # is the cable in, the peer up?`],
    });
  if (link.defaultRoute)
    notes.push({
      state: "note",
      text: "the default route leaves through it, so an afxdp port refuses it without force: true: it would cut this machine off",
      remedies: [],
    });
  if (link.mtu > MTU_ONE_BUFFER)
    notes.push({
      state: "note",
      text: `frames of MTU ${link.mtu} take several buffers each`,
      remedies: [`${prefix} link set ${link.name} mtu 1500  # unless you want jumbo frames`],
    });
  const cores = availableParallelism();
  if (link.rxQueues > cores)
    notes.push({
      state: "note",
      text: `${link.rxQueues} queues for ${cores} cores: each queue costs a socket and a poll`,
      remedies: [`${inNamespace(netns)}ethtool -L ${link.name} combined ${cores}`],
    });
  return notes;
}

function inNamespace(netns: string | undefined): string {
  return netns === undefined ? "sudo " : `sudo ip netns exec ${netns} `;
}

/** Offloads of interest that are on; null when ethtool is not there. */
function readOffloads(name: string, netns: string | undefined): string[] | null {
  const [command, ...args] = netns === undefined ? ["ethtool"] : ["ip", "netns", "exec", netns, "ethtool"];
  try {
    const text = execFileSync(command as string, [...args, "-k", name], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    });
    return Object.entries(OFFLOADS)
      .filter(([long]) => new RegExp(`^${long}: on`, "m").test(text))
      .map(([, short]) => short);
  } catch {
    return null;
  }
}

function offloadNotes(name: string, netns: string | undefined, on: readonly string[]): InterfaceNote[] {
  const notes: InterfaceNote[] = [];
  const merging = on.filter((one) => one === "lro" || one === "rx-gro-hw");
  if (merging.length > 0)
    notes.push({
      state: "problem",
      text: `${merging.join(" and ")} merges packets before the port sees them, and native XDP refuses it`,
      remedies: [`${inNamespace(netns)}ethtool -K ${name} ${merging.map((one) => `${one} off`).join(" ")}`],
    });
  if (on.includes("rxvlan") && !/^(veth|tun|tap)/.test(name))
    notes.push({
      state: "note",
      text: "rxvlan may take VLAN tags out of frames where XDP does not see them",
      remedies: [`${inNamespace(netns)}ethtool -K ${name} rxvlan off`],
    });
  return notes;
}
