// `megaflow replay`: sends captures or listed packets through a switch on this thread, one packet after the
// other, and says what became of each.

import { UsageError } from "../../errors.ts";
import {
  readRules,
  readSeed,
  readSettings,
  ruleOptions,
  seedOption,
  settingOptions,
} from "../common-options.ts";
import type { ReplayEngine } from "../engine.ts";
import { accountLines, megaflowLines } from "../format/account.ts";
import { packetJson, summaryJson } from "../format/replay-json.ts";
import { countOf } from "../format/units.ts";
import type { Arguments, CommandSpec } from "../options.ts";
import { Output } from "../output.ts";
import { PORTS_DEFAULT, PORTS_MAX, PortRange, parsePortFile } from "../ports.ts";
import { createReplayEngine } from "../replay-engine.ts";
import { openCaptures, openPacketList, type ReplayInput } from "../replay-input.ts";
import { ReplayOutput } from "../replay-output.ts";

const PASSES_MAX = 1_000_000_000;

export const spec: CommandSpec = {
  name: "replay",
  summary: "Send captures or listed packets through a switch and say what becomes of each.",
  usage: [
    "--flows FILE --pcap PORT=FILE ... [--out-dir DIR] [OPTIONS]",
    "--flows FILE --packets FILE [--json] [OPTIONS]",
  ],
  details: [
    "Every packet is settled with all its consequences (upcall, megaflow, recirculation, learning) before the " +
      "next. Captures are pcap or pcapng, micro- or nanosecond, of either byte order, plain or gzip; several " +
      "are merged by time, then port. The clock follows the captures; it stands still for a packet list. " +
      "A packet that no rule matches is dropped.",
    "A packet list has one packet a line: PORT HEX, with notes after #. PORT is 1 to N, or LOCAL with --local.",
  ],
  options: [
    ...ruleOptions,
    {
      name: "pcap",
      value: "PORT=FILE",
      multiple: true,
      meaning: "A capture, and the port its packets come in.",
    },
    { name: "packets", value: "FILE", meaning: "A packet list, in place of captures." },
    { name: "ports", value: "N", meaning: "Ports 1 to N exist.", default: String(PORTS_DEFAULT) },
    { name: "local", meaning: "The bridge has a LOCAL port; JSON and files call it 65534 and LOCAL." },
    { name: "repeat", value: "K", meaning: "Send the whole list K times.", default: "1" },
    ...settingOptions,
    { ...seedOption, default: "0" },
    {
      name: "out-dir",
      value: "DIR",
      meaning: "Write what each port sends to DIR/PORT.pcap, with the times of the input.",
    },
    { name: "json", meaning: "Print one JSON object a packet, then one with the summary (docs/json.md)." },
  ],
  examples: [
    [
      "megaflow replay --flows rules.flows --pcap 1=in.pcap --out-dir out",
      "Forward a capture; out/2.pcap has what port 2 sent.",
    ],
    [
      "megaflow replay --flows rules.flows --pcap 1=lan.pcapng.gz --pcap 2=wan.pcap --json",
      "Two captures as one stream, a JSON line a packet.",
    ],
    [
      "megaflow replay --flows rules.flows --packets packets.txt --profile kernel --json",
      "Packets written by hand, with the caches of the kernel datapath.",
    ],
  ],
};

/** Runs the command. */
export async function run(args: Arguments): Promise<void> {
  const ports = new PortRange(args.count("ports", 1, PORTS_MAX, PORTS_DEFAULT), args.flag("local"));
  const passes = args.count("repeat", 1, PASSES_MAX, 1);
  const options = {
    bridge: "br0",
    ...readSettings(args),
    seed: readSeed(args, 0n),
    ...readRules(args),
    portCount: ports.count,
    local: ports.local,
    explain: args.flag("json"),
  };
  const input = await openInput(args, ports);
  try {
    const engine = await createReplayEngine(options);
    try {
      await replay(engine, input, passes, args, ports);
    } finally {
      await engine.close();
    }
  } finally {
    await input.close();
  }
}

async function openInput(args: Arguments, ports: PortRange): Promise<ReplayInput> {
  const list = args.text("packets");
  const captures = args.list("pcap").map((text) => parsePortFile(text, ports));
  if (list !== undefined && captures.length > 0)
    throw new UsageError("--packets and --pcap exclude each other");
  if (list !== undefined) return openPacketList(list, ports);
  if (captures.length === 0) throw new UsageError("--pcap PORT=FILE or --packets FILE is missing");
  return await openCaptures(captures);
}

/** A mistake in a capture is thrown after what came before it was sent, written and summed up. */
async function replay(
  engine: ReplayEngine,
  input: ReplayInput,
  passes: number,
  args: Arguments,
  ports: PortRange,
): Promise<void> {
  const folder = args.text("out-dir");
  const files = folder === undefined ? undefined : new ReplayOutput(folder, ports, input.nanosecond);
  const json = args.flag("json");
  const output = new Output();
  let cut = 0;
  let failure: unknown;
  try {
    for await (const packet of input.packets(passes)) {
      const report = engine.send(packet.port, packet.bytes, packet.wireLength, packet.clockMs);
      files?.write(packet, report.out);
      if (packet.wireLength > packet.bytes.length) cut++;
      if (json) output.line(packetJson(packet, report));
      if (output.full) await output.flush();
    }
  } catch (error) {
    failure = error;
  }
  files?.close();
  const counters = engine.counters();
  const megaflows = await engine.megaflows();
  if (json) {
    output.line(summaryJson(counters, megaflows));
  } else {
    for (const line of [...accountLines(counters), ...megaflowLines(megaflows, counters.masks)])
      output.line(line);
  }
  await output.flush();
  if (cut > 0) {
    const note = `${countOf(cut, "packet")} cut by the capture's snap length: forwarded as far as captured`;
    process.stderr.write(`megaflow: ${note}\n`);
  }
  if (failure !== undefined) throw failure;
}
