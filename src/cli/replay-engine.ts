// The switch of `megaflow replay`: on the calling thread, every packet settled before the next.

import { LookupLevel } from "../../assembly/layout/stat.ts";
import { InlineSwitch, type PacketFate } from "../inline-switch.ts";
import { dropReasonName } from "../odp/drop-reason.ts";
import type { PacketInReason } from "../openflow/action.ts";
import type { LookupLevelName, PacketReport, ReplayEngine, ReplayEngineOptions } from "./engine.ts";
import { fromOfPort, LOCAL_NUMBER, PortRange, portName, toOfPort } from "./ports.ts";
import { countersOf, megaflowsOf, tablesOf } from "./switch-report.ts";

/** Creates a switch with its ports and rules. Throws FlowSyntaxError and the like. */
export async function createReplayEngine(options: ReplayEngineOptions): Promise<ReplayEngine> {
  const owner = new InlineSwitch({
    bridge: options.bridge,
    settings: options.settings,
    exactMegaflows: options.profile.exactMegaflows,
    seed: options.seed,
    trace: true,
  });
  addPorts(owner, new PortRange(options.portCount, options.local), options.bridge);
  for (const { text, file } of options.meters) owner.addMeters(text, file);
  for (const { text, file } of options.groups) owner.addGroups(text, file);
  for (const { text, file } of options.flows) owner.addFlows(text, file);
  return {
    send: (port, packet, wireLength, clockMs) => {
      owner.setClock(clockMs);
      const [fate] = owner.sendBurst([{ port: toOfPort(port), bytes: packet, wireLength }]);
      return reportOf(fate as PacketFate);
    },
    counters: () => countersOf(owner),
    megaflows: async () => megaflowsOf(owner),
    tables: () => tablesOf(owner),
    close: () => owner.close(),
  };
}

function reportOf(fate: PacketFate): PacketReport {
  const isReceived = fate.sent.length > 0 || fate.packetIns.length > 0;
  return {
    out: fate.sent.map(({ port, bytes }) => ({ port: fromOfPort(port), bytes })),
    controller: fate.packetIns.map(({ record, totalLength, packet }) => ({
      reason: controllerReasons[record.reason],
      table: record.tableId,
      cookie: record.ruleCookie,
      totalLength,
      bytes: packet,
    })),
    drop: isReceived || fate.dropped === undefined ? null : dropReasonName(fate.dropped),
    lookups: fate.lookups.map(({ recircId, level, masksVisited }) => ({
      recircId,
      level: levelNames[level],
      masksVisited,
    })),
  };
}

const levelNames: Readonly<Record<LookupLevel, LookupLevelName>> = {
  [LookupLevel.MICROFLOW]: "microflow",
  [LookupLevel.MASK_CACHE]: "maskCache",
  [LookupLevel.MASKED]: "masked",
  [LookupLevel.UPCALL]: "upcall",
};

/** OpenFlow 1.4's finer reasons under the four that JSON has. */
const controllerReasons: Readonly<Record<PacketInReason, string>> = {
  no_match: "no_match",
  explicit_miss: "no_match",
  implicit_miss: "no_match",
  action: "action",
  action_set: "action",
  packet_out: "action",
  invalid_ttl: "invalid_ttl",
  group: "group",
};

/** Gives a switch the ports of a command line. */
export function addPorts(owner: InlineSwitch, ports: PortRange, bridge: string): void {
  for (const number of ports.numbers) {
    owner.addPort({ number: toOfPort(number), name: nameOf(number, bridge), transmit: "ring" });
  }
}

/** The bridge's own port has the bridge's name, as in Open vSwitch. */
function nameOf(port: number, bridge: string): string {
  return port === LOCAL_NUMBER ? bridge : `p${portName(port)}`;
}
