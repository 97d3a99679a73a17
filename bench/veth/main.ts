// npm run bench:veth [-- OPTIONS]: forwarders between two veth pairs, one after the other on the same core.
//
//   --only PART       subjects whose name has this in it; several times
//   --seconds S       of a window (default 2)        --windows N   (default 3)
//   --length BYTES    60 to 1514 (default 60)        --flows N     a power of two (default 1024)
//   --generator CPU   (default 0)                    --core CPU    of what forwards (default 1)
//   --out PATH        write PATH.md and PATH.json    --check       exit 1 when a target is missed
//   --realtime        keep other processes off both cores meanwhile (they stand still for it)
//
// Needs root, gcc and iproute2; Open vSwitch where it is to be compared. Makes its namespaces and removes them.

import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { LoadWatch } from "../../src/bench/environment.ts";
import { namespacesMissing } from "../../test/support/netns.ts";
import { type MeasurePlan, measure } from "./measure.ts";
import { beRealtime } from "./realtime.ts";
import { markdown, reportOf } from "./report.ts";
import type { Subject } from "./subject.ts";
import { cForwarder, cReceiver } from "./subjects/c-forwarder.ts";
import { linuxBridge, linuxBridgeSoftirq } from "./subjects/linux-bridge.ts";
import {
  megaflowAfxdp,
  megaflowBusy,
  megaflowGeneric,
  megaflowNoChecksums,
  megaflowPacket,
  megaflowReceiver,
} from "./subjects/megaflow.ts";
import { ovsAfxdp, ovsPacket } from "./subjects/open-vswitch.ts";

const subjects: readonly Subject[] = [
  megaflowAfxdp,
  ovsAfxdp,
  cForwarder,
  linuxBridge,
  linuxBridgeSoftirq,
  megaflowBusy,
  megaflowNoChecksums,
  megaflowGeneric,
  megaflowPacket,
  ovsPacket,
  megaflowReceiver,
  cReceiver,
];

const { values } = parseArgs({
  options: {
    only: { type: "string", multiple: true, default: [] },
    seconds: { type: "string", default: "2" },
    windows: { type: "string", default: "3" },
    length: { type: "string", default: "60" },
    flows: { type: "string", default: "1024" },
    generator: { type: "string", default: "0" },
    core: { type: "string", default: "1" },
    out: { type: "string" },
    check: { type: "boolean", default: false },
    realtime: { type: "boolean", default: false },
  },
});

const missing = namespacesMissing();
if (missing !== undefined) {
  process.stderr.write(`bench:veth: ${missing}\n`);
  process.exit(1);
}

const plan: MeasurePlan = {
  load: { seconds: Number(values.seconds), length: Number(values.length), flows: Number(values.flows) },
  windows: Number(values.windows),
  generatorCore: Number(values.generator),
  switchCore: Number(values.core),
};
const chosen = subjects.filter(
  ({ name }) =>
    values.only.length === 0 || values.only.some((part) => name.toLowerCase().includes(part.toLowerCase())),
);
if (chosen.length === 0) {
  process.stderr.write(
    `bench:veth: no subject has that in its name; there is ${subjects.map((one) => one.name).join("; ")}\n`,
  );
  process.exit(2);
}

if (values.realtime) beRealtime([plan.generatorCore, plan.switchCore]);
const watch = new LoadWatch();
const results = [];
for (const subject of chosen) {
  process.stderr.write(`${subject.name} ... `);
  const result = await measure(subject, plan);
  results.push(result);
  process.stderr.write(
    "median" in result ? `${(result.median / 1e6).toFixed(2)} Mpps\n` : `${result.reason}\n`,
  );
}
const report = reportOf(plan, results, watch.others(), values.realtime);
const text = markdown(report);
process.stdout.write(text);
if (values.out !== undefined) {
  writeFileSync(`${values.out}.md`, text);
  writeFileSync(`${values.out}.json`, `${JSON.stringify(report, null, 1)}\n`);
}
if (values.check && report.ratios.some(({ value, target, isLowerBound }) => value < target && !isLowerBound))
  process.exitCode = 1;
