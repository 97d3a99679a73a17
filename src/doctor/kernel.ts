// What the kernel offers to ports: tried in a namespace of its own where we may, and told from its version and
// configuration where we may not.

import { readFileSync } from "node:fs";
import { release } from "node:os";
import { gunzipSync } from "node:zlib";
import type { NativeAddon } from "../native.ts";
import type { Finding } from "./finding.ts";
import type { MachineFiles } from "./machine-files.ts";
import { attempt, type Outcome, type ProbeResult } from "./probe.ts";

/** Since which kernel a feature is there, and what it is for. */
interface Feature {
  readonly topic: string;
  readonly since: readonly [major: number, minor: number];
  readonly lack: string;
  readonly tried: (probe: ProbeResult) => Outcome | undefined;
}

const NEWER_KERNEL =
  "sudo apt-get install -y linux-image-amd64 && sudo reboot  # or the distribution's newer kernel";
const works = (yes: boolean | undefined, why: string): Outcome | undefined =>
  yes === undefined ? undefined : yes ? { works: true } : { works: false, why, code: "" };

const features: readonly Feature[] = [
  {
    topic: "XDP_SHARED_UMEM",
    since: [5, 10],
    lack: "Packets cannot move between interfaces without a copy: afxdp ports do not work.",
    tried: (probe) => probe.sharedUmem,
  },
  {
    topic: "need_wakeup",
    since: [5, 4],
    lack: "Every transmission needs a system call.",
    // The probe's sockets are all bound with it.
    tried: (probe) => probe.anchor,
  },
  {
    topic: "XDP multi-buffer",
    since: [6, 6],
    lack: "afxdp ports take frames up to the MTU of one buffer, about 3,500 bytes in native mode: no jumbo frames.",
    tried: (probe) => works(probe.multiBuffer, "the kernel refused XDP_USE_SG"),
  },
  {
    topic: "BPF link for XDP",
    since: [5, 9],
    lack: "Programs cannot be attached so that they end with the process: afxdp ports do not work.",
    tried: (probe) => probe.nativeLink ?? probe.genericLink,
  },
];

/** Findings about the kernel; `probe` is what was tried, undefined where that was not possible. */
export function kernelFindings(
  files: MachineFiles,
  addon: NativeAddon | undefined,
  probe: ProbeResult | undefined,
): Finding[] {
  const version: Finding = { area: "kernel", topic: "version", state: "ok", found: `Linux ${release()}` };
  const sockets = afxdpSockets(files, addon, probe);
  const rest = features.map((feature) => featureFinding(feature, probe, sockets.state === "problem"));
  return [version, sockets, ...rest, jit(files), tun(files, probe)];
}

/** Reads the kernel's configuration for one option; undefined when it is not to be had. */
function kernelOption(files: MachineFiles, name: string): string | undefined {
  const text = files.text(`boot/config-${release()}`) || runningConfig();
  const line = new RegExp(`^(?:${name}=(\\S+)|# ${name} is not set)$`, "m").exec(text);
  return line === null ? undefined : (line[1] ?? "n");
}

function runningConfig(): string {
  try {
    return gunzipSync(readFileSync("/proc/config.gz")).toString("latin1");
  } catch {
    return "";
  }
}

function afxdpSockets(
  files: MachineFiles,
  addon: NativeAddon | undefined,
  probe: ProbeResult | undefined,
): Finding {
  const common = { area: "kernel", topic: "AF_XDP" } as const;
  const refused = {
    ...common,
    state: "problem",
    meaning: "There are no AF_XDP sockets: afxdp ports do not work, afpacket ports do.",
    remedies: [NEWER_KERNEL],
  } as const;
  if (probe?.anchor.works) return { ...common, state: "ok", found: "tried, works" };
  if (probe !== undefined && !probe.anchor.works) return { ...refused, found: probe.anchor.why };
  // Without privilege the socket is refused, but for a family that is not there it is refused in another way.
  const opened =
    addon === undefined
      ? undefined
      : attempt(() => void addon.xskBlockSize({ fillSize: 64, completionSize: 64, rxSize: 64, txSize: 64 }));
  if (opened?.works === false && opened.code === "EAFNOSUPPORT") return { ...refused, found: opened.why };
  const option = kernelOption(files, "CONFIG_XDP_SOCKETS");
  if (option === "n") return { ...refused, found: "CONFIG_XDP_SOCKETS is not set" };
  if (opened === undefined && option === undefined) return { ...common, state: "unknown", found: "unknown" };
  return { ...common, state: "ok", found: "the kernel has it; tried only with root" };
}

function featureFinding(feature: Feature, probe: ProbeResult | undefined, pointless: boolean): Finding {
  const common = { area: "kernel", topic: feature.topic } as const;
  const outcome = probe === undefined ? undefined : feature.tried(probe);
  if (outcome?.works) return { ...common, state: "ok", found: "tried, works" };
  const [major, minor] = feature.since;
  const missing = {
    ...common,
    state: feature.topic === "XDP multi-buffer" || feature.topic === "need_wakeup" ? "note" : "problem",
    meaning: feature.lack,
    remedies: [NEWER_KERNEL],
  } as const;
  if (outcome !== undefined) return { ...missing, found: outcome.works ? "" : outcome.why };
  if (pointless) return { ...common, state: "unknown", found: "no AF_XDP to try it with" };
  if (isOlder(release(), major, minor)) return { ...missing, found: `comes with Linux ${major}.${minor}` };
  return { ...common, state: "ok", found: `there since Linux ${major}.${minor}; not tried` };
}

/** Whether a kernel release such as `6.1.0-56-cloud` is older than a version. */
export function isOlder(text: string, major: number, minor: number): boolean {
  const [, ours = "0", oursMinor = "0"] = /^(\d+)\.(\d+)/.exec(text) ?? [];
  return Number(ours) < major || (Number(ours) === major && Number(oursMinor) < minor);
}

function jit(files: MachineFiles): Finding {
  const common = { area: "kernel", topic: "BPF compiler" } as const;
  const value = files.text("proc/sys/net/core/bpf_jit_enable");
  if (value !== "0") return { ...common, state: "ok", found: value === "" ? "not told to us" : "on" };
  return {
    ...common,
    state: "note",
    found: "off",
    meaning: "The XDP program is interpreted for every packet.",
    remedies: ["sudo sysctl net.core.bpf_jit_enable=1"],
  };
}

function tun(files: MachineFiles, probe: ProbeResult | undefined): Finding {
  const common = { area: "kernel", topic: "TAP" } as const;
  if (probe?.tap.works) return { ...common, state: "ok", found: "tried, works" };
  const device = files.names("dev/net").includes("tun");
  if (probe === undefined && device)
    return { ...common, state: "ok", found: "/dev/net/tun is there; tried only with root" };
  return {
    ...common,
    state: "problem",
    found: probe !== undefined && !probe.tap.works ? probe.tap.why : "no /dev/net/tun",
    meaning: "tap and internal ports do not work.",
    remedies: ["sudo modprobe tun", "docker run --device /dev/net/tun  # in a container"],
  };
}
