// `megaflow doctor`: what a switch can do on this machine, and the command that solves each problem.

import { examine } from "../../doctor/report.ts";
import { packageVersion } from "../environment.ts";
import { EXIT_FAILED } from "../exit.ts";
import { doctorLines } from "../format/doctor-text.ts";
import type { Arguments, CommandSpec } from "../options.ts";
import { Output } from "../output.ts";

const INTERFACES_MAX = 256;

export const spec: CommandSpec = {
  name: "doctor",
  summary: "Say what a switch can do on this machine, and the command for each problem.",
  usage: ["[INTERFACE ...] [--netns NAME] [--json]"],
  details: [
    "Looks at Node and the native addon, the kernel's AF_XDP, capabilities, the limit of locked memory, huge pages, " +
      "cores, and interfaces with their drivers, XDP modes, queues and offloads; then says what each type of port can do.",
    "Nothing of the machine is changed. With root, kernel features are tried on a veth pair in a network namespace of " +
      "its own, and interfaces that are named are tried with a program and a socket for a moment, unless the default " +
      "route leaves through them. Without root it says what it can, and what root would add.",
    "Exit status: 0 when nothing stands in the way, 1 when there is a problem, 2 for a wrong command line.",
  ],
  options: [
    {
      name: "netns",
      value: "NAME",
      meaning: "Look at the interfaces of this network namespace, a name of ip netns or a path.",
    },
    { name: "json", meaning: "Print the report as one JSON object (docs/json.md)." },
  ],
  operands: { what: "INTERFACE", min: 0, max: INTERFACES_MAX },
  examples: [
    ["megaflow doctor", "The machine and all its interfaces."],
    ["sudo megaflow doctor enp3s0f0 enp3s0f1", "Tries XDP on two interfaces that are to become ports."],
    ["megaflow doctor --netns lab --json", "The interfaces of a namespace, for a script."],
  ],
};

/** Runs the command. */
export async function run(args: Arguments): Promise<void> {
  const report = await examine(packageVersion(), { names: args.operands, netns: args.text("netns") });
  const output = new Output();
  if (args.flag("json")) output.line(JSON.stringify(report));
  else for (const line of doctorLines(report)) output.line(line);
  await output.flush();
  if (!report.healthy) process.exitCode = EXIT_FAILED;
}
