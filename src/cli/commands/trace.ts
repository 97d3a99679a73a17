// `megaflow trace`: explains what the rules do with a packet, in the words of Open vSwitch's ofproto/trace.

import { KEY_IN_PORT, KEY_WORD_COUNT } from "../../../assembly/layout/flow-key.ts";
import { findProfile, resolveSettings } from "../../config/profiles.ts";
import { UsageError } from "../../errors.ts";
import { InlineSwitch } from "../../inline-switch.ts";
import { parseHex } from "../../netdev/packet-list.ts";
import type { FlowKey } from "../../odp/flow-key.ts";
import { formatOdpActions } from "../../odp/format-actions.ts";
import { FLOW_OF_IN_PORT } from "../../openflow/flow-layout.ts";
import { FlowText } from "../../openflow/key-value.ts";
import { parseExactFlow } from "../../openflow/parse-match.ts";
import { type OfPort, ofPortToOdp } from "../../openflow/port.ts";
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
  const key = hex === undefined ? keyOfFlow(first) : await keyOfPacket(first, hex, ports);
  const owner = createSwitch(ports, false);
  try {
    for (const { text, file } of rules.meters) owner.addMeters(text, file);
    for (const { text, file } of rules.groups) owner.addGroups(text, file);
    for (const { text, file } of rules.flows) owner.addFlows(text, file);
    const options = { explain: args.flag("explain"), formatActions: formatOdpActions };
    process.stdout.write(traceText(owner.translation, key, options));
  } finally {
    await owner.close();
  }
}

/** Reads a flow; the port in the key is the datapath's. */
function keyOfFlow(text: string): FlowKey {
  const words = parseExactFlow(new FlowText(text, { file: "FLOW" }));
  const key = words.slice(0, KEY_WORD_COUNT);
  const inPort = words[FLOW_OF_IN_PORT >>> 2] as OfPort;
  key[KEY_IN_PORT >>> 2] = ofPortToOdp(inPort) ?? inPort;
  return key;
}

/** A switch without rules that wildcards nothing installs one megaflow for the packet: the packet's key. */
async function keyOfPacket(portText: string, hex: string, ports: PortRange): Promise<FlowKey> {
  const port = ports.find(portText);
  if (port === undefined) throw new UsageError(`no port ${portText}, the ports are ${ports.text}`);
  const owner = createSwitch(ports, true);
  try {
    owner.send(toOfPort(port), parseHex(hex, { file: "HEX", column: 1 }));
    const [megaflow] = owner.megaflows();
    if (megaflow === undefined)
      throw new UsageError("HEX is not a packet that a switch looks at: too short or too long");
    return megaflow.key;
  } finally {
    await owner.close();
  }
}

function createSwitch(ports: PortRange, exactMegaflows: boolean): InlineSwitch {
  const settings = resolveSettings(findProfile("default"), { "microflow.entries": 0, frames: 512 });
  const owner = new InlineSwitch({ bridge: BRIDGE, settings, exactMegaflows, seed: 0n });
  addPorts(owner, ports, BRIDGE);
  return owner;
}
