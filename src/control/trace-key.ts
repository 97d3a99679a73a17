// The packet that ofproto/trace and `megaflow trace` are asked about, as a flow key: from a flow of the bridge,
// from a datapath flow, or from its bytes.

import { KEY_IN_PORT, KEY_WORD_COUNT } from "../../assembly/layout/flow-key.ts";
import { findProfile, resolveSettings } from "../config/profiles.ts";
import { UsageError } from "../errors.ts";
import { InlineSwitch } from "../inline-switch.ts";
import { parseHex } from "../netdev/packet-list.ts";
import type { FlowKey } from "../odp/flow-key.ts";
import { parseOdpMatch } from "../odp/parse.ts";
import { FLOW_OF_IN_PORT } from "../openflow/flow-layout.ts";
import { FlowText } from "../openflow/key-value.ts";
import { parseExactFlow } from "../openflow/parse-match.ts";
import { type OfPort, ofPortToOdp, type PortNames } from "../openflow/port.ts";

/** Reads a flow of the bridge (`in_port=1,tcp,...`); the port in the key is the datapath's. Throws FlowSyntaxError. */
export function keyOfFlow(text: string, ports?: PortNames): FlowKey {
  const words = parseExactFlow(new FlowText(text, { file: "FLOW" }, ports));
  const key = words.slice(0, KEY_WORD_COUNT);
  const inPort = words[FLOW_OF_IN_PORT >>> 2] as OfPort;
  key[KEY_IN_PORT >>> 2] = ofPortToOdp(inPort) ?? inPort;
  return key;
}

/** Reads a datapath flow, as dpctl/dump-flows prints it up to its statistics. Throws OdpSyntaxError. */
export function keyOfOdpFlow(text: string): FlowKey {
  return parseOdpMatch(text).key;
}

/**
 * Reads a packet's bytes, in hex, that came in on a port. A switch without rules that wildcards nothing installs
 * one megaflow for it: the packet's key. Throws PacketSyntaxError, UsageError.
 */
export async function keyOfPacket(port: OfPort, hex: string): Promise<FlowKey> {
  const settings = resolveSettings(findProfile("default"), { "microflow.entries": 0, frames: 512 });
  const owner = new InlineSwitch({ bridge: "br0", settings, exactMegaflows: true, seed: 0n });
  try {
    owner.addPort({ number: port, name: "in", transmit: "ring" });
    owner.send(port, parseHex(hex, { file: "HEX", column: 1 }));
    const [megaflow] = owner.megaflows();
    if (megaflow === undefined)
      throw new UsageError("HEX is not a packet that a switch looks at: too short or too long");
    return megaflow.key;
  } finally {
    await owner.close();
  }
}
