// `megaflow trace`: explains what the rules do with a packet, in the words of Open vSwitch's ofproto/trace.

import { findProfile, resolveSettings } from "../../config/profiles.ts";
import { keyOfFlow, keyOfPacket } from "../../control/trace-key.ts";
import { UsageError } from "../../errors.ts";
import { InlineSwitch } from "../../inline-switch.ts";
import type { FlowKey } from "../../odp/flow-key.ts";
import { formatOdpActions } from "../../odp/format-actions.ts";
import { traceText } from "../../xlate/trace.ts";
import { readRules, ruleOptions } from "../common-options.ts";
import type { Arguments, CommandSpec } from "../options.ts";
import { PORTS_DEFAULT, PORTS_MAX, PortRange, toOfPort } from "../ports.ts";
import { addPorts } from "../replay-engine.ts";

export const spec: CommandSpec = {
  name: "trace",
  summary: "Explain what the rules do with one packet.",
  usage: ["--flows FILE [OPTIONS] FLOW", "--flows FILE [OPTIONS] PORT HEX"],
  details: [
    "The packet is given as a flow, with each field after the protocol that it belongs to, or as its bytes and " +
      "the port it comes in. The answer says which rules it hits, what they do, the megaflow that would be installed " +
      "and the datapath's actions. Nothing is sent, learned or installed.",
  ],
  operands: { what: "FLOW or PORT HEX", min: 1, max: 2 },
  options: [
    ...ruleOptions,
    { name: "ports", value: "N", meaning: "Ports 1 to N exist.", default: String(PORTS_DEFAULT) },
    { name: "local", meaning: "The bridge has a LOCAL port." },
    { name: "explain", meaning: "Say for every bit of the megaflow's mask what asked for it." },
  ],
  examples: [
    [
      "megaflow trace --flows rules.flows in_port=1,tcp,nw_dst=10.0.0.1,tp_dst=80",
      "A packet said by its fields.",
    ],
    [
      "megaflow trace --flows rules.flows --explain 1 ffffffffffff0000000000010806...",
      "The bytes of a packet that came in port 1.",
    ],
  ],
};

const BRIDGE = "br0";

/** Runs the command. */
export async function run(args: Arguments): Promise<void> {
  const ports = new PortRange(args.count("ports", 1, PORTS_MAX, PORTS_DEFAULT), args.flag("local"));
  const rules = readRules(args);
  const [first, hex] = args.operands as [string, string | undefined];
  const owner = createSwitch(ports);
  try {
    const names = owner.bridge.portNames;
    const key = hex === undefined ? keyOfFlow(first, names) : await keyOfText(first, hex, ports);
    for (const { text, file } of rules.meters) owner.addMeters(text, file);
    for (const { text, file } of rules.groups) owner.addGroups(text, file);
    for (const { text, file } of rules.flows) owner.addFlows(text, file);
    const options = { explain: args.flag("explain"), formatActions: formatOdpActions };
    process.stdout.write(traceText(owner.translation, key, options));
  } finally {
    await owner.close();
  }
}

/** Reads a packet that came in on a port of the command line. Throws UsageError. */
function keyOfText(portText: string, hex: string, ports: PortRange): Promise<FlowKey> {
  const port = ports.find(portText);
  if (port === undefined) throw new UsageError(`no port ${portText}, the ports are ${ports.text}`);
  return keyOfPacket(toOfPort(port), hex);
}

function createSwitch(ports: PortRange): InlineSwitch {
  const settings = resolveSettings(findProfile("default"), { "microflow.entries": 0, frames: 512 });
  const owner = new InlineSwitch({ bridge: BRIDGE, settings, seed: 0n });
  addPorts(owner, ports, BRIDGE);
  return owner;
}
