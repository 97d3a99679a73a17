// Runs one differential case by its seed, or a case kept in files, and prints what differs:
//   npx tsx test/ovs/differential-case.ts --seed 7 --profile full [--minimise] [--keep DIR]
//   npx tsx test/ovs/differential-case.ts --flows F [--groups G] --packets P [--stateful] [--version OpenFlow10]

import { mkdirSync, readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import {
  compareRuns,
  type DifferentialCase,
  describeDifference,
  drawCase,
  Oracle,
  runMegaflow,
  writeCase,
} from "../support/differential.ts";
import { minimise } from "../support/minimise.ts";

const { values } = parseArgs({
  options: {
    seed: { type: "string" },
    profile: { type: "string", default: "basic" },
    minimise: { type: "boolean", default: false },
    keep: { type: "string" },
    flows: { type: "string" },
    groups: { type: "string" },
    packets: { type: "string" },
    stateful: { type: "boolean", default: false },
    version: { type: "string", default: "OpenFlow15" },
    show: { type: "string", default: "3" },
    "ovs-only": { type: "boolean", default: false },
  },
});

function lines(path: string | undefined): string[] {
  if (path === undefined) return [];
  const text = readFileSync(path, "utf8").split("\n");
  return text.map((line) => line.replace(/#.*$/, "").trim()).filter((line) => line !== "");
}

function caseOfArguments(): DifferentialCase {
  if (values.seed !== undefined)
    return drawCase(Number(values.seed), values.profile === "full" ? "full" : "basic");
  if (values.flows === undefined || values.packets === undefined) {
    throw new Error("give --seed N, or --flows FILE and --packets FILE");
  }
  const packets = lines(values.packets).map((line) => {
    const [port, hex] = line.split(/\s+/);
    return { port: Number(port), hex: hex ?? "" };
  });
  return {
    flows: lines(values.flows),
    groups: lines(values.groups),
    meters: [],
    stateful: values.stateful,
    version: values.version === "OpenFlow10" ? "OpenFlow10" : "OpenFlow15",
    packets,
  };
}

async function main(): Promise<number> {
  const oracle = new Oracle();
  try {
    let drawn = caseOfArguments();
    const differs = async (smaller: DifferentialCase) => {
      const copy = structuredClone(smaller);
      const ovs = await oracle.run(copy);
      return compareRuns(copy, ovs, await runMegaflow(copy)).length > 0;
    };
    if (values.minimise) drawn = await minimise(drawn, differs, 300_000);
    const ovs = await oracle.run(drawn);
    for (const killer of ovs.killers) console.log(`Open vSwitch died of ${killer.port} ${killer.hex}`);
    if (values.keep !== undefined) {
      mkdirSync(values.keep, { recursive: true });
      console.log(`megaflow replay ${writeCase(values.keep, drawn).join(" ")}`);
    }
    if (values["ovs-only"]) {
      console.log(JSON.stringify(ovs, null, 1));
      return 0;
    }
    const megaflow = await runMegaflow(drawn);
    const differences = compareRuns(drawn, ovs, megaflow);
    console.log(`${differences.length} of ${ovs.results.length} packets differ`);
    console.log(`megaflows ${megaflow.megaflows.length} (Open vSwitch ${ovs.megaflows.length})`);
    console.log(`masks ${megaflow.masks} (Open vSwitch ${ovs.masks})`);
    if (differences.length > 0 && drawn.flows.length < 12)
      console.log(drawn.flows.join("\n"), drawn.groups.join("\n"));
    for (const difference of differences.slice(0, Number(values.show))) {
      console.log(await describeDifference(await oracle.live(), difference));
    }
    return differences.length === 0 ? 0 : 1;
  } finally {
    await oracle.close();
  }
}

process.exitCode = await main();
