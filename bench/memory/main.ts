// One command for what the flow cache holds in memory: linear memory a megaflow, and the resident set of a switch.
//
//   npm run bench:memory -- [--megaflows 200000] [--core 1] [--settle 5] [--json] [--out bench/results/memory]
//
// Linear memory is counted in a switch on this thread. The resident set is that of `megaflow run` with its default configuration, a
// process of its own that recorded traffic made the megaflows of, --settle seconds after the last. Prints the page, or with --json
// one JSON object, and writes NAME.json and NAME.md. Exit status 1 when a figure is over its target.
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { parseArgs } from "node:util";
import { LoadWatch, readEnvironment } from "../../src/bench/environment.ts";
import { projectFile } from "../../src/project.ts";
import { countOption, numberOption, runCommand } from "../command.ts";
import { exitOnSignals } from "../peers/process.ts";
import { memoryKinds } from "./kinds.ts";
import { measureLinear } from "./linear.ts";
import { isOver, type MemoryResult, memoryReport } from "./report.ts";
import { measureResident } from "./resident.ts";

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      megaflows: { type: "string", default: "200000" },
      core: { type: "string", default: "1" },
      settle: { type: "string", default: "5" },
      json: { type: "boolean", default: false },
      out: { type: "string" },
    },
  });
  const megaflows = countOption("megaflows", values.megaflows, 1);
  const core = countOption("core", values.core, 0);
  const settle = numberOption("settle", values.settle, 0);
  const out = values.out ?? projectFile("bench/results/memory");
  const load = new LoadWatch();
  const result: MemoryResult = { linear: [], resident: [], environment: readEnvironment() };
  for (const { kind } of memoryKinds) {
    process.stderr.write(`${kind}: linear memory\n`);
    result.linear.push(await measureLinear(kind, megaflows));
    process.stderr.write(`${kind}: resident\n`);
    result.resident.push(await measureResident(kind, megaflows, core, settle));
  }
  result.environment = readEnvironment(load.others());
  mkdirSync(dirname(out), { recursive: true });
  writeFileSync(`${out}.json`, `${JSON.stringify(result)}\n`);
  writeFileSync(`${out}.md`, memoryReport(result));
  process.stdout.write(values.json ? `${JSON.stringify(result)}\n` : memoryReport(result));
  if (isOver(result)) process.exitCode = 1;
}

exitOnSignals();
await runCommand(import.meta.filename, main);
