// `megaflow doctor` as a function: looks at the machine and says what a switch can do on it.

import { loadNative } from "../native.ts";
import { coreFindings } from "./cores.ts";
import type { DoctorReport, Finding } from "./finding.ts";
import { type InterfaceChoice, inspectInterfaces } from "./interfaces.ts";
import { kernelFindings } from "./kernel.ts";
import { MachineFiles } from "./machine-files.ts";
import { memoryFindings } from "./memory.ts";
import { portVerdicts } from "./ports.ts";
import { mayUseXdp, privilegeFindings, readPrivileges } from "./privileges.ts";
import { type ProbeResult, probeKernel } from "./probe.ts";
import { softwareFindings } from "./software.ts";

/** Looks at the machine. Throws UsageError for an interface or a namespace that is not there. */
export async function examine(version: string, choice: InterfaceChoice): Promise<DoctorReport> {
  const files = new MachineFiles();
  const privileges = readPrivileges(files);
  const privileged = mayUseXdp(privileges);
  const { addon } = loadNative();
  const interfaces = inspectInterfaces(addon, choice, privileged);
  let probe: ProbeResult | undefined;
  const unprobed: Finding[] = [];
  if (privileged && addon !== undefined) {
    try {
      probe = await probeKernel(addon);
    } catch (error) {
      unprobed.push(notProbed(error));
    }
  }
  const findings = [
    ...softwareFindings(),
    ...kernelFindings(files, addon, probe),
    ...unprobed,
    ...privilegeFindings(privileges),
    ...memoryFindings(files),
    ...coreFindings(files),
  ];
  const ports = portVerdicts({ findings, interfaces, privileges });
  const isSound = findings.every((one) => one.state !== "problem");
  const areUsable = interfaces.every((one) => one.notes.every((note) => note.state !== "problem"));
  return {
    megaflow: version,
    privileged,
    findings,
    interfaces,
    ports,
    rootWouldAdd: privileged ? [] : rootAdditions(choice),
    healthy: isSound && areUsable,
  };
}

function notProbed(error: unknown): Finding {
  return {
    area: "kernel",
    topic: "attempts",
    state: "unknown",
    found: error instanceof Error ? error.message : String(error),
    meaning:
      "Without a network namespace of its own nothing was tried; the rest is told from the kernel's version.",
    remedies: ["sudo apt-get install -y util-linux iproute2"],
  };
}

function rootAdditions(choice: InterfaceChoice): string[] {
  const again = ["sudo -E env PATH=$PATH megaflow doctor", ...choice.names].join(" ");
  return [
    "AF_XDP, shared packet memory, jumbo frames, BPF links, TAP and AF_PACKET would be tried in a namespace of their own",
    "interfaces that you name would be tried with a program and a socket",
    "other network namespaces could be looked into",
    "ports to real interfaces could be opened",
    `run: ${again}`,
  ];
}
