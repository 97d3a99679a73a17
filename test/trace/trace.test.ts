// Traces are as they were agreed on (the .trace files here; UPDATE_TRACES=1 writes them anew), and say
// what Open vSwitch's ofproto/trace says of the same flows and packets.

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { test } from "node:test";
import { KEY_IN_PORT, KEY_WORD_COUNT } from "../../assembly/layout/flow-key.ts";
import { formatOdpActions } from "../../src/odp/format-actions.ts";
import { FLOW_OF_IN_PORT } from "../../src/openflow/flow-layout.ts";
import { FlowText } from "../../src/openflow/key-value.ts";
import { parseExactFlow } from "../../src/openflow/parse-match.ts";
import { traceText } from "../../src/xlate/trace.ts";
import { testEnv } from "../megaflow/test-bridge.ts";
import { OvsOracle, ovsMissing } from "../support/ovs.ts";
import { caseText, type TraceCase, traceCases } from "./trace-case.ts";

function keyOf(packet: string): Uint32Array {
  const flow = parseExactFlow(new FlowText(packet));
  const key = flow.slice(0, KEY_WORD_COUNT);
  key[KEY_IN_PORT >>> 2] = flow[FLOW_OF_IN_PORT >>> 2] as number;
  return key;
}

function traceOf({ flows, groups, packets, explain }: TraceCase): string[] {
  const env = testEnv(flows, groups);
  return packets.map((packet) =>
    traceText(env, keyOf(packet), { explain, formatActions: formatOdpActions }).trimEnd(),
  );
}

for (const traceCase of traceCases()) {
  test(`trace of ${traceCase.name}`, () => {
    const trace = traceOf(traceCase).join("\n\n");
    if (process.env["UPDATE_TRACES"] === "1") writeFileSync(traceCase.path, caseText(traceCase, trace));
    else assert.equal(trace, traceCase.expected);
  });
}

/** What both switches should print alike: the steps and the actions, without numbers given out at run time. */
function comparable(trace: string): string {
  const lines = trace
    .replaceAll(/pid=\d+,/g, "")
    .replaceAll(/dont_send=\d/g, "dont_send=0")
    .replaceAll(/recirc_id=\d+/g, "recirc_id=0")
    .replaceAll(/recirc\(0x[0-9a-f]+\)/g, "recirc(0x1)")
    .split("\n");
  const from = lines.findIndex((line) => line.startsWith("bridge("));
  const kept = lines.slice(from).filter((line) => !/^(Megaflow|Final flow|Drop reason|Flow)/.test(line));
  const end = kept.findIndex((line) => line.startsWith("====") || line.startsWith("Translation failed"));
  return kept
    .slice(0, end < 0 ? undefined : end)
    .join("\n")
    .trim();
}

test("traces say what ofproto/trace says", { skip: ovsMissing() ?? false }, async () => {
  const oracle = await OvsOracle.start({ ports: 5 });
  try {
    for (const traceCase of traceCases()) {
      if (!traceCase.sameAsOvs) continue;
      const groups = traceCase.groups === "" ? [] : traceCase.groups.split("\n");
      await oracle.load({ flows: traceCase.flows.split("\n"), groups });
      const ours = traceOf({ ...traceCase, explain: false });
      for (const [i, packet] of traceCase.packets.entries()) {
        const theirs = await oracle.trace(packet);
        assert.equal(comparable(ours[i] as string), comparable(theirs), `${traceCase.name}: ${packet}`);
      }
    }
  } finally {
    await oracle.close();
  }
});
