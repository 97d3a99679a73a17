// The JSON of `megaflow replay --json`: one object a packet and a last one, as docs/json.md says.

import type { MegaflowReport, PacketReport, SwitchCounters } from "../engine.ts";
import type { InputPacket } from "../replay-input.ts";

/** Returns the line of one packet. */
export function packetJson(input: InputPacket, report: PacketReport): string {
  return JSON.stringify({
    index: input.index,
    pass: input.pass,
    inPort: input.port,
    hex: hexOf(input.bytes),
    out: report.out.map(({ port, bytes }) => [port, hexOf(bytes)]),
    controller: report.controller.map((packet) => ({
      reason: packet.reason,
      table: packet.table,
      cookie: `0x${packet.cookie.toString(16)}`,
      totalLen: packet.totalLength,
      hex: hexOf(packet.bytes),
    })),
    drop: report.drop,
    lookups: report.lookups,
  });
}

/** Returns the last line. */
export function summaryJson(counters: SwitchCounters, megaflows: readonly MegaflowReport[]): string {
  return JSON.stringify({
    summary: {
      received: counters.received,
      forwarded: counters.forwarded,
      transmissions: counters.transmissions,
      consumed: counters.consumed,
      dropped: counters.dropped,
      upcalls: counters.upcalls,
      megaflows: megaflows.map(({ ufid, match, actions, packets, bytes }) => ({
        ufid,
        match,
        actions,
        packets,
        bytes,
      })),
      masks: counters.masks,
    },
  });
}

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("hex");
}
